public import Emulation
internal import KVM
internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// Makes a host profile of this machine's KVM.
public struct HostRecorder: ~Copyable {
    let system: KVMSystem
    private let host: KVMHost
    private let options: SourceOptions

    /// Opens `/dev/kvm` and looks at the host.
    /// - Throws: when KVM cannot be opened, or makes no vCPU.
    public init(_ options: SourceOptions) throws(SourceError) {
        do throws(KVMError) {
            let system = try KVMSystem()
            host = try KVMHost(system)
            self.system = system
        } catch {
            throw SourceError(error)
        }
        self.options = options
    }

    /// Reads and tries out vCPUs of each set of features.
    /// - Parameter name: one word; nil for the kernel's version and the CPU.
    /// - Throws: where the vCPU cannot be made or read.
    public borrowing func record(name: String?) throws(SourceError) -> HostProfile {
        try SourceError.passing { try recording(name: name) }
    }

    private borrowing func recording(name: String?) throws -> HostProfile {
        let base = host.abilities.defaultInit
        let registers = try self.registers(of: base)
        var sets: [HostProfile.FeatureSet] = []
        for features in host.abilities.featureSets where features != base.features {
            guard
                let recorded = try? self.registers(
                    of: VCPUInit(target: base.target, features: features))
            else { continue }
            sets.append(
                HostProfile.FeatureSet(features: features, recorded: recorded, unlike: registers))
        }
        var profile = HostProfile(
            name: name
                ?? HostProfile.defaultName(kernelRelease: host.kernelRelease, midr: host.midr),
            kernelRelease: host.kernelRelease, features: host.abilities.features,
            registers: registers)
        profile.midr = host.midr
        profile.counterFrequency = host.counterFrequency
        for (name, value) in host.capabilities {
            profile.capabilities[name] = Int32(clamping: value)
        }
        profile.writableMasks = masks(of: registers)
        profile.hardware = try hardware(base)
        profile.featureSets = sets
        try addDevices(to: &profile, base)
        try addRules(to: &profile, base)
        return profile
    }

    /// What trying shows of the rules that KVM follows, where they are not those of the kernel that runs: those of another
    /// kernel, and what no kernel's explain.
    private borrowing func addRules(
        to profile: inout HostProfile, _ request: VCPUInit
    ) throws {
        let trial = RulesTrial(profile)
        profile.rulesRelease = trial.rulesRelease(trying: try vcpu(request))
        if let release = profile.rulesRelease {
            options.notify(
                "KVM here follows the rules of Linux \(release) rather than those of "
                    + "\(profile.kernelRelease); the profile says so (rules-of)")
        }
        let (found, unexplained) = trial.overrides(
            trying: try vcpu(request), by: profile.rulesRelease)
        profile.overrides = found
        if !found.isEmpty {
            options.notify(
                "KVM here takes writes of \(found.keys.sorted().map(\.name).listed(atMost: 3)) as no known kernel "
                    + "does; the profile says how (class=)")
        }
        if !unexplained.isEmpty {
            options.notify(
                "KVM here takes writes of \(unexplained.map(\.name).listed(atMost: 3)) as no known kernel does, and no "
                    + "line of a profile can say how: a plan on it may be wrong there")
        }
    }

    /// The CPU's own values of ID fields that KVM hides.
    ///
    /// Older kernels showed them to guests, so KVM accepts exactly that value and ignores it, and any
    /// other but 0 is refused: trying tells what the CPU has.
    private borrowing func hardware(_ request: VCPUInit) throws -> [RegisterID: UInt64] {
        let bank = try vcpu(request)
        var values: [RegisterID: UInt64] = [:]
        for entry in RegisterDictionary.all where entry.isFeatureIDRegister {
            for rule in entry.idFieldRules where rule.isIgnoredIfHostValue {
                guard let shown = try? bank.read(entry.id).bits,
                    let field = Self.ignoredValue(of: rule, shown: shown, in: bank)
                else { continue }
                values[entry.id] =
                    (values[entry.id] ?? shown) & ~rule.mask | field << UInt64(rule.lsb)
            }
        }
        return values
    }

    private static func ignoredValue(
        of rule: IDFieldRule, shown: UInt64, in bank: any RegisterBank
    ) -> UInt64? {
        let widest = rule.mask >> UInt64(rule.lsb)
        return (1...widest).first { value in
            let tried = shown & ~rule.mask | value << UInt64(rule.lsb)
            guard tried != shown,
                (try? bank.write(RegisterValue(tried), to: rule.register)) != nil
            else { return false }
            let isIgnored = (try? bank.read(rule.register).bits) == shown
            if !isIgnored { try? bank.write(RegisterValue(shown), to: rule.register) }
            return isIgnored
        }
    }

    /// A fresh vCPU, in a VM of its own: all vCPUs of a VM have the same features.
    private borrowing func vcpu(_ request: VCPUInit) throws -> any RegisterBank {
        guard let bank = try ScratchVM(on: system, vcpuCount: 1).banks.first else {
            throw SourceError("KVM made no vCPU")
        }
        try bank.initialize(with: request)
        return bank
    }

    /// Every register of a fresh vCPU, bits that move by themselves as zero, so that two recordings of a host are the
    /// same.
    private borrowing func registers(of request: VCPUInit) throws -> RegisterList {
        let capture = try Capture(of: try vcpu(request))
        if let failure = capture.unreadable.first {
            throw SourceError("a profile needs every register: \(failure)")
        }
        let pairs = capture.registers.map { id, value in (id, value.withoutMotion(of: id)) }
        return RegisterList(pairs) ?? capture.registers
    }

    private borrowing func masks(of registers: RegisterList) -> [RegisterID: UInt64] {
        guard let masks = host.writableMasks else { return [:] }
        let pairs = registers.ids.compactMap { id in masks[id].map { (id, $0) } }
        return Dictionary(pairs) { first, _ in first }
    }
}

extension HostRecorder {
    /// The profile of this machine's KVM; of a machine with several kinds of cores one of each kind, with the CPUs that it
    /// is of.
    /// - Parameter name: one word, to which the kind is added where there are several; nil for the kernel's version and the CPU.
    /// - Throws: where there is no KVM, or it cannot be asked.
    public static func profiles(
        named name: String?, _ options: SourceOptions
    ) throws(SourceError) -> [HostProfile] {
        try SourceError.passing {
            let own = try CPUSet.ofThisThread()
            let kinds = CoreKind.all(among: own)
            guard kinds.count > 1 else { return [try HostRecorder(options).record(name: name)] }
            defer { try? own.holdThisThread() }
            return try kinds.map { kind in
                try kind.cpus.holdThisThread()
                var profile = try HostRecorder(options).record(name: nil)
                profile.midr = kind.midr
                profile.cpus = kind.cpus.description
                profile.name =
                    name.map { "\($0)-\(HostProfile.cpuWord(midr: kind.midr))" }
                    ?? HostProfile.defaultName(
                        kernelRelease: profile.kernelRelease, midr: kind.midr)
                return profile
            }
        }
    }
}
