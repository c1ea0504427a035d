public import QEMUStream
internal import VCPUModel

/// What came of the mending of a stream, and what to do next.
public struct MendResult: Sendable {
    /// What was changed, and what stands in the way.
    public let mend: StreamMend
    /// The rules with which nothing stands in the way any more, none where there are no such; nil where nothing does.
    public let proposal: PolicyProposal?
    /// Whether the destination's list of registers decided, where a QEMU without KVM has one of its own.
    public let isListCompared: Bool
    /// What the stream was to be mended for.
    private let request: MendRequest

    /// - Parameter proposal: nil where nothing stands in the way.
    init(
        _ mend: StreamMend, _ proposal: PolicyProposal?, for request: MendRequest,
        isListCompared: Bool
    ) {
        (self.mend, self.proposal, self.request) = (mend, proposal, request)
        self.isListCompared = isListCompared
    }

    /// The vCPUs that the stream is to have; nil where the mended stream is not to be written.
    public var vcpus: [CPUSection]? { mend.isSafe ? mend.sections : nil }

    /// What to do where something stands in the way.
    package enum NextStep: Sendable {
        /// What helps against what stands in the way of the machine as a whole.
        case remedies([LoadRemedy])
        /// Find out which of the registers of these rules the guest can do without.
        case decide(PolicyProposal)
        /// No rule lets it load there.
        case otherHost
        /// Name the CPU whose list the destination has.
        case nameCPU
    }

    /// Nil where nothing stands in the way, and where nothing helps.
    package var nextStep: NextStep? {
        guard let proposal else { return isListCompared ? nil : .nameCPU }
        if mend.isBlocked { return .remedies(mend.blockers.compactMap(\.remedy)) }
        guard proposal.proposed.isEmpty else { return .decide(proposal) }
        return request.isForHost ? .otherHost : nil
    }
}
