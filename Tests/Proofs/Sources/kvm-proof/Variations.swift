import VCPUSnap

/// Snapshots of VMs as no KVM made them: the second vCPU of a saved VM differs from the first in what KVM keeps
/// once for a VM, or registers are missing.
struct Variations {
    private typealias Change = (inout [VCPUState]) -> Void

    private let original: Snapshot

    init(of path: String) throws {
        original = try SnapshotReader.decode(File.read(path, limit: 16 << 20))
        guard original.vcpus.count > 1 else { throw ProofError("\(path) has one vCPU only") }
    }

    /// Writes each beside the original: `PATH-features` and so on.
    func write(beside path: String) throws {
        for (name, change) in Self.changes {
            var snapshot = original
            change(&snapshot.vcpus)
            try AtomicFile.replace(
                "\(path)-\(name)", with: [SnapshotWriter.encode(snapshot, level: 3)])
        }
    }

    private static var changes: [(name: String, change: Change)] {
        [
            ("pmu", { withoutFeature(.pmuV3, &$0) }),
            ("psci", { withoutFeature(.psci02, &$0) }),
            (
                "width",
                { vcpus in
                    set(.vcpuInit, &vcpus) { $0 | UInt64(VCPUFeatures.el1In32Bit.rawValue) << 32 }
                }
            ),
            ("counters", { set(.pmcrEL0, &$0) { $0 & ~0xf800 | 2 << 11 } }),
            (
                "identity",
                { vcpus in
                    for name in ["ID_AA64ISAR0_EL1", "CLIDR_EL1", "CTR_EL0"] {
                        // AES, Ctype1 and DIC: less than most hosts have.
                        let bits: [String: UInt64] = ["CLIDR_EL1": 7, "CTR_EL0": 1 << 29]
                        set(RegisterID(parsing: name), &vcpus) { $0 & ~(bits[name] ?? 0xf0) }
                    }
                }
            ),
            (
                "firmware",
                { vcpus in
                    set(.psciVersion, &vcpus) { _ in 0x1_0000 }
                    set(RegisterID(parsing: "STD_BMAP"), &vcpus) { _ in 0 }
                    // CSV2: what Linux 6.1 lets one write of an ID register.
                    set(RegisterID(parsing: "ID_AA64PFR0_EL1"), &vcpus) { $0 & ~(0xf << 56) }
                }
            ),
            ("lengths", { set(.sveVLS, &$0) { _ in 1 } }),
            ("lacking", { keep(&$0[1]) { !["x0", "pstate", "SCTLR_EL1"].contains($0.name) } }),
            ("alone", { keep(&$0[1]) { $0 == .vcpuInit } }),
            ("nothing", { keep(&$0[0]) { _ in false } }),
        ]
    }

    private static func withoutFeature(_ feature: VCPUFeatures, _ vcpus: inout [VCPUState]) {
        set(.vcpuInit, &vcpus) { $0 & ~(UInt64(feature.rawValue) << 32) }
    }

    /// Changes the low bits of a register of the second vCPU, if it has the register.
    private static func set(
        _ id: RegisterID?, _ vcpus: inout [VCPUState], _ change: (UInt64) -> UInt64
    ) {
        guard let id, let old = vcpus[1].registers[id] else { return }
        let low = RegisterValue(change(old.lowBits)).littleEndianBytes.prefix(old.size)
        let bytes = low + old.littleEndianBytes.dropFirst(low.count)
        if let new = RegisterValue(littleEndian: Array(bytes)) {
            vcpus[1].registers.set(new, for: id)
        }
    }

    private static func keep(_ vcpu: inout VCPUState, _ isKept: (RegisterID) -> Bool) {
        vcpu.registers = RegisterList(vcpu.registers.filter { isKept($0.0) }) ?? vcpu.registers
    }
}
