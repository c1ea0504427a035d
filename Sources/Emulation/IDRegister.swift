internal import Registers
internal import TextFormats
internal import VCPUModel

/// An ID register whose fields userspace may lower to what another host has.
///
/// The rules are those of `arm64_check_features` in `arch/arm64/kvm/sys_regs.c` and of the functions
/// there that set single registers; `E2BIG` inside the kernel is `EINVAL` to userspace.
struct IDRegister {
    private let limit: UInt64
    private let rules: [IDFieldRule]
    private let writableRules: [IDFieldRule]
    private let id: RegisterID
    private let host: HostFacts

    /// - Parameter writable: the bits `KVM_ARM_GET_REG_WRITABLE_MASKS` reports.
    init(_ definition: RegisterDefinition, host: HostFacts, writable: UInt64) {
        id = definition.id
        limit = definition.resetValue.lowBits
        rules = RegisterDictionary.entry(for: definition.id)?.idFieldRules ?? []
        writableRules = rules.filter { rule in
            rule.isTracked && !rule.isOnlyAdvertised && rule.mask & writable == rule.mask
        }
        self.host = host
    }

    /// The value the register has after `value` was written.
    func stored(_ value: UInt64) throws(Refusal) -> UInt64 {
        let wanted = rules.reduce(value, remapped)
        for rule in writableRules { try check(rule, rule.extract(from: wanted)) }
        let fixed = writableRules.reduce(UInt64.max) { $0 & ~$1.mask }
        let difference = (wanted ^ limit) & fixed
        guard difference == 0 else { throw Refusal(fixedBits(difference, wanted)) }
        return wanted
    }

    /// The bits of the fields whose value this host can offer to a guest.
    func acceptableMask(of value: UInt64) -> UInt64 {
        writableRules.filter { rule in
            let field = rule.extract(from: value)
            return rule.accepts(field, host: rule.extract(from: limit), kernel: host.kernel)
                && exclusion(of: field, by: rule) == nil
        }.reduce(0) { $0 | $1.mask }
    }

    // MARK: Refused values

    private func check(_ rule: IDFieldRule, _ value: UInt64) throws(Refusal) {
        let offered = rule.extract(from: limit)
        guard rule.accepts(value, host: offered, kernel: host.kernel) else {
            throw Refusal(
                "\(rule.field) is \(value.hex), the host offers \(offered.hex)")
        }
        if let exclusion = exclusion(of: value, by: rule) {
            throw Refusal("\(rule.field) is \(value.hex): \(exclusion.text)")
        }
    }

    private func fixedBits(_ difference: UInt64, _ wanted: UInt64) -> String {
        guard let rule = rules.first(where: { $0.mask & difference != 0 }) else {
            return "bits \(difference.hex) cannot change"
        }
        return "\(rule.field) is \(rule.extract(from: wanted).hex), and must be "
            + "\(rule.extract(from: limit).hex): userspace cannot change it"
    }

    /// Why the host's kernel refuses a value that the field's rule would take; nil where it does not.
    private func exclusion(of value: UInt64, by rule: IDFieldRule) -> IDFieldRule.Special? {
        specials(of: rule).first { special in
            [.minimum, .values].contains(special.kind) && isAbout(value, special, rule)
        }
    }

    /// Whether a deviation is about a value of the field on this host.
    private func isAbout(
        _ value: UInt64, _ special: IDFieldRule.Special, _ rule: IDFieldRule
    ) -> Bool {
        let hardware = special.hardware
        return special.values?.contains(value) == true
            && special.feature.map(host.features.names.contains) ?? true
            && special.offered.map { $0 == rule.extract(from: limit) } ?? true
            && (hardware.mask == 0 || host.hardware[id].map(hardware.match) ?? false)
    }

    // MARK: Accepted and changed values

    private func remapped(_ value: UInt64, by rule: IDFieldRule) -> UInt64 {
        let field = rule.extract(from: value)
        let replacement = specials(of: rule).compactMap { special -> UInt64? in
            switch special.kind {
            case .ignoredIfHostValue: isOfHardware(field, rule) ? rule.extract(from: limit) : nil
            case .remapped: isAbout(field, special, rule) ? special.stored : nil
            case .minimum, .values, .signed, .higherSafe: nil
            }
        }.first
        guard let replacement else { return value }
        return value & ~rule.mask | replacement << UInt64(rule.lsb)
    }

    /// Whether a field has the value of the host's own CPU, which older kernels showed to guests.
    private func isOfHardware(_ field: UInt64, _ rule: IDFieldRule) -> Bool {
        host.hardware[id].map { rule.extract(from: $0) == field } ?? false
    }

    private func specials(of rule: IDFieldRule) -> [IDFieldRule.Special] {
        rule.specials.filter { $0.applies(to: host.kernel) }
    }
}
