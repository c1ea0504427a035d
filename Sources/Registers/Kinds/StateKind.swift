/// What follows for a register from the kind of state that it is.
///
/// Where a layer has to know what kind of register it has before it, it asks here, so a new kind is a function in
/// this folder and a case of `RegisterID.kind`. What a kind does not say is as for an ordinary system register; what
/// differs from register to register inside a kind is in the dictionary (`Formats/registers`).
package struct StateKind: Sendable {
    // MARK: What it is

    /// What it is shown with.
    package var category: RegisterCategory

    /// The bits that are alike in all vCPUs of a VM, of those that no guest changes: what KVM keeps once, and
    /// what tells the guest of its CPU.
    package var commonBits: UInt64 = 0

    /// What it holds after `KVM_ARM_VCPU_INIT`, where the dictionary does not say it.
    package var reset = ResetRule.asSaved(but: 0)

    // MARK: Writing it

    /// When a restore writes it.
    package var phase = RestorePhase.system

    /// Which values KVM takes, for a register of which the dictionary says that it refuses some.
    package var constraint = WriteConstraint.bits

    /// Why KVM refuses a value of it; nil where that is not known.
    var refusal: String?

    /// What an errno from KVM means for it, where that is not what it means for most registers.
    var ownExplanation: (@Sendable (AccessFailure, RegisterID) -> String?)?

    // MARK: Hosts that differ

    /// Why it is lost on a host that has such a register.
    package var loss = LossRule.cause(.other)

    /// Why it is lost on a host that has no such register.
    package var lossWhenAbsent = LossRule.absence

    /// How the value that all hosts of a baseline can give is found.
    package var baseline = BaselineRule.untouched

    // MARK: QEMU

    /// Whether only KVM has it, and QEMU's own emulation never lists it.
    package var isOnlyOfKVM = false
}

extension RegisterID {
    /// Whether it can be in QEMU's list of registers, instead of a field of its own or nowhere in a stream.
    ///
    /// Loads ask it of every register, so no kind is made for it.
    var canBeInQEMUList: Bool {
        switch group {
        case .core, .sve, .vcpu, .vm: false
        case .demultiplexed, .system, .firmware, .firmwareFeatures, .coprocessor, .vfp, .unknown:
            true
        }
    }

    /// What an errno from KVM means for it; nil where that is not known.
    package func explanation(of failure: AccessFailure) -> String? {
        let kind = kind
        guard let explain = kind.ownExplanation else {
            return failure.explanation(refused: kind.refusal)
        }
        return explain(failure, self)
    }

    /// The kind of state that it is.
    package var kind: StateKind {
        switch group {
        case .core: size == 16 || size == 4 ? .floatingPoint(self) : .core(self)
        case .demultiplexed: .cache
        case .system(let encoding): .system(self, encoding)
        case .firmware: .firmware(self)
        case .firmwareFeatures: .hypercalls
        case .sve: .sve(self)
        case .coprocessor: .coprocessor(self)
        case .vfp: StateKind(category: .vector)
        case .vcpu: deviceAttribute == nil ? .vcpu(self) : .device(self)
        case .vm: .device(self)
        case .unknown: StateKind(category: .other)
        }
    }
}
