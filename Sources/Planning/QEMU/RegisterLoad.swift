internal import Emulation
public import LinuxSystem
public import Registers
public import Transfer
public import VCPUModel

/// What becomes of one register when QEMU loads a stream.
public struct RegisterLoad: Hashable, Sendable {
    /// In the order of reports, by the stable names used there and in JSON.
    public enum Fate: String, CaseIterable, Sendable {
        /// The destination has no such register, which makes QEMU give up.
        case unknown
        /// KVM refuses the value, which makes QEMU give up; where QEMU emulates the CPU, the register is constant and
        /// has another value.
        case refused
        /// The destination has no such register, and QEMU goes on all the same.
        case dropped
        /// KVM took the value and holds another one; QEMU does not look.
        case altered
        /// The destination has no such register, and QEMU knows that this may be.
        case tolerated
        /// Only the destination has it; it keeps the value of a fresh vCPU.
        case keptAtReset = "kept-at-reset"
        /// Only the destination has it, and QEMU, which emulates the CPU, gives it whatever was in its memory.
        case unset
        /// The vCPU holds the stream's value.
        case loaded

        /// Every name, in that order.
        public static let names = allCases.map(\.rawValue)

        /// Whether QEMU ends the migration because of it.
        public var isFailure: Bool { self == .refused || self == .unknown }
    }

    /// What QEMU does about it, beyond what KVM makes of the value.
    public enum Answer: Hashable, Sendable {
        /// Nothing.
        case silence
        /// It gives up, because the destination does not have the register.
        case failure
        /// It knows that the destination may not have the register.
        case tolerance
        /// It emulates the CPU, and gives a register that the stream does not have whatever was in its memory.
        case memory
        /// It emulates the CPU, and finds that a constant register has another value.
        case comparison
    }

    /// The register, by KVM's id.
    public var id: RegisterID
    /// What the vCPU makes of it, whatever QEMU then does.
    public var outcome: RegisterOutcome
    /// What QEMU does about it.
    public var answer = Answer.silence
    /// The stream's value; nil where the stream has none.
    ///
    /// No stream has `SVE_VLS`: its value here is the longest length that the guest's registers show.
    public var incoming: RegisterValue?
    /// What the vCPU holds afterward; nil where it has no such register.
    public var held: RegisterValue?
    /// Why the policy does not count the loss; nil when it does, and when there is none.
    public var pardon: Pardon?

    /// Whether the guest loses something, and the policy counts it.
    public var isLoss: Bool { loss != nil && pardon == nil }

    /// What a policy is asked about; nil when nothing is lost.
    public var loss: PolicyLoss? {
        // Of a value of the destination's own that its KVM refuses nothing is lost.
        let own = answer == .memory ? RegisterValue(0, size: id.size ?? 8) : held
        guard let saved = incoming ?? (outcome == .missing ? own : nil) else { return nil }
        return PolicyLoss(id, saved: saved, outcome, wanted: incoming, found: held)
    }

    /// Outcome and answer in one word.
    public var fate: Fate {
        switch outcome {
        case .absent where answer == .failure: .unknown
        case .absent where answer == .tolerance: .tolerated
        case .absent: .dropped
        case .refused: .refused
        case .keptButMasked, .acceptedThenChanged: .altered
        case .untouched, .missing: answer == .memory ? .unset : .keptAtReset
        case .taken, .alreadyEqual, .volatile, .skipped: .loaded
        }
    }

    /// The errno with which KVM refuses the write; nil where it does not.
    public var errno: Errno? {
        if case .refused(let errno) = outcome, answer != .comparison { errno } else { nil }
    }
}

extension RegisterLoad {
    /// Looks at what a vCPU holds of a value that it took.
    mutating func compare(with vcpu: EmulatedCPU) {
        guard outcome == .taken, let wanted = incoming, let found = try? vcpu.read(id) else {
            return
        }
        held = found
        // The CLR views of bitmaps show what their SET registers hold.
        guard RegisterDictionary.entry(for: id)?.isClearView != true else { return }
        outcome = RegisterOutcome(of: id, wanted: wanted, before: nil, found: found)
    }

    /// Asks a policy whether the loss counts, if there is one.
    mutating func ask(_ policy: RestorePolicy, of guest: RegisterList, on vcpu: EmulatedCPU) {
        let lost = loss?.onKernel(vcpu.profile.kernel)
        pardon = lost.flatMap { policy.pardon($0, of: guest) }
    }
}
