public import QEMUStream
public import Transfer
public import VCPUModel

/// What it takes to let a guest go to a host: the rules of a policy and, for a guest in a QEMU stream, the mended
/// stream.
public struct GuestFix: Sendable {
    /// The rules that are missing; none where nothing counts by the policy as it is.
    public private(set) var proposal = PolicyProposal()
    /// Whether the guest can go to the host by the policy with these rules.
    public private(set) var isPossible = false
    /// The stream mended by that policy; nil for a guest that comes in none.
    public private(set) var mend: StreamMend?

    /// By what QEMU does with the stream that the guest is in, and without one by what a restore does.
    /// - Parameters:
    ///   - snapshot: its vCPUs.
    ///   - request: names a host.
    /// - Throws: for a stream that cannot be mended at all, and for vCPUs that cannot be initialized there.
    public init(
        of snapshot: Snapshot, in stream: QEMUStream?, for request: MendRequest
    ) throws(StreamMend.Problem) {
        if let stream {
            try load(stream, snapshot, request)
        } else {
            try restore(snapshot, request)
        }
    }

    private mutating func restore(
        _ snapshot: Snapshot, _ request: MendRequest
    ) throws(StreamMend.Problem) {
        isPossible = try proposal.addRounds { (proposal) throws(StreamMend.Problem) in
            guard let plan = try request.adding(proposal).move(of: snapshot) else { return false }
            if plan.verdict == .no { proposal.add(plan) }
            return plan.verdict != .no
        }
    }

    private mutating func load(
        _ stream: QEMUStream, _ snapshot: Snapshot, _ request: MendRequest
    ) throws(StreamMend.Problem) {
        let result = try request.result(of: stream, on: nil, snapshot, isPassing: false)
        var mend = result.mend
        if let proposal = result.proposal {
            self.proposal = proposal
            mend = try request.adding(proposal).mend(stream, on: nil)
        }
        isPossible = mend.isSafe
        if isPossible, !mend.losses.isEmpty {
            // QEMU loads it all the same, but the guest could notice.
            proposal.add(mend.losses, of: try request.move(of: snapshot))
            mend = try request.adding(proposal).mend(stream, on: nil)
        }
        self.mend = mend
    }

    /// What the guest's owner is asked before anything is written; nothing where there is nothing to write.
    public func questions(_ values: ValueText) -> [PolicyProposal.Question] {
        let questions = proposal.questions(values)
        guard questions.isEmpty, let mend, !mend.changesNothing else { return questions }
        return [.writing]
    }
}
