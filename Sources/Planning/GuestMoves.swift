package import Emulation
package import Transfer

/// The moves of a guest to several hosts: planned one after another, when they are asked for, since each plan can be
/// large.
package final class GuestMoves {
    /// Who moves.
    package let guest: PlannedGuest
    /// Where to.
    package let profiles: [HostProfile]
    /// Which losses count.
    package let policy: RestorePolicy
    /// Whether the guest can go to all hosts to which a move was planned.
    package private(set) var isPossible = true
    /// Rules that pardon what those moves lose; none where they were not asked for.
    package private(set) var proposal = PolicyProposal()
    private let proposesRules: Bool

    /// - Parameter proposesRules: whether `proposal` is wanted, which takes time.
    package init(
        of guest: PlannedGuest, to profiles: [HostProfile], policy: RestorePolicy,
        proposesRules: Bool = false
    ) {
        self.guest = guest
        self.profiles = profiles
        self.policy = policy
        self.proposesRules = proposesRules
    }

    /// Plans the move to a host.
    /// - Throws: when the guest has no vCPU.
    package func plan(on profile: HostProfile) throws(RestoreError) -> MovePlan {
        let plan = try guest.plan(on: profile, policy: policy)
        isPossible = isPossible && plan.verdict != .no
        if proposesRules { proposal.add(plan) }
        return plan
    }

    /// Plans the moves to all hosts, for who has nothing printed.
    /// - Throws: when the guest has no vCPU.
    package func planAll() throws(RestoreError) {
        for profile in profiles { _ = try plan(on: profile) }
    }

    /// The hosts to which it may still not go with all rules that were proposed.
    ///
    /// More rules never make impossible what is possible.
    /// - Throws: when the guest has no vCPU.
    package func unreachable() throws(RestoreError) -> UnreachableHosts {
        try UnreachableHosts(
            of: guest, among: isPossible ? [] : profiles, by: proposal.policy(after: policy))
    }
}
