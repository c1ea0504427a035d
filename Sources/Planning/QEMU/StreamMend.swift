public import Emulation
public import QEMUStream
public import Registers
public import TextFormats
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
        /// What is recorded of QEMU's emulation cannot be read.
        case data(DirectiveError)
    }

    /// One register of one vCPU that was changed.
    public struct Change: Hashable, Sendable {
        /// What allowed the change.
        public enum Reason: Hashable, Sendable {
            /// The destination would not have taken it as it was, and the policy pardons the loss.
            case pardoned(Pardon)
            /// The policy's rules say so.
            case rules([PolicyRule])
            /// It holds what a CPU that QEMU emulates has before it runs, so that without it nothing is lost.
            case asAtReset
            /// The destination has it and the stream did not: QEMU, which emulates the CPU, would give it whatever was in its
            /// memory.
            case unset
        }

        /// The register, by KVM's id.
        public var id: RegisterID
        /// The value in the stream as it was saved, in the register's own size; nil when the register is added.
        public var before: RegisterValue?
        /// Nil when the register is taken out.
        public var after: RegisterValue?
        /// Of a register that was changed twice, the reason of the second change.
        public var reason: Reason
    }

    /// A subsection that the destination does not know.
    public struct UnknownSubsection: Hashable, Sendable {
        /// `cpu/event`.
        public var name: String
        /// Its fields as they were in the stream.
        public var value: [UInt8]
        /// The first version of QEMU that knows it; nil where an older one than all that are known here does.
        public var firstVersion: QEMUVersion?
    }

    /// What becomes of one vCPU.
    public struct VCPUChanges: Sendable {
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
        /// Subsections that were taken out: without them the guest is the same.
        public var leftOut: [UnknownSubsection] = []
        /// Subsections that the destination does not know, and of which the guest would lose what they hold.
        public var unknownSubsections: [UnknownSubsection] = []
    }

    /// In the order of the stream.
    public let vcpus: [VCPUChanges]
    /// The sections with the changes made, in the order of the stream.
    public let sections: [CPUSection]
    /// What QEMU does with the result, one plan for each of the versions.
    public let plans: [LoadPlan]
    /// The newest version that is to load the result; nil where none is known.
    public let version: QEMUVersion?
    /// What stands in the way of the machine as a whole, in that version; no mend changes it.
    public let blockers: [LoadBlocker]
    /// Whether that version alone is to load the result and, for the machine as a whole, does not.
    public let isBlocked: Bool

    /// Whether nothing is left that must not be changed, and all of `plans` load.
    public var isSafe: Bool {
        !isBlocked
            && vcpus.allSatisfy { $0.refusals.isEmpty && $0.unknownSubsections.isEmpty }
            && plans.allSatisfy { $0.verdict != .fails }
    }

    /// Whether the result is the stream as it was, which need not load.
    public var changesNothing: Bool {
        vcpus.allSatisfy { $0.changes.isEmpty && $0.leftOut.isEmpty }
    }
}

extension StreamMend {
    /// Mends a stream for a host, or for one that is not known.
    /// - Parameters:
    ///   - profile: the host that is to load the result; nil where nothing is known of it. A stream can then be of any
    ///     origin, the policy's rules alone are applied, and `plans` is empty.
    ///   - versions: the QEMU versions that are to load the result; nil for all that know the stream's subsections.
    ///   - target: the version whose subsections the result has; nil is the oldest of `versions`, with a profile.
    ///   - cpu: the vCPUs that the host is to make, which can have less than all it has.
    /// - Throws: for a stream that is not KVM's, with a profile, and one that cannot be read or
    ///   changed.
    public init(
        of stream: QEMUStream, on profile: HostProfile?, policy: RestorePolicy,
        versions: [QEMUVersion]? = nil, knownTo target: QEMUVersion? = nil,
        cpu: HostCPU = HostCPU()
    ) throws(Problem) {
        guard profile == nil || stream.origin.canBeOfKVM else { throw .origin(stream.origin) }
        var mender = try Mender(stream, policy, cpu)
        try mender.applyRules()
        if profile != nil { mender.leaveOut(RefusedSubsections.timer(in:)) }
        // What the oldest of them does not know, none of them needs.
        if let target = target ?? (profile == nil ? nil : versions?.min()) {
            mender.leaveOut { RefusedSubsections(by: target, for: $0).all(in: $0) }
        }
        let one = target ?? (versions?.count == 1 ? versions?.first : nil)
        var plans: [LoadPlan] = []
        if let profile {
            try mender.mend(for: profile)
            let versions = versions ?? QEMUVersion.kinds(knowing: stream.cpus)
            plans = try versions.map { (version) throws(Problem) in
                try mender.plan(version, on: profile, isOfOneVersion: one != nil)
            }
        }
        (vcpus, sections, self.plans) = (mender.vcpus, mender.sections, plans)
        version = one ?? plans.last?.version
        blockers = LoadBlocker.all(of: stream, by: version, on: profile)
        isBlocked = blockers.contains { $0.isFatal && (one != nil || !$0.isOfVersion) }
    }
}

extension StreamMend {
    /// Mends a stream for a QEMU that emulates the vCPUs.
    /// - Throws: for a stream that cannot be read or changed.
    public init(
        of stream: QEMUStream, on destination: TCGDestination, policy: RestorePolicy
    ) throws(Problem) {
        var mender = try Mender(stream, policy, HostCPU())
        try mender.applyRules()
        mender.leaveOut { section in
            RefusedSubsections(by: destination.version, of: destination.registers).all(in: section)
        }
        try mender.mend(for: destination)
        let plan = mender.plan(on: destination)
        (vcpus, sections, plans) = (mender.vcpus, mender.sections, [plan])
        (version, blockers, isBlocked) = (plan.version, plan.blockers, plan.isBlocked)
    }
}

extension StreamMend {
    /// What is in the way and may not be changed, of all vCPUs.
    package var refusals: [RegisterLoad] { vcpus.flatMap(\.refusals) }

    /// What the guest loses where QEMU loads the result, and the policy counts.
    var losses: [RegisterLoad] { plans.flatMap { $0.vcpus.flatMap(\.losses) } }

    /// The rules with which nothing stands in the way any more; none where there are no such rules.
    /// - Parameters:
    ///   - policy: by which it was mended.
    ///   - move: the plan of a restore there of the same vCPUs, by the same policy; nil where QEMU emulates them.
    ///   - plan: what QEMU does with the stream as it was, where what that alters silently is to be pardoned, too.
    ///   - mended: mends the same stream for the same destination by another policy.
    /// - Throws: what `mended` throws.
    package func proposal(
        after policy: RestorePolicy, of move: MovePlan?, _ plan: LoadPlan? = nil,
        _ mended: (RestorePolicy) throws(Problem) -> StreamMend
    ) throws(Problem) -> PolicyProposal {
        let refused = Set(refusals.map(\.id))
        var losses = (plan?.vcpus.flatMap(\.losses) ?? []).filter {
            !$0.fate.isFailure || refused.contains($0.id)
        }
        losses += refusals
        var proposal = PolicyProposal(losses, of: move)
        let isEnough = try proposal.addRounds { (proposal) throws(Problem) in
            let next = try mended(proposal.policy(after: policy))
            losses += next.refusals
            if !next.isSafe { proposal = PolicyProposal(losses, of: move) }
            return next.isSafe
        }
        return isEnough ? proposal : PolicyProposal()
    }
}

/// What registers hold before they were written, in any CPU that QEMU emulates.
private struct EmulationResets {
    private var values: [RegisterID: Set<UInt64>] = [:]

    init() throws(DirectiveError) {
        for name in TCGModel.builtInNames {
            guard let model = try TCGModel.builtIn(named: name) else { continue }
            for register in model.registers {
                values[register.id, default: []].insert(register.value)
            }
        }
    }

    func has(_ id: RegisterID, _ value: UInt64) -> Bool { values[id]?.contains(value) == true }
}

/// Changes sections until what is left loads.
private struct Mender {
    private let stream: QEMUStream
    private let policy: RestorePolicy
    private let cpu: HostCPU
    private let guests: [RegisterList]
    private(set) var sections: [CPUSection]
    private(set) var vcpus: [StreamMend.VCPUChanges]

    init(
        _ stream: QEMUStream, _ policy: RestorePolicy, _ cpu: HostCPU
    ) throws(StreamMend.Problem) {
        (self.stream, self.policy, self.cpu) = (stream, policy, cpu)
        sections = stream.cpus
        vcpus = sections.map {
            StreamMend.VCPUChanges(index: $0.instance, changes: [], refusals: [], altered: [])
        }
        guests = try Result { () throws(RegisterBankError) in
            try LoadPlan.guests(of: stream)
        }.mapError(StreamMend.Problem.bank).get()
    }

    func plan(
        _ version: QEMUVersion, on profile: HostProfile, isOfOneVersion: Bool = false
    ) throws(StreamMend.Problem) -> LoadPlan {
        try Result { () throws(RegisterBankError) in
            try LoadPlan(
                of: stream.with(sections), by: guests, on: profile, version: version,
                policy: policy, isOfOneVersion: isOfOneVersion, without: cpu.removed)
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

    func plan(on destination: TCGDestination) -> LoadPlan {
        LoadPlan(
            of: stream.with(sections), by: guests, on: destination, policy: policy)
    }

    /// Gives every section the list of the destination, as far as nothing of the guest's is lost by it.
    mutating func mend(for destination: TCGDestination) throws(StreamMend.Problem) {
        let plan = plan(on: destination)
        let resets = try Result { () throws(DirectiveError) in
            try EmulationResets()
        }.mapError(StreamMend.Problem.data).get()
        for position in sections.indices {
            var changes: [RegisterID: (after: RegisterValue?, StreamMend.Change.Reason)] = [:]
            for load in plan.vcpus[position].registers where load.id.isCPRegister {
                guard let saved = load.incoming, load.outcome.isLoss else { continue }
                let id = load.id.translated(from: .tcg)
                let after = load.fate == .refused ? load.held : nil
                if let pardon = load.pardon {
                    changes[id] = (after, .pardoned(pardon))
                } else if after == nil, resets.has(id, saved.lowBits) {
                    changes[id] = (nil, .asAtReset)
                } else if load.fate != .tolerated {
                    vcpus[position].refusals.append(load)
                }
            }
            try edit(position) { changes[$0.id] }
            try complete(position, destination, Set(changes.filter { $1.after != nil }.keys))
        }
    }

    /// Adds what the destination has and the stream does not, and gives registers its own values, of which some have more
    /// bits than the register.
    private mutating func complete(
        _ position: Int, _ destination: TCGDestination, _ replaced: Set<RegisterID>
    ) throws(StreamMend.Problem) {
        let own = Dictionary(destination.registers.map { ($0.id, $0.value) }) { first, _ in first }
        let entries = sections[position].entries.map { entry in
            let value = replaced.contains(entry.id) ? own[entry.id] : nil
            return CPUSection.Entry(id: entry.id, value: value ?? entry.value)
        }
        let known = Set(entries.map(\.id))
        let missing = destination.registers.filter { !known.contains($0.id) }
            .map { CPUSection.Entry(id: $0.id, value: $0.value) }
        for entry in missing {
            note(position, entry.id.translated(from: .tcg), nil, entry.registerValue, .unset)
        }
        try replace(position, (entries + missing).sorted { $0.id < $1.id })
    }

    // MARK: Subsections

    /// Takes subsections out of every section, as far as the guest is the same without them.
    mutating func leaveOut(_ refused: (CPUSection) -> [Subsection]) {
        for position in sections.indices {
            // A subsection moves when one before it is taken out.
            for name in refused(sections[position]).map(\.name) {
                guard let subsection = sections[position].subsection(name) else { continue }
                let unknown = StreamMend.UnknownSubsection(
                    name: name, value: sections[position].bytes(of: subsection),
                    firstVersion: QEMUVersion.first(knowing: name))
                if sections[position].leaveOut(subsection) {
                    vcpus[position].leftOut.append(unknown)
                } else {
                    vcpus[position].unknownSubsections.append(unknown)
                }
            }
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
        try replace(position, entries)
    }

    private mutating func replace(
        _ position: Int, _ entries: [CPUSection.Entry]
    ) throws(StreamMend.Problem) {
        guard entries != sections[position].entries else { return }
        do throws(QEMUStreamError) {
            try sections[position].replaceEntries(entries)
        } catch {
            throw .stream(error)
        }
    }

    /// Of a register changed twice the first value and the last are kept.
    private mutating func note(
        _ position: Int, _ id: RegisterID, _ before: RegisterValue?, _ after: RegisterValue?,
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
                + "KVM's: KVM cannot load it; vcpusnap mend STREAM --for-qemu VERSION --tcg CPU changes it for "
                + "another QEMU's emulation"
        case .stream(let error): "\(error)"
        case .bank(let error): "\(error)"
        case .data(let error): "\(error)"
        }
    }
}
