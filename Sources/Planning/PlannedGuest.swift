public import Emulation
package import QEMUStream
package import Transfer
package import VCPUModel

/// A guest whose moves are planned: its state, and the stream in which that came.
package struct PlannedGuest {
    /// All of its state.
    package let snapshot: Snapshot
    /// What becomes of its clock.
    package let clock: ClockMode
    /// That QEMU would load.
    private let stream: QEMUStream?
    private let starts: StartedGuests

    /// A guest by its state.
    /// - Parameter stream: nil where it came in none. One behind another is as none: QEMU loads the first.
    package init(_ snapshot: Snapshot, in stream: QEMUStream?, clock: ClockMode = .stop) {
        self.snapshot = snapshot
        starts = StartedGuests(of: snapshot, on: nil)
        self.clock = clock
        self.stream = stream?.beginningBehindAnother == nil ? stream : nil
    }

    /// Who ran it.
    private var origin: StreamOrigin {
        snapshot.provenance[.accelerator].flatMap { StreamOrigin(rawValue: $0) } ?? .unknown
    }

    /// Plans its move to a host.
    /// - Throws: when it has no vCPU.
    package func plan(
        on profile: HostProfile, policy: RestorePolicy
    ) throws(RestoreError) -> MovePlan {
        try MovePlan(
            of: snapshot, on: profile, policy: policy, MoveCourse(clock: clock, starts: starts))
    }

    /// Who ran it, where that is why no host takes it; nil where what it loses is.
    public func origin(refusing plan: MovePlan) -> StreamOrigin? {
        plan.verdict == .no && !origin.canBeOfKVM ? origin : nil
    }

    /// What QEMU does with the stream on a host, one answer for each kind of version; none for what is no stream.
    /// - Throws: when a vCPU cannot be read from the stream, or cannot be initialized on the host.
    package func loads(
        on profile: HostProfile, policy: RestorePolicy
    ) throws(RegisterBankError) -> [(version: QEMUVersion, verdict: LoadPlan.Verdict)] {
        guard let stream else { return [] }
        return try QEMUVersion.kinds(loading: stream.cpus).map {
            (version) throws(RegisterBankError) in
            let plan = try LoadPlan(
                of: stream, on: profile, version: version, policy: policy, isOfOneVersion: false)
            return (version, plan.verdict)
        }
    }
}

/// The hosts to which a guest cannot go by a policy.
public struct UnreachableHosts: Sendable {
    /// In the order in which they were given.
    public let hosts: [HostProfile]
    /// Whether `force` lets the guest go to all of them, whatever is lost.
    public let areForced: Bool

    /// Plans the move to each host by the policy and, where that does not let the guest go, by `force`.
    /// - Throws: when the guest has no vCPU.
    package init(
        of guest: PlannedGuest, among profiles: [HostProfile], by policy: RestorePolicy
    ) throws(RestoreError) {
        func unreachable(
            _ profiles: [HostProfile], _ policy: RestorePolicy
        ) throws(RestoreError) -> [HostProfile] {
            let verdicts = try profiles.map { (profile) throws(RestoreError) in
                try guest.plan(on: profile, policy: policy).verdict
            }
            return zip(profiles, verdicts).filter { $0.1 == .no }.map(\.0)
        }
        hosts = try unreachable(profiles, policy)
        areForced = try unreachable(hosts, RestorePolicy(.force)).isEmpty
    }
}
