public import Emulation
public import QEMUStream
public import Transfer
public import VCPUModel

/// What a stream is to be mended for.
public struct MendRequest: Sendable {
    /// The version whose subsections the result has; nil where that is not asked for.
    public let target: QEMUVersion?
    private let profile: HostProfile?
    private var policy: RestorePolicy
    private let versions: [QEMUVersion]?
    /// The vCPUs that the host makes.
    public let cpu: HostCPU

    /// - Parameters:
    ///   - profile: the host whose KVM is to load the result; nil where it is not known, or QEMU emulates.
    ///   - version: the QEMU that is to load it; nil for `target`, and without that for all that know the stream's
    ///     subsections.
    ///   - target: the version whose subsections the result is to have.
    ///   - cpu: the vCPUs that the host makes.
    public init(
        on profile: HostProfile?, policy: RestorePolicy, by version: QEMUVersion?,
        knownTo target: QEMUVersion?, cpu: HostCPU = HostCPU()
    ) {
        self.cpu = cpu
        self.profile = profile
        self.policy = policy
        self.target = target
        versions = (version ?? target).map { [$0] }
    }

    /// Whether a host is to load the result.
    var isForHost: Bool { profile != nil }

    /// The same by the policy with more rules.
    func adding(_ proposal: PolicyProposal) -> MendRequest {
        var result = self
        result.policy = proposal.policy(after: policy)
        return result
    }

    /// Mends a stream, for a QEMU that emulates the vCPUs where one is given.
    /// - Throws: for a stream that cannot be mended at all.
    public func mend(
        _ stream: QEMUStream, on destination: TCGDestination?
    ) throws(StreamMend.Problem) -> StreamMend {
        if let destination {
            return try StreamMend(of: stream, on: destination, policy: policy)
        }
        return try StreamMend(
            of: stream, on: profile, policy: policy, versions: versions, knownTo: target, cpu: cpu)
    }

    /// The plan of a restore of the stream's vCPUs on the host; nil where that is not known, or there are none.
    func move(of snapshot: Snapshot) throws(StreamMend.Problem) -> MovePlan? {
        guard let profile else { return nil }
        do throws(RestoreError) {
            return try MovePlan(of: snapshot, on: profile, policy: policy)
        } catch {
            if case .bank(let error) = error { throw .bank(error) }
            return nil
        }
    }

    /// Mends a stream and, where something stands in the way, finds out what would help.
    /// - Parameters:
    ///   - destination: the QEMU that emulates the vCPUs, where one is given.
    ///   - snapshot: the stream's vCPUs.
    ///   - isPassing: whether the stream cannot be tried again by other rules.
    /// - Throws: for a stream that cannot be mended at all.
    public func result(
        of stream: QEMUStream, on destination: TCGDestination?, _ snapshot: Snapshot,
        isPassing: Bool
    ) throws(StreamMend.Problem) -> MendResult {
        let mend = try mend(stream, on: destination)
        let proposal = try proposal(
            for: mend, of: isPassing ? nil : stream, on: destination, snapshot)
        let isCompared = target == nil || destination != nil || isForHost || stream.origin != .tcg
        return MendResult(mend, proposal, for: self, isListCompared: isCompared)
    }

    /// The rules with which nothing stands in the way any more, none where there are no such; nil where nothing does.
    /// - Parameters:
    ///   - stream: what was mended; nil where that cannot be tried again.
    ///   - destination: the QEMU that emulates the vCPUs, where one was given.
    ///   - snapshot: its vCPUs.
    func proposal(
        for mend: StreamMend, of stream: QEMUStream?, on destination: TCGDestination?,
        _ snapshot: Snapshot
    ) throws(StreamMend.Problem) -> PolicyProposal? {
        guard !mend.isSafe else { return nil }
        guard let stream else { return PolicyProposal(mend.refusals, of: nil) }
        let move = try move(of: snapshot)
        // Of a stream without vCPUs there is nothing that a rule could pardon.
        if isForHost, move == nil { return PolicyProposal() }
        return try mend.proposal(after: policy, of: move) { (policy) throws(StreamMend.Problem) in
            var again = self
            again.policy = policy
            return try again.mend(stream, on: destination)
        }
    }
}
