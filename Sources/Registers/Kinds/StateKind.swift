/// A kind of state: which ids are of it, and everything that follows from that.
///
/// Where a layer has to know what kind of register it has before it, it asks here, so a new kind is one type in
/// this folder and one line in `StateKinds.all`, with a group, a category, a phase where it needs one of its own. Requirements have the answer of an ordinary system register as
/// their default; what differs from register to register inside a kind is in the dictionary (`Formats/registers`).
package protocol StateKind: Sendable {
    /// Whether an id is one of this kind's.
    static func contains(_ id: RegisterID) -> Bool

    // MARK: Names

    /// A name that tells the encoding of a register which the dictionary does not have; nil for none.
    static func genericName(of id: RegisterID) -> String?

    /// The register that a generic name stands for; nil for any other text.
    static func id(named scanner: NameScanner) -> RegisterID?

    // MARK: What it is

    /// What it is shown with.
    static func category(of id: RegisterID) -> RegisterCategory

    /// The bits that are alike in all vCPUs of a VM, of those that no guest changes: what KVM keeps once, and
    /// what tells the guest of its CPU.
    static func commonBits(of id: RegisterID) -> UInt64

    /// What it holds after `KVM_ARM_VCPU_INIT`, where the dictionary does not say it.
    static func reset(of id: RegisterID) -> ResetRule

    // MARK: Writing it

    /// When a restore writes it.
    static func phase(of id: RegisterID) -> RestorePhase

    /// Which values KVM takes, for a register of which the dictionary says that it refuses some.
    static func constraint(of id: RegisterID) -> WriteConstraint

    /// What an errno of KVM means for it; nil where that is not known.
    static func explanation(of failure: AccessFailure, for id: RegisterID) -> String?

    // MARK: Hosts that differ

    /// Why it is lost on a host.
    /// - Parameter isAbsent: whether the host has no such register.
    static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule

    /// How the value that all hosts of a baseline can give is found.
    static func baseline(of id: RegisterID) -> BaselineRule

    // MARK: QEMU

    /// Whether QEMU keeps it in its list of system registers, the cpreg list, if it has 32 or 64 bits.
    static var isInCPRegisterList: Bool { get }

    /// Whether only KVM has it, and QEMU's own emulation never lists it.
    static var isOnlyOfKVM: Bool { get }
}

/// Every kind of state there is.
package enum StateKinds {
    package static let all: [any StateKind.Type] = [
        SystemState.self, CoreState.self, FloatingPointState.self, SVEState.self,
        FirmwareState.self, HypercallState.self, CacheState.self, VCPUSetup.self,
        CoprocessorState.self, VFPState.self,
    ]

    package static func kind(of id: RegisterID) -> any StateKind.Type {
        all.first { $0.contains(id) } ?? UnknownState.self
    }
}

extension RegisterID {
    /// The kind of state that it is.
    package var kind: any StateKind.Type { StateKinds.kind(of: self) }
}

extension StateKind {
    package static func genericName(of id: RegisterID) -> String? { nil }

    package static func id(named scanner: NameScanner) -> RegisterID? { nil }

    package static func commonBits(of id: RegisterID) -> UInt64 {
        guard let entry = RegisterDictionary.entry(for: id), !entry.isCounter else { return 0 }
        return entry.isVMWide || entry.isFeatureIDRegister || entry.isImplementationID ? .max : 0
    }

    package static func reset(of id: RegisterID) -> ResetRule { .asSaved(but: 0) }

    package static func phase(of id: RegisterID) -> RestorePhase { .system }

    package static func constraint(of id: RegisterID) -> WriteConstraint { .bits }

    package static func explanation(of failure: AccessFailure, for id: RegisterID) -> String? {
        failure.explanation(refused: nil)
    }

    package static func loss(of id: RegisterID, isAbsent: Bool) -> LossRule {
        isAbsent ? .absence : .cause(.other)
    }

    package static func baseline(of id: RegisterID) -> BaselineRule { .untouched }

    package static var isInCPRegisterList: Bool { true }

    package static var isOnlyOfKVM: Bool { false }
}

/// What no other kind has: ids that nobody has defined yet.
package enum UnknownState: StateKind {
    package static func contains(_ id: RegisterID) -> Bool { true }

    package static func category(of id: RegisterID) -> RegisterCategory { .other }
}
