internal import Emulation
internal import Registers
internal import TextFormats
internal import VCPUModel

/// Finds for each register the highest value that every host can give a guest.
struct BaselineBuilder {
    let hosts: [BaselineHost]
    /// The host whose value is taken where every host gives as it likes, and most take as it comes.
    let model: BaselineHost
    /// Whether the guest is told of all hosts' implementations.
    let tellsImplementations: Bool
    private(set) var registers = RegisterList()
    private(set) var lost: [Baseline.Lost] = []
    private(set) var obstacles: [Baseline.Obstacle] = []

    mutating func build() {
        for id in model.registers.ids { build(id) }
        if tellsImplementations {
            registers.set(RegisterValue(Implementation.discovery), for: .vendorHypBmap2)
        }
    }

    /// Leaves registers as they are on each host.
    /// - Returns: whether any of them was to be written.
    mutating func leaveOut(_ ids: Set<RegisterID>) -> Bool {
        let kept = RegisterList(registers.filter { !ids.contains($0.0) }) ?? registers
        let isFewer = kept.count < registers.count
        registers = kept
        lost.removeAll { ids.contains($0.register) }
        return isFewer
    }

    /// The register's values by host, where every host has it.
    private func values(of id: RegisterID) -> [UInt64]? {
        let values = hosts.compactMap { $0.registers[id]?.bits }
        return values.count == hosts.count ? values : nil
    }

    private mutating func build(_ id: RegisterID) {
        let rule = id.kind.baseline
        if rule == .vectorLengths { return buildVectorLengths() }
        guard let entry = RegisterDictionary.entry(for: id), let values = values(of: id) else {
            return
        }
        switch rule {
        case .commonBits: add(values.reduce(.max, &), id, values)
        case .least: add(values.min() ?? 0, id, values)
        case .idFields: buildIDRegister(id, entry, values)
        case .model: add(model(id), id, values)
        case .implementation where canTakeAny(entry, values): add(model(id), id, values)
        case .counters: buildCounters(id, values)
        case .untouched, .implementation, .vectorLengths: break
        }
    }

    /// Whether every host has the model's value, or a capability with which it takes it.
    private func canTakeAny(_ entry: RegisterEntry, _ values: [UInt64]) -> Bool {
        zip(hosts, values).allSatisfy { host, value in
            value == model(entry.id) || entry.capability.map(host.profile.offers) ?? false
        }
    }

    /// Adds a register that is not the same everywhere already.
    private mutating func add(_ value: UInt64, _ id: RegisterID, _ values: [UInt64]) {
        guard values.contains(where: { $0 != value }) else { return }
        registers.set(RegisterValue(value, size: id.size ?? 8), for: id)
    }

    private func model(_ id: RegisterID) -> UInt64 { model.registers[id]?.bits ?? 0 }

    // MARK: ID registers

    private mutating func buildIDRegister(
        _ id: RegisterID, _ entry: RegisterEntry, _ values: [UInt64]
    ) {
        var result = model(id)
        for rule in entry.idFieldRules {
            let fields = values.map(rule.extract(from:))
            guard fields.contains(where: { $0 != fields[0] }) else { continue }
            guard let common = common(rule, fields) else {
                obstacles.append(obstacle(id, rule, fields))
                continue
            }
            result = result & ~rule.mask | common << UInt64(rule.lsb)
            let richer = zip(hosts, fields).filter { $1 != common }.flatMap(\.0.names)
            lost.append(
                Baseline.Lost(register: id, field: rule.field, value: common, hosts: richer))
        }
        add(result, id, values)
    }

    /// The highest value of a field that every host accepts: one of the hosts' own, or the safe one.
    private func common(_ rule: IDFieldRule, _ fields: [UInt64]) -> UInt64? {
        let candidates = fields + (rule.safe.map { [$0] } ?? []) + [0]
        let accepted = candidates.filter { candidate in
            zip(hosts, fields).allSatisfy { host, field in
                candidate == field
                    || isWritable(rule, on: host)
                        && rule.accepts(candidate, host: field, kernel: host.profile.kernel)
            }
        }
        // Where more is less, the one that most hosts have.
        return accepted.max { left, right in
            count(of: left, in: fields) < count(of: right, in: fields)
        }
    }

    /// How many hosts have a value.
    private func count(of value: UInt64, in fields: [UInt64]) -> Int {
        zip(hosts, fields).reduce(0) { $0 + ($1.1 == value ? $1.0.names.count : 0) }
    }

    private func isWritable(_ rule: IDFieldRule, on host: BaselineHost) -> Bool {
        guard !rule.isOnlyAdvertised, rule.isTracked else { return false }
        if let mask = host.profile.writableMasks[rule.register] {
            return mask & rule.mask == rule.mask
        }
        return host.profile.kernel.map(rule.isWritable(onKernel:)) ?? false
    }

    private func obstacle(
        _ id: RegisterID, _ rule: IDFieldRule, _ fields: [UInt64]
    ) -> Baseline.Obstacle {
        var groups: [FieldGroup] = []
        for (host, field) in zip(hosts, fields) {
            let isFixed = !isWritable(rule, on: host)
            if let place = groups.firstIndex(where: { $0.value == field && $0.isFixed == isFixed })
            {
                groups[place].hosts += host.names
            } else {
                groups.append(FieldGroup(value: field, isFixed: isFixed, hosts: host.names))
            }
        }
        func text(naming most: Int) -> String {
            "\(rule.field) is " + groups.map { $0.text(naming: most) }.joined(separator: ", ")
                + (Remedy.leavingOut(rule) ?? "")
        }
        return Baseline.Obstacle(register: id, text: text(naming: .max), brief: text(naming: 4))
    }

    /// The hosts with one value of a field.
    private struct FieldGroup {
        let value: UInt64
        /// Whether their kernels let no one change it.
        let isFixed: Bool
        var hosts: [String]

        func text(naming most: Int) -> String {
            let whose = hosts.count == 1 ? "whose kernel lets" : "whose kernels let"
            return "\(RegisterValue(value)) on \(hosts.listed(atMost: most))"
                + (isFixed ? ", \(whose) no one change it" : "")
        }
    }

    // MARK: Counters and vector lengths

    /// PMCR_EL0.N, bits 15:11: the least.
    ///
    /// IMP and IDCODE are 0, which every kernel shows or takes.
    private mutating func buildCounters(_ id: RegisterID, _ values: [UInt64]) {
        let mask = PMUControl.countersMask
        let least = values.map { $0 & mask }.min() ?? 0
        let other = values.filter { $0 & mask != least }
        guard !other.isEmpty else { return }
        let others = ~(mask | PMUControl.identificationMask)
        registers.set(RegisterValue(model(id) & others | least), for: id)
    }

    /// Every length up to the longest that all hosts have: KVM takes no set with a gap.
    private mutating func buildVectorLengths() {
        let sets = hosts.compactMap { $0.registers[.sveVLS].map(SVEVectorLengths.init) }
        guard sets.count == hosts.count, sets.contains(where: { $0 != sets[0] }),
            let common = SVEVectorLengths.common(of: sets)
        else { return }
        registers.set(common.value, for: .sveVLS)
    }
}
