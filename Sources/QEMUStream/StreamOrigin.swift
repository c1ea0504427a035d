package import Registers

/// Who ran the vCPUs of a stream; lists of different origins cannot be compared.
public enum StreamOrigin: String, Hashable, Sendable {
    /// KVM: the list is `KVM_GET_REG_LIST`.
    case kvm
    /// QEMU's own emulation.
    case tcg
    /// macOS's Hypervisor.framework.
    case hvf
    /// The list is empty, or nothing in it tells.
    case unknown

    /// What the list of a vCPU tells.
    ///
    /// KVM has firmware and demultiplexed registers, and MIDR_EL1, which QEMU's own tables cannot read
    /// without side effects; QEMU's emulation has AArch32 registers; HVF's fixed list has SP_EL0.
    init(_ ids: [RegisterID]) {
        let hasKVM = ids.contains { $0 == .midrEL1 || $0.kind.isOnlyOfKVM }
        if hasKVM {
            self = .kvm
        } else if ids.contains(where: { $0.architecture == .arm }) {
            self = .tcg
        } else {
            self = ids.contains(.systemSPEL0) ? .hvf : .unknown
        }
    }

    /// What the lists of all vCPUs tell: unknown where they tell different things.
    init(of sections: [CPUSection]) {
        let origins = Set(sections.map { StreamOrigin($0.entries.map(\.id)) })
        self = origins.count == 1 ? origins.first ?? .unknown : .unknown
    }

    /// For messages.
    public var text: String {
        switch self {
        case .kvm: "KVM"
        case .tcg: "QEMU's own emulation (TCG)"
        case .hvf: "Hypervisor.framework (HVF)"
        case .unknown: "an unknown accelerator"
        }
    }
}

extension RegisterID {
    /// KVM's id for a register in one of QEMU's own lists, and the other way round.
    ///
    /// KVM has the ids of two timer registers the wrong way round, and says that it will keep them so
    /// (`KVM_REG_ARM_TIMER_CVAL`, `arch/arm64/include/uapi/asm/kvm.h`); QEMU's tables have the
    /// architecture's.
    package func translated(from origin: StreamOrigin) -> RegisterID {
        guard origin != .kvm else { return self }
        switch self {
        case .cntvCVALEL0: return .cntvctEL0
        case .cntvctEL0: return .cntvCVALEL0
        default: return self
        }
    }
}

extension QEMUStream {
    /// The option of QEMU's machine that gave its emulated CPU registers, of those that give more than any CPU model has.
    public var machineOption: String? {
        guard origin == .tcg else { return nil }
        let ids = Set(cpus.flatMap(\.entries).map(\.id))
        let options: [(RegisterID, String)] = [
            (.hcrEL2, "virtualization=on"), (.scrEL3, "secure=on"), (.rgsrEL1, "mte=on"),
        ]
        return options.first { ids.contains($0.0) }?.1
    }
}
