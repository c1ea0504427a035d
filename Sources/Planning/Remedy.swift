internal import Emulation
public import Registers
public import Transfer
public import VCPUModel

/// What can be done about a register's loss.
public enum Remedy: Hashable, Sendable {
    /// Drop it: the guest cannot see it, and this is the proof.
    case dropSafely(String)
    /// Start the guest with vCPUs that do not have these features; of the fixed fields of the same register no kernel lets
    /// a VMM choose.
    case withoutFeatures(VCPUFeatures, fixed: [String])
    /// Start the guest with these values in fields of the ID register of this name; of the fixed ones no kernel lets a VMM
    /// choose.
    case lowerFields(String, [FieldValue], fixed: [String])
    /// Start the guest with this value in the register of this name.
    case presetRegister(String, RegisterValue)
    /// Start the guest on a host with this kernel or a newer one, where a VMM can set the register of this name, or
    /// these fields of it, before the guest runs; of the fixed ones no kernel lets it choose.
    case startOnKernel(String, register: String, fields: [String], fixed: [String])
    /// Start the guest on its host with one of these kernels, which give it this of a register.
    case startFresh(KernelSpan, gives: String)
    /// Start the guest with vectors of at most so many bits: with these of KVM's vector lengths.
    case limitVectors(bits: Int, lengths: RegisterValue)
    /// Start the guest with so many event counters.
    case fewerCounters(Int)
    /// Start the guest without the hypercall services of these bits in the firmware register of this name.
    case restrictBitmap(String, bits: UInt64)
    /// Start the guest with an older PSCI.
    case lowerPSCIVersion(to: PSCIVersion)
    /// Give the destination one of these kernels, or of its own series this release or a newer one.
    case upgradeKernel(KernelSpan, ofSeries: KernelVersion?)
    /// Do not give the destination back a kernel that is older than this one.
    case stopAtKernel(KernelVersion)
    /// Give the destination firmware with the mitigation that the register of this name tells of.
    case updateFirmware(String)
    /// Use a VMM that enables this capability on the VM before it makes vCPUs.
    /// - Parameter onNewerKernel: whether the destination's kernel does not have it.
    case enableCapability(KVMCapability, onNewerKernel: Bool)
    /// Where the destination has CPUs of several types, run the vCPUs on those of this type.
    case pinVCPUs(String)
    /// Move to a host or kernel that makes this many vCPUs for a VM.
    case moreVCPUs(Int)
    /// Save the guest again: KVM could not have made the vCPUs that the snapshot has.
    case saveAgain
    /// Move to a host that has this.
    case otherHost(String)
    /// Pardon the difference by this rule of a policy.
    case policy(PolicyRule)

    /// The stable name, as in JSON.
    public var name: String {
        switch self {
        case .dropSafely: "drop-safely"
        case .withoutFeatures: "without-features"
        case .lowerFields: "lower-fields"
        case .presetRegister: "preset-register"
        case .startOnKernel: "start-on-kernel"
        case .startFresh: "start-fresh"
        case .limitVectors: "limit-vectors"
        case .fewerCounters: "fewer-counters"
        case .restrictBitmap: "restrict-bitmap"
        case .lowerPSCIVersion: "lower-psci-version"
        case .upgradeKernel: "upgrade-kernel"
        case .stopAtKernel: "stop-at-kernel"
        case .updateFirmware: "update-firmware"
        case .enableCapability: "enable-capability"
        case .pinVCPUs: "pin-vcpus"
        case .moreVCPUs: "more-vcpus"
        case .saveAgain: "save-again"
        case .otherHost: "other-host"
        case .policy: "policy"
        }
    }
}

extension Remedy {
    /// What to do, in words for a report, with the command-line option for it where there is one.
    public var text: String { words + (isBeyondQEMU ? "; QEMU 11.1 cannot" : "") }

    /// The same without who cannot do it.
    package var words: String {
        switch self {
        case .dropSafely(let proof): "drop it safely (--policy safe): \(proof)"
        case .upgradeKernel(let span, let release):
            "give the destination \(span.text(orOfSeries: release))"
        case .stopAtKernel(let version): "go back no further than Linux \(version)"
        case .startFresh(let span, let gives):
            "start the guest on \(span.text), where a fresh guest has \(gives)"
        case .updateFirmware(let register):
            "give the destination firmware that has \(register), and boot its kernel without mitigations=off"
        case .enableCapability(let capability, let onNewerKernel):
            (onNewerKernel
                ? "give the destination \(KernelSpan(from: capability.since, before: nil).text), and use"
                : "use")
                + " a VMM that enables \(capability.name) before it makes vCPUs"
                + (capability.enabledBy.map { ": \($0)" } ?? "")
        case .pinVCPUs(let cpu):
            "if the destination has CPUs of several types, pin the vCPUs and whoever makes them to those that "
                + "are \(cpu)"
        case .moreVCPUs(let count):
            "choose a host or a kernel that makes \(count) vCPUs for a VM (\(HostProfile.maximumVCPUsName))"
        case .saveAgain: "save the guest again, with all its vCPUs and their registers"
        case .otherHost(let what): "choose a host with \(what)"
        case .policy(let rule): Self.policy(with: [rule])
        case .startOnKernel(let version, let register, let fields, let fixed):
            "start the guest on Linux \(version) or newer, where its VMM can set \(register)"
                + (fields.isEmpty ? "" : " (\(fields.joined(separator: ", ")))")
                + " before the first run\(Self.rest(fixed))"
        case .withoutFeatures, .lowerFields, .presetRegister, .limitVectors, .fewerCounters,
            .restrictBitmap, .lowerPSCIVersion:
            "before the guest's first run " + (start ?? "")
        }
    }

    /// Whether it takes a VMM that sets registers of which QEMU has no property.
    package var isBeyondQEMU: Bool {
        switch self {
        case .lowerFields, .presetRegister, .startOnKernel, .fewerCounters, .restrictBitmap: true
        default: false
        }
    }

    private static func rest(_ fixed: [String]) -> String {
        fixed.isEmpty
            ? "" : "; that leaves \(fixed.joined(separator: ", ")), which no kernel lets a VMM set"
    }

    /// - Parameter option: what writes it.
    package static func policy(
        with rules: [PolicyRule], by option: String = "vcpusnap plan --write-policy"
    ) -> String {
        "if the guest can do without: a policy with the \(rules.count == 1 ? "rule" : "rules") "
            + "\(words(for: rules)) (\(option) FILE writes it)"
    }

    /// Rules that pardon by what they do, with the patterns of each: `drop each of z0-z31 ffr, ignore x0`; then overrides.
    private static func words(for rules: [PolicyRule]) -> String {
        let pardons = ["drop", "accept-masked", "ignore"].flatMap { word -> [String] in
            let own = rules.filter { $0.description.hasPrefix(word + " ") }
            // What stands behind the pattern, as a mask does.
            var ends: [String] = []
            var patterns: [String: [String]] = [:]
            for rule in own {
                let end = String(rule.description.dropFirst("\(word) \(rule.pattern.text)".count))
                if patterns[end] == nil { ends.append(end) }
                patterns[end, default: []].append(rule.pattern.text)
            }
            return ends.map { end in
                let names = patterns[end] ?? []
                let each = names.count > 1 ? "each of " : ""
                return "\(word) \(each)\(RegisterID.folded(names))\(end)"
            }
        }
        let overrides = rules.map(\.description).filter { $0.hasPrefix("override ") }
        return (pardons + overrides).joined(separator: ", ")
    }

    /// What to say of several, policies on one line at the end.
    package static func lines(of remedies: [Remedy]) -> [String] {
        var (lines, rules): ([String], [PolicyRule]) = ([], [])
        for (remedy, _) in merged(remedies) {
            if case .policy(let rule) = remedy {
                rules.append(rule)
            } else {
                lines.append(remedy.text)
            }
        }
        return lines + (rules.isEmpty ? [] : [policy(with: rules)])
    }

    /// Each once, with what one is made of that stands for several: all other hosts, which come last, and registers that
    /// can be set as a whole since one kernel, or that fresh guests of the same kernels have.
    package static func merged(_ remedies: [Remedy]) -> [(remedy: Remedy, parts: [Remedy])] {
        var groups: [[Remedy]] = []
        var places: [String: Int] = [:]
        for remedy in each(remedies) {
            if let place = remedy.mergedUnder.flatMap({ places[$0] }) {
                groups[place].append(remedy)
            } else {
                if let word = remedy.mergedUnder { places[word] = groups.count }
                groups.append([remedy])
            }
        }
        return groups.map { (joined($0), $0) }
    }

    private var mergedUnder: String? {
        switch self {
        case .otherHost: name
        case .startOnKernel(let version, _, let fields, let fixed):
            fields.isEmpty && fixed.isEmpty ? version : nil
        case .startFresh(let span, _): span.text
        default: nil
        }
    }

    private static func joined(_ parts: [Remedy]) -> Remedy {
        let names = parts.compactMap { part -> String? in
            switch part {
            case .otherHost(let what): what
            case .startOnKernel(_, let register, _, _): register
            case .startFresh(_, let gives): gives
            default: nil
            }
        }
        return switch parts[0] {
        case .otherHost: .otherHost(names.joined(separator: "; "))
        case .startFresh(let span, _): .startFresh(span, gives: names.joined(separator: ", "))
        case .startOnKernel(let version, _, let fields, let fixed):
            .startOnKernel(
                version, register: RegisterID.folded(names), fields: fields, fixed: fixed)
        case let one: one
        }
    }
}

// MARK: - Before the first run

extension Remedy {
    /// What a VMM has to do before the guest's first run, with how some are told to; nil for other remedies.
    private var start: String? {
        switch self {
        case .withoutFeatures(let features, let fixed):
            Self.without(features) + Self.rest(fixed)
        case .lowerFields(let register, let fields, let fixed):
            Self.lower(register, fields) + Self.rest(fixed)
        case .presetRegister(let register, let value):
            "write \(value) to \(register)"
                + Self.template(
                    register, value.lowBits, in: value.size == 4 ? UInt64(UInt32.max) : .max)
        case .limitVectors(let bits, let lengths):
            "write \(lengths) to SVE_VLS, between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE: "
                + "vectors of at most \(bits) bits (QEMU: -cpu host,sve\(bits)=on)"
        case .fewerCounters(let count):
            "write \(count) to PMCR_EL0.N"
                + Self.template(
                    "PMCR_EL0", PMUControl(counters: count).bits, in: PMUControl.countersMask)
        case .restrictBitmap(let register, let bits):
            "clear the bits \(RegisterValue(bits)) of \(register)\(Self.template(register, 0, in: bits))"
        case .lowerPSCIVersion(let version):
            "set PSCI_VERSION to \(RegisterValue(version.rawValue)) "
                + "(QEMU 11.0 or newer: -cpu host,kvm-psci-version=\(version)"
                + "; Firecracker's CPU template: \(Self.modifier("PSCI_VERSION", version.rawValue, in: UInt64(UInt32.max))))"
        default: nil
        }
    }

    /// QEMU's properties of a CPU that take a feature away; KVM has no vCPU with another CPU's other features.
    static let removable: [(features: VCPUFeatures, property: String)] = [
        (.sve, "sve=off"), (.pointerAuthentication, "pauth=off"), (.pmuV3, "pmu=off"),
    ]

    /// Which vCPUs do not have a field, where a feature can be left out for that: `; vCPUs without PMU_V3 (QEMU: pmu=off) ...`.
    static func leavingOut(_ rule: IDFieldRule) -> String? {
        let feature = rule.feature.flatMap { VCPUFeatures(named: $0) } ?? []
        guard let other = removable.first(where: { !$0.features.isDisjoint(with: feature) }) else {
            return nil
        }
        return
            "; vCPUs without \(other.features.names.joined(separator: " and ")) (QEMU: \(other.property)) do not have it"
    }

    /// QEMU's option with which its vCPUs do not have the features.
    package static func cpuOption(without features: VCPUFeatures) -> String {
        let properties = removable.filter { features.isSuperset(of: $0.features) }.map(\.property)
        return "-cpu " + (["host"] + properties).joined(separator: ",")
    }

    private static func without(_ features: VCPUFeatures) -> String {
        let bits = BitPattern(0, in: UInt64(features.rawValue))
        return "make its vCPUs without \(features.names.joined(separator: ", ")) "
            + "(QEMU: \(cpuOption(without: features)); Firecracker's CPU template: "
            + "\"vcpu_features\": [{\"index\": 0, \"bitmap\": \"\(bits)\"}])"
    }

    private static func lower(_ register: String, _ fields: [FieldValue]) -> String {
        let entry = RegisterDictionary.entry(named: register)
        var (bits, mask): (UInt64, UInt64) = (0, 0)
        for field in fields {
            guard let place = entry?.field(named: field.name) else { continue }
            mask |= place.mask
            bits |= place.placing(field.value)
        }
        return "set in \(register) (vcpusnap baseline) "
            + fields.map { "\($0.name) to \(RegisterValue($0.value))" }.joined(separator: ", ")
            + template(register, bits, in: mask)
    }

    private static func template(_ register: String, _ bits: UInt64, in mask: UInt64) -> String {
        mask == 0 ? "" : " (Firecracker's CPU template: \(modifier(register, bits, in: mask)))"
    }

    /// An element of `reg_modifiers`.
    private static func modifier(_ register: String, _ bits: UInt64, in mask: UInt64) -> String {
        let id = RegisterDictionary.entry(named: register)?.id ?? RegisterID(rawValue: 0)
        return "\(CPUTemplate.Modifier(register: id, pattern: BitPattern(bits, in: mask)))"
    }
}

extension CounterMismatch {
    /// What can be done about it; nothing where the policy does not count it.
    public var remedies: [Remedy] {
        guard isLoss else { return [] }
        let rule = PolicyRule(RegisterPattern(PolicyRule.counterFrequency), .drop(nil))
        return [.otherHost("a counter of \(guest) Hz"), .policy(rule)]
    }
}
