public import Emulation
public import QEMUStream
public import Registers
public import Transfer
public import VCPUModel

/// A stream changed so that QEMU with KVM on some host loads it.
///
/// It says what is taken out, what gets another value, and what cannot be mended.
///
/// A register that the destination does not have is taken out, and a value that its KVM refuses is
/// replaced by the destination's own, where the policy pardons the loss; what the policy ignores or
/// overrides is taken out or replaced in any case.
public struct StreamMend: Sendable {
    /// Why a stream cannot be mended at all.
    public enum Problem: Error, Hashable, Sendable {
        /// Only KVM's lists can be compared with KVM's.
        case origin(StreamOrigin)
        /// The mended list does not fit into its section.
        case stream(QEMUStreamError)
        /// A vCPU cannot be read from the stream, or cannot be initialized on the host.
        case bank(RegisterBankError)
    }

    /// One register of one vCPU that was changed.
    public struct Change: Hashable, Sendable {
        /// What allowed the change.
        public enum Reason: Hashable, Sendable {
            /// The destination would not have taken it as it was, and the policy pardons the loss.
            case pardoned(Pardon)
            /// The policy's rules say so.
            case rules([PolicyRule])
        }

        /// The register, by KVM's id.
        public var id: RegisterID
        /// The value in the stream as it was saved, in the register's own size.
        public var before: RegisterValue
        /// Nil when the register is taken out.
        public var after: RegisterValue?
        /// Of a register that was changed twice, the reason of the second change.
        public var reason: Reason
    }

    /// What becomes of one vCPU.
    public struct VCPU: Sendable {
        /// The vCPU's number in QEMU (`cpu_index`).
        public var index: UInt32
        /// Ascending by id.
        public var changes: [Change]
        /// What is in the way and may not be changed: the guest would notice, or nothing proves that it would not.
        ///
        /// Vectors that do not fit are here too, though no change of the list helps them.
        public var refusals: [RegisterLoad]
        /// What QEMU loads and KVM alters silently, whether or not the stream is mended.
        public var altered: [RegisterLoad]
    }

    /// In the order of the stream.
    public let vcpus: [VCPU]
    /// The sections with the changes made, in the order of the stream.
    public let sections: [CPUSection]
    /// What QEMU does with the result, one plan for each of the versions.
    public let plans: [LoadPlan]

    /// Whether nothing is left that must not be changed, and all of `plans` load.
    public var isSafe: Bool {
        vcpus.allSatisfy(\.refusals.isEmpty) && plans.allSatisfy { $0.verdict != .fails }
    }

    /// Whether the result is the stream as it was, which need not load.
    public var changesNothing: Bool { vcpus.allSatisfy(\.changes.isEmpty) }
}

extension StreamMend {
    /// Mends a stream for a host, or for one that is not known.
    /// - Parameters:
    ///   - profile: the host that is to load the result; nil where nothing is known of it. A stream can then be of any
    ///     origin, the policy's rules alone are applied, and `plans` is empty.
    ///   - versions: the QEMU versions that are to load the result; nil for all that know the stream's subsections.
    public init(
        of stream: QEMUStream, on profile: HostProfile?, policy: RestorePolicy,
        versions: [QEMUVersion]? = nil
    ) throws(Problem) {
        guard profile == nil || stream.origin.canBeOfKVM else { throw .origin(stream.origin) }
        var mender = try Mender(stream, policy)
        try mender.applyRules()
        var plans: [LoadPlan] = []
        if let profile {
            try mender.mend(for: profile)
            let all = versions ?? QEMUVersion.kinds(knowing: stream.cpus)
            plans = try all.map { (version) throws(Problem) in
                try mender.plan(version, on: profile)
            }
        }
        (vcpus, sections, self.plans) = (mender.vcpus, mender.sections, plans)
    }
}

extension StreamMend {
    /// What is in the way and may not be changed, of all vCPUs.
    package var refusals: [RegisterLoad] { vcpus.flatMap(\.refusals) }

    /// How many rounds of rules are tried: each can bring up what was not reached before it.
    private static let maximumProposals = 8

    /// The rules with which nothing stands in the way any more, where there are such; else those that go furthest.
    /// - Parameters:
    ///   - stream: the one that was mended for the profile, by the policy.
    ///   - move: the plan of a restore there of the same vCPUs, by the same policy.
    package func proposal(
        for stream: QEMUStream, _ move: MovePlan, on profile: HostProfile,
        after policy: RestorePolicy
    ) throws(Problem) -> PolicyProposal {
        var refusals = refusals
        var proposal = PolicyProposal(refusals, of: move)
        for _ in 0..<Self.maximumProposals {
            refusals += try StreamMend(
                of: stream, on: profile, policy: proposal.policy(after: policy),
                versions: plans.map(\.version)
            ).refusals
            let more = PolicyProposal(refusals, of: move)
            guard more.proposed.count > proposal.proposed.count else { break }
            proposal = more
        }
        return proposal
    }
}

/// Changes sections until what is left loads.
private struct Mender {
    private let policy: RestorePolicy
    private let origin: StreamOrigin
    private let guests: [RegisterList]
    private(set) var sections: [CPUSection]
    private(set) var vcpus: [StreamMend.VCPU]

    init(_ stream: QEMUStream, _ policy: RestorePolicy) throws(StreamMend.Problem) {
        self.policy = policy
        origin = stream.origin
        sections = stream.cpus
        vcpus = sections.map {
            StreamMend.VCPU(index: $0.instance, changes: [], refusals: [], altered: [])
        }
        guests = try Result { () throws(RegisterBankError) in
            try LoadPlan.guests(of: stream.cpus, origin: stream.origin)
        }.mapError(StreamMend.Problem.bank).get()
    }

    func plan(
        _ version: QEMUVersion, on profile: HostProfile
    ) throws(StreamMend.Problem) -> LoadPlan {
        try Result { () throws(RegisterBankError) in
            try LoadPlan(
                of: sections, origin: origin, on: profile, version: version, policy: policy,
                guests: guests)
        }.mapError(StreamMend.Problem.bank).get()
    }

    /// A value that is replaced can decide what becomes of others, so the plan is made again; each
    /// round changes something that no later one does.
    private static let maximumRounds = 8

    mutating func mend(for profile: HostProfile) throws(StreamMend.Problem) {
        for _ in 0..<Self.maximumRounds {
            // From 11.0 on QEMU looks at every register, so what it takes all versions take.
            let plan = try plan(QEMUVersion(11, 0), on: profile)
            guard plan.excess == nil else { return }
            var isChanged = false
            for position in sections.indices {
                if try change(position, plan.vcpus[position]) { isChanged = true }
            }
            guard isChanged else { return }
        }
    }

    // MARK: Rules

    mutating func applyRules() throws(StreamMend.Problem) {
        for position in sections.indices {
            try edit(position) { [policy] entry in
                if let rule = policy.omission(of: entry.id) { return (nil, .rules([rule])) }
                let (after, rules) = policy.value(of: entry.id, saved: entry.registerValue)
                return after == entry.registerValue ? nil : (after, .rules(rules))
            }
        }
    }

    // MARK: What does not load

    private mutating func change(
        _ position: Int, _ load: VCPULoad
    ) throws(StreamMend.Problem) -> Bool {
        vcpus[position].refusals = load.registers.filter(\.isInTheWay)
        vcpus[position].altered = load.registers.filter { $0.fate == .altered && !$0.isInTheWay }
        let mendable = load.registers.filter {
            $0.fate.isFailure && $0.pardon != nil && $0.incoming != nil
        }
        guard !mendable.isEmpty else { return false }
        let fates = Dictionary(mendable.map { ($0.id, $0) }) { first, _ in first }
        try edit(position) { entry in
            guard let load = fates[entry.id], let pardon = load.pardon else { return nil }
            return (load.held, .pardoned(pardon))
        }
        return true
    }

    // MARK: Changing a section

    /// Gives registers of a section another value, or none.
    /// - Parameter change: what a register is to have, and why; nil where it stays, also with what the stream has above
    ///   a 32-bit register's bits.
    private mutating func edit(
        _ position: Int,
        _ change: (CPUSection.Entry) -> (after: RegisterValue?, StreamMend.Change.Reason)?
    ) throws(StreamMend.Problem) {
        var entries: [CPUSection.Entry] = []
        for entry in sections[position].entries {
            guard let (after, reason) = change(entry) else {
                entries.append(entry)
                continue
            }
            note(position, entry.id, entry.registerValue, after, reason)
            if let after { entries.append(CPUSection.Entry(id: entry.id, value: after.lowBits)) }
        }
        guard entries != sections[position].entries else { return }
        do throws(QEMUStreamError) {
            try sections[position].replaceEntries(entries)
        } catch {
            throw .stream(error)
        }
    }

    /// Of a register changed twice the first value and the last are kept.
    private mutating func note(
        _ position: Int, _ id: RegisterID, _ before: RegisterValue, _ after: RegisterValue?,
        _ reason: StreamMend.Change.Reason
    ) {
        if let known = vcpus[position].changes.firstIndex(where: { $0.id == id }) {
            vcpus[position].changes[known].after = after
            vcpus[position].changes[known].reason = reason
            if after == vcpus[position].changes[known].before {
                vcpus[position].changes.remove(at: known)
            }
            return
        }
        vcpus[position].changes.append(
            StreamMend.Change(id: id, before: before, after: after, reason: reason))
        vcpus[position].changes.sort { $0.id < $1.id }
    }
}

extension RegisterLoad {
    /// Whether a stream with it is not to be written.
    fileprivate var isInTheWay: Bool {
        isUnmendable || isLoss && (fate != .altered || isOfVectors)
    }

    /// KVM refuses a value that is the destination's own, so no stream can be made to load.
    fileprivate var isUnmendable: Bool { fate.isFailure && incoming == nil }
}

extension StreamOrigin {
    /// Whether the list may be KVM's: it has nothing that no KVM has.
    ///
    /// A mend can take out the registers that tell, and the list is KVM's all the same.
    public var canBeOfKVM: Bool { self == .kvm || self == .unknown }
}

extension StreamMend.Problem: CustomStringConvertible {
    /// What stands in the way, and what to do about it.
    public var description: String {
        switch self {
        case .origin(let origin):
            "the stream was written with \(origin.text), and its list of registers differs from "
                + "KVM's: only streams of KVM can be mended for a host; without --host the rules of "
                + "the policy are applied to any"
        case .stream(let error): "\(error)"
        case .bank(let error): "\(error)"
        }
    }
}
