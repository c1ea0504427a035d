internal import Registers
internal import VCPUModel

/// The registers of a fresh vCPU as they would be with another kernel.
struct DerivedVCPU {
    private let hosts: DerivationHosts
    private let features: Set<String>
    private let recordedFeatures: Set<String>
    private let recorded: RegisterList
    /// Where registers are from that this vCPU had not, and has with the other kernel.
    private let whole: RegisterList?
    private(set) var registers: RegisterList
    private(set) var guesses: [HostProfile.Guess] = []

    /// - Parameters:
    ///   - recorded: those of the vCPU with the old kernel.
    ///   - recordedFeatures: which it was made with.
    ///   - features: which it is made with.
    ///   - whole: the registers of the profile's main vCPU with the other kernel; nil for that one itself.
    init(
        _ hosts: DerivationHosts, recorded: RegisterList, recordedFeatures: VCPUFeatures,
        features: VCPUFeatures, whole: RegisterList?
    ) {
        self.hosts = hosts
        self.recorded = recorded
        self.recordedFeatures = Set(recordedFeatures.names)
        self.features = Set(features.names)
        self.whole = whole
        registers = recorded
        setInit(features)
        for (id, _) in recorded { giveIndependentBits(id) }
        chooseRegisters()
        for id in registers.ids {
            giveDependentBits(id)
            hideFields(of: id)
        }
        guesses.removeAll { !registers.contains($0.register) }
    }

    private mutating func setInit(_ features: VCPUFeatures) {
        let targets = hosts.source.cpu.targets(onKernel: hosts.kernel)
        let target =
            targets.contains(VCPUInit.genericTarget)
            ? VCPUInit.genericTarget : targets.first ?? VCPUInit.genericTarget
        registers.set(VCPUInit(target: target, features: features).value, for: .vcpuInit)
        registers = registers.filtered { $0 != .vcpuFinalized }
        if let finalized = features.finalizedValue {
            registers.set(finalized, for: .vcpuFinalized)
        }
    }

    // MARK: Which registers

    private mutating func chooseRegisters() {
        let candidates = RegisterDictionary.all.filter { entry in
            !recorded.contains(entry.id) && isListed(entry, byNew: true)
                && !isListed(entry, byNew: false)
        }
        for entry in candidates where !entry.id.isCacheGeometry { add(entry) }
        let gone = registers.ids.filter { id in
            guard id.architecture != .own, let entry = RegisterDictionary.entry(for: id) else {
                return false
            }
            return !isListed(entry, byNew: true) && isListed(entry, byNew: false)
        }
        registers = RegisterList(registers.filter { !gone.contains($0.0) }) ?? registers
        chooseCaches()
    }

    /// Whether the dictionary has a kernel list a register on this vCPU.
    ///
    /// What must be enabled on the VM is not.
    private func isListed(_ entry: RegisterEntry, byNew: Bool) -> Bool {
        let kernel = byNew ? hosts.kernel : hosts.source.kernel
        guard KernelVersion.has(kernel, since: entry.listedSince),
            let behavior = entry.behavior(onKernel: kernel)
        else { return false }
        let names = byNew ? features : recordedFeatures
        return behavior.needs.allSatisfy { need in
            switch need {
            case .feature(let name), .finalized(let name):
                names.contains(name) || !VCPUFeature.isEnforced(name, onKernel: kernel)
            case .notFeature(let name): !names.contains(name)
            case .capability: false
            case .idField(let field):
                (byNew ? registers : recorded)[field.register].map {
                    field.holds(for: $0.lowBits)
                } ?? false
            }
        }
    }

    private mutating func add(_ entry: RegisterEntry) {
        guard let size = entry.id.size, let zero = RegisterValue.zero(size: size) else { return }
        if let value = whole?[entry.id] {
            registers.set(value, for: entry.id)
            return
        }
        let reset =
            entry.behavior(onKernel: hosts.kernel)?.reset
            ?? (entry.id.kind.reset == .zero ? 0 : nil)
        registers.set(zero.replacingLowBits(with: reset ?? 0), for: entry.id)
        let isKnown = reset != nil || !entry.shownBits.isEmpty || entry.volatileBits == .max
        if !isKnown { guess(entry.id, nil, 0) }
        giveIndependentBits(entry.id)
    }

    /// Kernels that make caches up list all that there can be, older ones those of the CPU.
    private mutating func chooseCaches() {
        let all = RegisterDictionary.all.map(\.id).filter(\.isCacheGeometry)
        let isMadeUp = all.first.map { !hosts.cachesAreOwn(on: hosts.kernel, $0) } ?? true
        if isMadeUp {
            for id in all where !registers.contains(id) {
                registers.set(RegisterValue(0, size: id.size ?? 4), for: id)
            }
        } else if let first = all.first, !hosts.cachesAreOwn(on: hosts.source.kernel, first) {
            takeOwnCaches(all)
        }
    }

    private mutating func takeOwnCaches(_ all: [RegisterID]) {
        let other = hosts.recordings.first { recording in
            all.first.map { hosts.cachesAreOwn(on: recording.kernel, $0) } ?? false
        }
        let usual: [RegisterID] = [.ccsidr0, .ccsidr1, .ccsidr2]
        registers =
            RegisterList(
                registers.filter { id, _ in
                    guard id.isCacheGeometry else { return true }
                    return other?.profile.registers.contains(id) ?? usual.contains(id)
                }) ?? registers
    }

    // MARK: Their values

    private func rules(_ bits: ShownBits) -> (old: ShownBits.Rule, new: ShownBits.Rule) {
        let cpu = hosts.source.cpu
        return (
            bits.rule(
                onKernel: hosts.source.kernel, of: cpu, features: recordedFeatures),
            bits.rule(onKernel: hosts.kernel, of: cpu, features: features)
        )
    }

    private mutating func giveIndependentBits(_ id: RegisterID) {
        for bits in RegisterDictionary.entry(for: id)?.shownBits ?? [] {
            let (old, new) = rules(bits)
            let isSame = old == new && new != .newestPSCI
            if isSame, recorded.contains(id), !isUnhidden(bits) { continue }
            switch new {
            case .fixed(let value): set(bits, value)
            case .newestPSCI: setPSCIVersion(bits)
            case .own: take(hosts.ownValue(of: bits), for: bits)
            case .atMost(let most): take(hosts.ownValue(of: bits).capped(at: most), for: bits)
            case .cacheLevels, .cacheGeometry, .pmuVersion, .counters, .events: break
            }
        }
    }

    /// Whether the old kernel hid bits of this vCPU that the other one does not.
    private func isUnhidden(_ bits: ShownBits) -> Bool {
        let before = IDFieldRule.hidden(
            in: bits.register, from: recordedFeatures, onKernel: hosts.source.kernel)
        let after = IDFieldRule.hidden(
            in: bits.register, from: features, onKernel: hosts.kernel)
        return before & bits.mask != 0 && after & bits.mask == 0
    }

    private mutating func take(_ own: OwnValue, for bits: ShownBits) {
        if !own.isKnown, bits.register == .clidrEL1 || bits.register.isCacheGeometry {
            return guessCaches(bits, own.usual)
        }
        set(bits, own.taken)
        if !own.isKnown { guess(bits.register, bits.field, own.taken) }
    }

    private mutating func guessCaches(_ bits: ShownBits, _ usual: UInt64?) {
        if let value = usual ?? (bits.register == .clidrEL1 ? cacheType.usualLevels : nil) {
            set(bits, value)
        }
        guess(bits.register, nil, registers[bits.register]?.lowBits ?? 0)
    }

    private mutating func setPSCIVersion(_ bits: ShownBits) {
        // A vCPU without PSCI_0_2 has PSCI 0.1.
        guard features.contains("PSCI_0_2"),
            let newest = PSCIVersion.all.last(where: { $0.isKnown(to: hosts.kernel) })
        else { return }
        set(bits, newest.rawValue)
    }

    /// Gives a register what follows from others of the vCPU.
    private mutating func giveDependentBits(_ id: RegisterID) {
        let pmu = PMUVersion(idAA64DFR0: registers[.idAA64DFR0EL1]?.lowBits ?? 0)
        for bits in RegisterDictionary.entry(for: id)?.shownBits ?? [] {
            let (old, new) = rules(bits)
            switch new {
            case .cacheLevels where old != new: set(bits, cacheType.madeUpLevels)
            case .cacheGeometry where old != new:
                set(bits, cacheType.madeUpGeometry(ofInstructions: id.isInstructionCache))
            case .pmuVersion: set(bits, pmu.perfMon)
            case .events(let value) where old != new:
                set(bits, pmu.withoutMissingEvents(value))
            case .counters(let value):
                let control = PMUControl(registers[.pmcrEL0]?.lowBits ?? 0)
                set(bits, value & control.counterMask)
            default: break
            }
        }
    }

    private mutating func hideFields(of id: RegisterID) {
        guard let entry = RegisterDictionary.entry(for: id), entry.isFeatureIDRegister,
            let value = registers[id]
        else { return }
        let hidden = IDFieldRule.hidden(in: id, from: features, onKernel: hosts.kernel)
        registers.set(value.masked(by: ~hidden), for: id)
    }

    private var cacheType: CacheType { CacheType(bits: registers[.ctrEL0]?.lowBits ?? 0) }

    private mutating func set(_ bits: ShownBits, _ value: UInt64) {
        guard let old = registers[bits.register] else { return }
        registers.set(
            old.replacingLowBits(with: bits.replacing(in: old.lowBits, with: value)),
            for: bits.register)
    }

    private mutating func guess(_ id: RegisterID, _ field: String?, _ value: UInt64) {
        let name = id.name + (field.map { "." + $0 } ?? "")
        guesses.append(HostProfile.Guess(name: name, register: id, value: value))
    }
}
