internal import CFormatData
internal import TextFormats

/// What MIDR_EL1 says about a CPU (Arm ARM, "MIDR_EL1, Main ID Register").
public struct CPUIdentity: Hashable, Sendable {
    /// The whole value of MIDR_EL1.
    public let midr: UInt64

    /// The CPU with this value of MIDR_EL1.
    public init(midr: UInt64) {
        self.midr = midr
    }

    /// The implementer's code, bits 31:24.
    public var implementer: Int { field(RegisterField.MIDREL1.implementer) }
    /// The major revision, rN, bits 23:20.
    public var variant: Int { field(RegisterField.MIDREL1.variant) }
    /// The primary part number, bits 15:4.
    public var part: Int { field(RegisterField.MIDREL1.partNum) }
    /// The minor revision, pN, bits 3:0.
    public var revision: Int { field(RegisterField.MIDREL1.revision) }

    /// None of them has more than 12 bits.
    private func field(_ field: RegisterField) -> Int { Int(clamping: field.extract(from: midr)) }

    /// The implementer's name in Linux (`arch/arm64/include/asm/cputype.h`), such as `ARM`; nil where the dictionary
    /// has none.
    public var implementerName: String? { Self.row(implementer, 0xffff).map(Self.name) }

    /// The part's name in Linux, such as `NEOVERSE_N1`; nil where the dictionary has none.
    public var partName: String? { Self.row(implementer, part).map(Self.name) }

    /// Whether it stands beside CPUs of another type in one machine.
    package var isMixed: Bool { Self.row(implementer, part)?.is_mixed == 1 }

    /// The types of CPU, `KVM_ARM_TARGET_*`, that `KVM_ARM_VCPU_INIT` takes on this one: its own, and the
    /// generic one where it has none or the kernel is new enough (`kvm_vcpu_set_target` in
    /// `arch/arm64/kvm/arm.c`, `kvm_target_cpu` in `guest.c`).
    /// - Parameter kernel: nil for the newest.
    public func targets(onKernel kernel: KernelVersion?) -> [UInt32] {
        let hasOwn = Tables.targets.contains { $0.identity == tableKey }
        return Tables.targets.filter { target in
            target.identity == tableKey
                || target.identity == 0
                    && (!hasOwn
                        || KernelVersion.has(kernel, since: KernelVersion(packed: target.since)))
        }.map(\.number)
    }

    /// The kernels from which on a vCPU can be made with another target.
    static let targetChanges = Tables.targets.compactMap { KernelVersion(packed: $0.since) }

    /// The implementer and the part as the tables have them.
    var tableKey: UInt32 { Self.identity(implementer, part) }

    private static func identity(_ implementer: Int, _ part: Int) -> UInt32 {
        UInt32(implementer << 16 | part)
    }

    private static func name(_ row: cformat_cpu) -> String { Tables.string(row.name) }

    private static func row(_ implementer: Int, _ part: Int) -> cformat_cpu? {
        let identity = identity(implementer, part)
        let rows = Tables.cpus
        let index = rows.lowerBound { $0.identity < identity }
        return index < rows.count && rows[index].identity == identity ? rows[index] : nil
    }
}

extension CPUIdentity: CustomStringConvertible {
    /// `ARM NEOVERSE_N1 r4p1`; numbers where there is no name: `implementer 0x41 part 0xfff r0p0`.
    public var description: String {
        let maker = implementerName ?? "implementer \(implementer.hex)"
        let model = partName ?? "part \(part.hex)"
        return "\(maker) \(model) r\(variant)p\(revision)"
    }
}
