public import Registers
package import VCPUModel

/// Why there is no profile of a host with another kernel.
public enum OtherKernelError: Error, Hashable, Sendable {
    /// The release has no version, or is no word that a profile can have.
    case unusableRelease(String)
    /// Nothing is known of so old a kernel.
    case unknownRelease(String, before: KernelVersion)
    /// The host's kernel has no version.
    case unknownKernel(String)
    /// The host's kernel has KVM of another kernel than its own.
    case vendorKernel(String, rulesOf: String)
    /// The profile does not tell the CPU.
    case noCPU(String)
}

extension OtherKernelError: CustomStringConvertible {
    /// Why there is no such profile, and what to do about it.
    public var description: String {
        switch self {
        case .unusableRelease(let release):
            "\(release) is no kernel: give a version, as in 6.12, or a release as uname -r prints it"
        case .unknownRelease(let release, let oldest):
            "\(release) is older than \(oldest), the oldest kernel known here: give \(oldest) or a newer one"
        case .unknownKernel(let name):
            "\(name) does not tell the version of its kernel, which decides what its registers mean"
        case .vendorKernel(let name, let rules):
            "\(name) has a vendor's kernel with KVM of Linux \(rules); what another kernel of that vendor "
                + "has is not known: record it with vcpusnap host"
        case .noCPU(let name):
            "\(name) does not tell MIDR_EL1 of its host, and much depends on the CPU"
        }
    }
}

extension HostProfile {
    /// The same machine with another kernel, by the rules of Formats/registers.
    ///
    /// What a kernel hides of the CPU is taken from other recordings of such a CPU. What they do not tell either is
    /// guessed, and `guesses` of the result says so.
    /// - Parameters:
    ///   - release: as `uname -r` would print it; a version such as `6.12` is enough.
    ///   - others: recordings that may be of the same CPU; those that cannot be are left out.
    ///   - name: the new profile's; nil for one of the kernel and the CPU.
    /// - Throws: where the release has no version, the profile does not tell its kernel's version
    ///   or its CPU, or its kernel follows the rules of another.
    public func withKernel(
        _ release: String, like others: [HostProfile], name: String? = nil
    ) throws(OtherKernelError) -> HostProfile {
        try withKernel(release, like: others, name: name, making: nil)
    }

    /// The same for one kind of vCPU, which takes less time.
    /// - Parameter made: the features of the vCPUs that it will be asked for, as far as it has them; nil for any.
    /// - Throws: as with all kinds.
    package func withKernel(
        _ release: String, like others: [HostProfile], name: String? = nil,
        making made: VCPUFeatures?
    ) throws(OtherKernelError) -> HostProfile {
        let hosts = try derivationHosts(release, others)
        let old = vcpuInit?.features ?? []
        var result = self
        result.capabilities = capabilities(on: hosts.kernel)
        result.attributes = attributes(on: hosts.kernel)
        result.features = features(on: hosts.kernel, result.capabilities)
        let main = DerivedVCPU(
            hosts, recorded: registers, recordedFeatures: old,
            features: old.intersection(result.features), whole: nil)
        result.registers = main.registers
        result.kernelRelease = release
        result.name = name ?? Self.defaultName(kernelRelease: release, midr: midr)
        result.featureSets = sets(hosts, like: result, making: made)
        // Masks of the old kernel would tell of the new one that it has masks.
        result.writableMasks = [:]
        result.writableMasks = result.dictionaryMasks
        result.overrides = [:]
        result.hardware = result.hiddenValues(hosts)
        result.extensions =
            extensions.filter { !$0.hasPrefix(Guess.directive) }
            + ["x-derived-from \(self.name)"]
            + main.guesses.map { "\(Guess.directive) \($0.name) \(RegisterValue($0.value))" }
        return result
    }

    /// Which other recordings can be of the same CPU.
    public func recordingsOfSameCPU(_ others: [HostProfile]) -> [HostProfile] {
        let own = Recording(self)
        return others.filter { Recording($0).agrees(with: own) }
    }

    private func derivationHosts(
        _ release: String, _ others: [HostProfile]
    ) throws(OtherKernelError) -> DerivationHosts {
        guard let version = KernelVersion(parsing: release), Self.isWord(release) else {
            throw .unusableRelease(release)
        }
        if let oldest = KernelVersion.oldestKnown, version < oldest {
            throw .unknownRelease(release, before: oldest)
        }
        if let rulesRelease { throw .vendorKernel(name, rulesOf: rulesRelease) }
        guard kernel != nil else { throw .unknownKernel(name) }
        guard midr != nil else { throw .noCPU(name) }
        let source = Recording(self)
        let same = recordingsOfSameCPU(others).map(Recording.init)
        return DerivationHosts(source: source, recordings: [source] + same, kernel: version)
    }

    // MARK: Parts

    /// Those of newer kernels are not guessed.
    private func attributes(on other: KernelVersion) -> RegisterList {
        let kept = attributes.filter { id, _ in
            KernelVersion.has(other, since: RegisterDictionary.entry(for: id)?.listedSince)
        }
        return RegisterList(kept) ?? RegisterList()
    }

    private func capabilities(on other: KernelVersion) -> [String: Int32] {
        var result = capabilities
        for capability in KVMCapability.all {
            guard capabilities[capability.name] != nil, let since = capability.since else {
                continue
            }
            if other < since {
                result[capability.name] = 0
            } else if let kernel, kernel < since {
                result[capability.name] = holds(capability.reportNeeds) ? capability.report : 0
            }
        }
        return result
    }

    private func holds(_ conditions: [Condition]) -> Bool {
        conditions.allSatisfy { condition in
            guard case .idField(let field) = condition else { return false }
            return registers[field.register].map { field.holds(for: $0.lowBits) } ?? false
        }
    }

    private func features(
        on other: KernelVersion, _ capabilities: [String: Int32]
    ) -> VCPUFeatures {
        var result = features
        for feature in VCPUFeature.all {
            guard let since = feature.since else { continue }
            let isOffered = feature.capability.flatMap { capabilities[$0] } ?? 0 > 0
            let hasNeeds = feature.needs.map(result.names.contains) ?? true
            if other < since {
                result.remove(VCPUFeatures(feature))
            } else if let kernel, kernel < since, isOffered, hasNeeds {
                result.insert(VCPUFeatures(feature))
            }
        }
        return result
    }

    /// The sets of features that were recorded, and with the main ones each feature that came.
    private func sets(
        _ hosts: DerivationHosts, like result: HostProfile, making asked: VCPUFeatures?
    ) -> [FeatureSet] {
        let old = vcpuInit?.features ?? []
        let came = result.features.subtracting(features).names.compactMap {
            VCPUFeatures(named: $0)
        }
        let recorded = featureSets.map(\.features).filter { $0.isSubset(of: result.features) }
        let made = recorded.map { ($0, $0) } + came.map { ($0.union(old), old) }
        // Without a feature that the other kernel does not have, the main vCPU can be as one of a set was.
        let main = old.intersection(result.features)
        let needed = made.filter { features, _ in
            features != main && asked.map { $0.intersection(result.features) == features } ?? true
        }
        return needed.compactMap { features, recordedFeatures in
            guard let list = recordedRegisters(of: recordedFeatures) else { return nil }
            let vcpu = DerivedVCPU(
                hosts, recorded: list, recordedFeatures: recordedFeatures, features: features,
                whole: result.registers)
            return FeatureSet(
                features: features, recorded: vcpu.registers, unlike: result.registers)
        }
    }

    /// The masks that its kernel has by the dictionary; empty for one that cannot be asked.
    var dictionaryMasks: [RegisterID: UInt64] {
        guard let kernel, let first = Self.firstWithMasks, kernel >= first else { return [:] }
        let hasAArch32 = Recording(self).hasAArch32
        let pairs = registers.ids.filter(\.hasWritableMask).map { id -> (RegisterID, UInt64) in
            guard let entry = RegisterDictionary.entry(for: id) else { return (id, 0) }
            let isZero = entry.traits(onKernel: kernel).contains(.zeroWithoutAArch32)
            return (id, isZero && !hasAArch32 ? 0 : entry.writableMask(onKernel: kernel))
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// The CPU's own values of fields that its kernel hides and takes all the same.
    private func hiddenValues(_ hosts: DerivationHosts) -> [RegisterID: UInt64] {
        var values: [RegisterID: UInt64] = [:]
        for bits in RegisterDictionary.all.flatMap(\.shownBits) where takesOwn(bits) {
            let own = hosts.ownValue(of: bits)
            guard let shown = registers[bits.register]?.lowBits, own.isKnown,
                own.taken != bits.extract(from: shown)
            else { continue }
            values[bits.register] = bits.replacing(
                in: values[bits.register] ?? shown, with: own.taken)
        }
        return values
    }

    private func takesOwn(_ bits: ShownBits) -> Bool {
        let rules = RegisterDictionary.entry(for: bits.register)?.idFieldRules ?? []
        return rules.contains {
            $0.mask == bits.mask && $0.isIgnoredIfHostValue(onKernel: kernel)
        }
    }
}
