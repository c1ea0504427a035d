public import Registers
public import VCPUModel

/// Which losses a restore may have, and what it writes instead of the snapshot's values
/// (Formats/policy-v1.md).
public struct RestorePolicy: Hashable, Sendable {
    /// What decides where no rule does.
    public enum Preset: String, CaseIterable, Hashable, Sendable {
        /// Every loss counts.
        case exact
        /// What provably cannot be seen by the guest does not count.
        case safe
        /// No loss counts.
        case force
    }

    /// What reports call it.
    public var name: String
    /// What decides about a loss that no rule speaks of.
    public var base: Preset
    /// In the order of the file; the last one that speaks of a loss decides.
    public var rules: [PolicyRule] {
        didSet { matches = RuleMatches(rules) }
    }
    private var matches: RuleMatches

    /// A policy by its parts; the rules in the order of the file.
    public init(name: String, base: Preset, rules: [PolicyRule] = []) {
        self.name = name
        self.base = base
        self.rules = rules
        matches = RuleMatches(rules)
    }

    /// A preset by itself, called by its own name.
    public init(_ preset: Preset) {
        self.init(name: preset.rawValue, base: preset)
    }

    /// The same policy, with more registers left out.
    public func ignoring(_ ids: some Sequence<RegisterID>) -> RestorePolicy {
        ignoring(ids.map { RegisterPattern($0.hex) })
    }

    /// The same, of all registers that match one of the patterns.
    public func ignoring(_ patterns: [RegisterPattern]) -> RestorePolicy {
        var policy = self
        policy.rules += patterns.map { PolicyRule($0, .ignore) }
        return policy
    }
}

extension RestorePolicy {
    /// Whether both have the same name, base and rules.
    public static func == (left: RestorePolicy, right: RestorePolicy) -> Bool {
        left.name == right.name && left.base == right.base && left.rules == right.rules
    }

    /// Feeds name, base and rules to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(base)
        hasher.combine(rules)
    }
}

/// Why a loss does not count.
public struct Pardon: Hashable, Sendable {
    /// The rule that pardoned it, as it stands in the policy, or the preset's name.
    public var rule: String
    /// Why the guest cannot see it, in words; nil where a rule asks for no proof.
    public var proof: String?
}

/// What a restore could not do with one register.
public struct PolicyLoss: Hashable, Sendable {
    /// In which way the register is not as it was saved.
    public enum Kind: Hashable, Sendable {
        /// The destination does not have the register.
        case absent
        /// It refused the value.
        case refused
        /// The snapshot does not have it, and no vCPU can do without it.
        case missing
        /// It holds something else, in these bits.
        case different(RegisterValue)
    }

    /// The register.
    public var id: RegisterID
    /// The snapshot's value; the destination's where the snapshot has none.
    public var saved: RegisterValue
    /// In which way the register is not as it was saved.
    public var kind: Kind
    /// What the destination holds; nil where it has no such register, or where that is not known.
    ///
    /// Of a bitmap of hypercall services that it does not have, those that it offers all the same.
    public var held: RegisterValue?

    /// A loss by its parts.
    public init(
        _ id: RegisterID, saved: RegisterValue, _ kind: Kind, held: RegisterValue? = nil
    ) {
        self.id = id
        self.saved = saved
        self.kind = kind
        self.held = held
    }

    /// What an outcome means; nil when nothing was lost.
    /// - Parameters:
    ///   - wanted: what was written; nil where nothing was.
    ///   - found: what the register then holds.
    public init?(
        _ id: RegisterID, saved: RegisterValue, _ outcome: RegisterOutcome, wanted: RegisterValue?,
        found: RegisterValue?
    ) {
        let kind: Kind
        switch outcome {
        case .absent: kind = .absent
        case .refused: kind = .refused
        case .missing: kind = .missing
        case .keptButMasked(let lost): kind = .different(lost)
        case .acceptedThenChanged:
            let lost = wanted.flatMap { found?.differingBits(from: $0, of: id) }
            kind = .different(lost ?? saved)
        case .taken, .alreadyEqual, .untouched, .volatile, .skipped: return nil
        }
        self.init(id, saved: saved, kind, held: found)
    }

    /// The same on a destination with a kernel, which tells what services there are without a bitmap of them.
    /// - Parameter kernel: nil for one that is not known.
    package func onKernel(_ kernel: KernelVersion?) -> PolicyLoss {
        // Nearly every loss is another one, and need not look for services.
        lacksServices ? offering(id.services(onKernelWithout: kernel)) : self
    }

    private var lacksServices: Bool {
        if kind == .absent, case .firmwareFeatures = id.group { true } else { false }
    }

    /// The same on a destination that offers these services where it has no bitmap of them; nil where that is not known.
    package func offering(_ services: UInt64?) -> PolicyLoss {
        guard lacksServices else { return self }
        var result = self
        result.held = services.map { RegisterValue($0) }
        return result
    }
}

// MARK: - What is written

extension RestorePolicy {
    /// The rule that leaves a register out; nil when it is written.
    public func omission(of id: RegisterID) -> PolicyRule? {
        // A later rule for the same register takes an `ignore` back.
        guard let last = matches.of(id).writing.map({ rules[$0] }) else { return nil }
        return last.action == .ignore ? last : nil
    }

    /// The overrides that match none of some registers.
    func idleOverrides(among ids: [RegisterID]) -> [PolicyRule] {
        guard rules.contains(where: \.isOverride) else { return [] }
        let acting = Set(ids.lazy.flatMap { matches.of($0).overrides })
        return rules.indices.filter { rules[$0].isOverride && !acting.contains($0) }
            .map { rules[$0] }
    }

    /// The overrides of registers that neither some vCPUs of a snapshot nor its VM have, each with these vCPUs, in the
    /// order in which they come up.
    package func idleOverrides(in snapshot: Snapshot) -> [(rule: PolicyRule, vcpus: UnitNumbers)] {
        var idle: [(rule: PolicyRule, vcpus: UnitNumbers)] = []
        var places: [PolicyRule: Int] = [:]
        var last: (ids: [RegisterID], rules: [PolicyRule]) = ([], [])
        for vcpu in snapshot.vcpus {
            let ids = vcpu.registers.ids
            if last.ids != ids { last = (ids, idleOverrides(among: snapshot.vm.ids + ids)) }
            for rule in last.rules {
                let place = places[rule, default: idle.count]
                places[rule] = place
                if place == idle.count { idle.append((rule, UnitNumbers())) }
                idle[place].vcpus.append(.vcpu(vcpu.index))
            }
        }
        return idle
    }

    /// The value to write, and the rules that made it, if any did.
    public func value(
        of id: RegisterID, saved: RegisterValue
    ) -> (value: RegisterValue, rules: [PolicyRule]) {
        let overriding = matches.of(id).overrides.map { rules[$0] }
        return (overriding.reduce(saved) { $1.overriding($0) }, overriding)
    }
}

// MARK: - What is pardoned

extension RestorePolicy {
    /// Why a loss does not count; nil when it does.
    /// - Parameter guest: the vCPU as it was saved.
    public func pardon(_ loss: PolicyLoss, of guest: RegisterList) -> Pardon? {
        if let rule = matches.of(loss.id).last(speakingOf: loss).map({ rules[$0] }) {
            guard rule.action != .require else { return nil }
            let isSecret = RegisterDictionary.entry(for: loss.id)?.isSecret == true
            return Pardon(rule: isSecret ? rule.withoutValue : rule.description, proof: nil)
        }
        switch base {
        case .exact: return nil
        case .force: return Pardon(rule: base.rawValue, proof: nil)
        case .safe:
            return InvisibilityProof.of(loss, in: guest).map {
                Pardon(rule: base.rawValue, proof: $0)
            }
        }
    }

    /// Why another counter frequency does not count; nil when it does.
    public var counterFrequencyPardon: Pardon? {
        if let rule = rules.last(where: \.speaksOfCounterFrequency) {
            return rule.action == .require ? nil : Pardon(rule: rule.description, proof: nil)
        }
        return base == .force ? Pardon(rule: base.rawValue, proof: nil) : nil
    }
}
