internal import Registers
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
                && !isExcluded(field, by: rule)
        }.reduce(0) { $0 | $1.mask }
    }

    // MARK: Refused values

    private func check(_ rule: IDFieldRule, _ value: UInt64) throws(Refusal) {
        let offered = rule.extract(from: limit)
        guard rule.accepts(value, host: offered, kernel: host.kernel) else {
            throw Refusal(
                "\(rule.field) is \(value.hexadecimal), the host offers \(offered.hexadecimal)")
        }
        guard !isExcluded(value, by: rule) else {
            let special = specials(of: rule).first { [.minimum, .values].contains($0.kind) }
            throw Refusal(
                "\(rule.field) is \(value.hexadecimal)" + (special.map { ": \($0.text)" } ?? ""))
        }
    }

    private func fixedBits(_ difference: UInt64, _ wanted: UInt64) -> String {
        guard let rule = rules.first(where: { $0.mask & difference != 0 }) else {
            return "bits \(difference.hexadecimal) cannot change"
        }
        return "\(rule.field) is \(rule.extract(from: wanted).hexadecimal), and must be "
            + "\(rule.extract(from: limit).hexadecimal): userspace cannot change it"
    }

    /// Whether the host's kernel refuses a value that the field's rule would take.
    private func isExcluded(_ value: UInt64, by rule: IDFieldRule) -> Bool {
        guard specials(of: rule).contains(where: { [.minimum, .values].contains($0.kind) }) else {
            return false
        }
        return switch rule.field {
        // A guest needs AArch64 at EL0 and EL1.
        case "EL0", "EL1": value == 0
        case "EL2": value == 0 && host.features.contains(.hasEL2)
        // The debug architecture of Armv8.0 is 6.
        case "DebugVer", "CopDbg": value < 6
        // PMUv3 is 3; 0 is no PMU.
        case "PerfMon": 1..<3 ~= value
        // 0 is reserved, 1 AIVIVT: no Armv8 host has them.
        case "L1Ip": value < 2
        default: false
        }
    }

    // MARK: Accepted and changed values

    private func remapped(_ value: UInt64, by rule: IDFieldRule) -> UInt64 {
        let field = rule.extract(from: value)
        let replacement = specials(of: rule).compactMap { special -> UInt64? in
            switch special.kind {
            case .ignoredIfHostValue: isOfHardware(field, rule) ? rule.extract(from: limit) : nil
            case .remapped: remappedValue(of: field, rule)
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

    private func remappedValue(of field: UInt64, _ rule: IDFieldRule) -> UInt64? {
        switch rule.field {
        // 15 is an IMPLEMENTATION DEFINED PMU, which KVM once showed and never emulated.
        case "PMUVer", "PerfMon": field == 15 ? 0 : nil
        case "MTE_frac": field == 0 && hasNoAsynchronousTagChecks ? 15 : nil
        case "DoubleLock":
            field == 0 && rule.extract(from: limit) == 15 && host.features.contains(.hasEL2)
                ? 15 : nil
        default: nil
        }
    }

    /// ID_AA64PFR1_EL1 of a host with MTE 2 and MTE_frac 15.
    private var hasNoAsynchronousTagChecks: Bool {
        guard let hardware = host.hardware[id] else { return false }
        return hardware >> 8 & 0xf == 2 && hardware >> 40 & 0xf == 15
    }

    private func specials(of rule: IDFieldRule) -> [IDFieldRule.Special] {
        rule.specials.filter { $0.applies(to: host.kernel) }
    }
}
