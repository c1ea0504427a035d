internal import Registers
public import VCPUModel

extension HostProfile {
    /// What a snapshot tells of the host it was taken on.
    ///
    /// That is less than a recording: the ID registers are those the guest was given, which may be lower
    /// than what the host offers; features are those of this vCPU; writable masks are the dictionary's.
    /// Registers that a guest changes as it runs have their reset values, where those are known.
    /// - Returns: nil when the snapshot has no vCPU, no VCPU_INIT, or does not say which kernel it is
    ///   from.
    public init?(from snapshot: Snapshot, name: String?) {
        guard let kernel = snapshot.provenance[.kernel], let vcpu = snapshot.vcpus.first,
            let used = vcpu.registers[.vcpuInit].flatMap({ VCPUInit($0) })
        else { return nil }
        let midr = vcpu.registers[.midr]?.bits
        self.init(
            name: name ?? Self.defaultName(kernelRelease: kernel, midr: midr),
            kernelRelease: kernel, midr: midr,
            counterFrequency: snapshot.provenance.counterFrequency,
            capabilities: Self.capabilities(of: snapshot.provenance),
            features: used.features.subtracting(.powerOff), extensions: ["x-from snapshot"],
            registers: Self.resetRegisters(of: vcpu.registers, made: used))
    }

    /// `6.12-neoverse-n1`: the kernel's version and the CPU's name.
    public static func defaultName(kernelRelease: String, midr: UInt64?) -> String {
        let kernel = KernelVersion(parsing: kernelRelease).map { "\($0.major).\($0.minor)" }
        let part = midr.flatMap { CPUIdentity(midr: $0).partName }
        let cpu = part?.lowercased().map { $0 == "_" ? "-" : String($0) }.joined()
        return [kernel ?? "unknown", cpu ?? "cpu"].joined(separator: "-")
    }

    private static func capabilities(of provenance: Provenance) -> [String: Int32] {
        let prefix = Provenance.Key.capability("").rawValue
        let pairs = provenance.entries.compactMap { key, value -> (String, Int32)? in
            guard key.rawValue.hasPrefix(prefix), let number = Int32(value) else { return nil }
            return (String(key.rawValue.dropFirst(prefix.count)), number)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    private static func resetRegisters(
        of registers: RegisterList, made used: VCPUInit
    ) -> RegisterList {
        let pairs = registers.map { id, value in (id, resetValue(of: id, saved: value)) }
        var result = RegisterList(pairs) ?? registers
        let features = used.features.subtracting(.powerOff)
        result.set(VCPUInit(target: used.target, features: features).value, for: .vcpuInit)
        return result
    }

    private static func resetValue(of id: RegisterID, saved: RegisterValue) -> RegisterValue {
        let entry = RegisterDictionary.entry(for: id)
        let moving = entry?.volatileBits ?? 0
        if let reset = entry?.newestBehaviour?.reset {
            return RegisterValue(reset & ~moving, size: saved.size)
        }
        switch id.group {
        case .core where id == .pstate: return RegisterValue(resetState)
        case .sve where id == .sveVectorLengths: return saved
        case .core, .sve: return RegisterValue.zero(size: saved.size) ?? saved
        case .vcpu where id == .vcpuEvents: return VCPUEvents.none.value
        case .vcpu where id == .mpState: return RegisterValue(0, size: saved.size)
        default: return saved.masked(by: ~moving)
        }
    }

    /// EL1h, exceptions masked (`VCPU_RESET_PSTATE_EL1`, `arch/arm64/kvm/reset.c`).
    private static let resetState: UInt64 = 0x3c5
}
