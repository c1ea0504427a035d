public import LinuxSystem
public import Registers
public import Transfer
public import VCPUModel

/// What becomes of one register when QEMU loads a stream.
public struct RegisterLoad: Hashable, Sendable {
    public enum Fate: Hashable, Sendable {
        /// The vCPU holds the stream's value.
        case loaded
        /// KVM took the value and holds another one; QEMU does not look.
        case altered
        /// KVM refuses the value, which makes QEMU give up.
        case refused(Errno)
        /// The destination has no such register, which makes QEMU give up.
        case unknown
        /// The destination has no such register, and QEMU goes on all the same.
        case dropped
        /// The destination has no such register, and QEMU knows that this may be.
        case tolerated
        /// Only the destination has it; it keeps the value of a fresh vCPU.
        case keptAtReset

        /// The stable name used in reports and JSON.
        public var name: String {
            switch self {
            case .loaded: "loaded"
            case .altered: "altered"
            case .refused: "refused"
            case .unknown: "unknown"
            case .dropped: "dropped"
            case .tolerated: "tolerated"
            case .keptAtReset: "kept-at-reset"
            }
        }

        /// Every name, in the order reports list them.
        public static let names = [
            "unknown", "refused", "dropped", "altered", "tolerated", "kept-at-reset", "loaded",
        ]

        /// Whether QEMU ends the migration because of it.
        public var isFailure: Bool {
            switch self {
            case .refused, .unknown: true
            case .loaded, .altered, .dropped, .tolerated, .keptAtReset: false
            }
        }
    }

    public var id: RegisterID
    public var fate: Fate
    /// The stream's value, of `SVE_VLS` the longest length that its registers show; nil where the stream
    /// has none.
    public var incoming: RegisterValue?
    /// What the vCPU holds afterwards; nil where it has no such register.
    public var held: RegisterValue?
    /// Why the policy does not count the loss; nil when it does, and when there is none.
    public var pardon: Pardon?

    public init(
        id: RegisterID, fate: Fate, incoming: RegisterValue? = nil, held: RegisterValue? = nil
    ) {
        self.id = id
        self.fate = fate
        self.incoming = incoming
        self.held = held
    }

    /// Whether the guest loses something, and the policy counts it.
    public var isLoss: Bool { loss != nil && pardon == nil }

    /// What a policy is asked about; nil when nothing is lost.
    public var loss: PolicyLoss? {
        guard let incoming else { return missing }
        switch fate {
        case .loaded, .keptAtReset: return nil
        case .refused: return PolicyLoss(id, saved: incoming, .refused)
        case .unknown, .dropped, .tolerated: return PolicyLoss(id, saved: incoming, .absent)
        case .altered:
            return PolicyLoss(id, saved: incoming, .different(changedBits ?? incoming))
        }
    }

    /// No vCPU can do without it, and the stream does not have it.
    private var missing: PolicyLoss? {
        guard fate == .keptAtReset, let held, RegisterDictionary.entry(for: id)?.isEssential == true
        else { return nil }
        return PolicyLoss(id, saved: held, .missing)
    }

    private var changedBits: RegisterValue? {
        guard let incoming, let held else { return nil }
        return incoming.differingBits(from: held)?
            .masked(by: ~RegisterDictionary.volatileBits(of: id))
    }
}
