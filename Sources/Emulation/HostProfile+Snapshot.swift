internal import Registers
internal import TextFormats
public import VCPUModel

extension HostProfile {
    /// What a snapshot tells of the host it was taken on.
    ///
    /// That is less than a recording: the ID registers are those the guest was given, which may be lower
    /// than what the host offers. MIDR_EL1, features and writable masks are those that the provenance tells of the
    /// host; where it tells none, they are those of this vCPU, and the dictionary's masks.
    /// Registers that a guest changes as it runs have their reset values, where those are known.
    /// What a profile has no words for (capabilities that are none, a frequency of 0) is left out.
    /// - Parameter kernel: the host's release, where the snapshot does not tell it.
    /// - Throws: when that would be no profile that can be read and used, or the snapshot tells another kernel.
    public init(
        from snapshot: Snapshot, name: String? = nil, kernel: String? = nil
    ) throws(HostProfileError) {
        guard let vcpu = snapshot.vcpus.first else { throw .noVCPU }
        guard let used = vcpu.registers[.vcpuInit].flatMap({ VCPUInit($0) }) else {
            throw .noInit(vcpu: vcpu.index)
        }
        guard !used.features.contains(.sve) || vcpu.registers.contains(.sveVLS) else {
            throw .noVectorLengths(vcpu: vcpu.index)
        }
        let kernel = try Self.release(told: snapshot.provenance[.kernel], given: kernel)
        let midr = Self.midr(of: snapshot.provenance) ?? vcpu.registers[.midrEL1]?.bits
        let name = name ?? Self.defaultName(kernelRelease: kernel, midr: midr)
        guard Self.isWord(name) else { throw .unusableName(name) }
        self.init(
            name: name, kernelRelease: kernel,
            features: used.features.union(Self.features(of: snapshot.provenance))
                .subtracting(.powerOff),
            registers: Self.resetRegisters(of: vcpu.registers, made: used, on: midr))
        self.midr = midr
        let frequency = snapshot.provenance.counterFrequency
        counterFrequency = frequency == 0 ? nil : frequency
        capabilities = Self.capabilities(of: snapshot.provenance)
        writableMasks = Self.writableMasks(of: snapshot.provenance)
        addDevices(of: snapshot)
        extensions = ["x-from snapshot"]
        do throws(DirectiveError) {
            _ = try HostProfile(parsing: text, file: name)
        } catch {
            throw .incomplete(error.message)
        }
    }

    /// The release of a host's kernel.
    /// - Parameters:
    ///   - told: what the state of a guest calls it.
    ///   - given: what a user calls it, which may be less exact; nil for nothing.
    /// - Throws: for none that a profile can have, for one without a version that was given, and for two kernels.
    package static func release(
        told: String?, given: String?
    ) throws(HostProfileError) -> String {
        guard let given else {
            guard let told else { throw .noKernel }
            guard isWord(told) else { throw .unusableKernel(told) }
            return told
        }
        guard isWord(given), KernelVersion(parsing: given) != nil else { throw .noVersion(given) }
        guard let told, isWord(told), KernelVersion(parsing: told) != nil else { return given }
        let isSame =
            told.hasPrefix(given) && told.dropFirst(given.count).first?.isDigit != true
        guard isSame else { throw .otherKernel(told: told, given: given) }
        return told
    }

    /// Whether a profile can have a text as its name, or as the release of its kernel.
    public static func isWord(_ text: String) -> Bool {
        DirectiveScanner.isWord(text, limit: Limit.word)
    }

    /// `6.12-neoverse-n1`: the kernel's version and the CPU's name.
    public static func defaultName(kernelRelease: String, midr: UInt64?) -> String {
        let kernel = KernelVersion(parsing: kernelRelease).map { "\($0.major).\($0.minor)" }
        return [kernel ?? "unknown", cpuWord(midr: midr)].joined(separator: "-")
    }

    /// `neoverse-n1`, for names; `cpu` for one without a name.
    public static func cpuWord(midr: UInt64?) -> String {
        let part = midr.flatMap { CPUIdentity(midr: $0).partName }
        return part?.lowercased().map { $0 == "_" ? "-" : String($0) }.joined() ?? "cpu"
    }

    private static func capabilities(of provenance: Provenance) -> [String: Int32] {
        let pairs = provenance.entries(below: Provenance.Key.capability("").rawValue).compactMap {
            name, value -> (String, Int32)? in
            guard isWord(name), let number = Int32(value), number.description == value else {
                return nil
            }
            return (name, number)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// MIDR_EL1 of the host, which a guest may have been given another of.
    private static func midr(of provenance: Provenance) -> UInt64? {
        provenance[.midr].flatMap { NumberText.hexadecimal($0) }
    }

    private static func features(of provenance: Provenance) -> VCPUFeatures {
        let names = provenance.entries(below: Provenance.Key.feature("").rawValue)
            .filter { $0.value == "1" }.map(\.name)
        return VCPUFeatures(names.compactMap { VCPUFeatures(named: $0) })
    }

    private static func writableMasks(of provenance: Provenance) -> [RegisterID: UInt64] {
        let masks = provenance.entries(below: Provenance.Key.writableMaskPrefix).compactMap {
            name, value -> (RegisterID, UInt64)? in
            guard let id = NumberText.hexadecimal(name).map({ RegisterID(rawValue: $0) }),
                id.hasWritableMask,
                id.hex == name, let mask = NumberText.hexadecimal(value)
            else { return nil }
            return (id, mask)
        }
        return Dictionary(masks) { first, _ in first }
    }

    private static func resetRegisters(
        of registers: RegisterList, made used: VCPUInit, on midr: UInt64?
    ) -> RegisterList {
        let known = registers.filter { id, _ in id.canStandInProfile }
        let pairs = known.map { id, value in (id, resetValue(of: id, saved: value)) }
        var result = RegisterList(pairs.filter { $0.0 != .vcpuFinalized }) ?? RegisterList()
        if let midr, result.contains(.midrEL1) { result.set(RegisterValue(midr), for: .midrEL1) }
        let features = used.features.subtracting(.powerOff)
        result.set(VCPUInit(target: used.target, features: features).value, for: .vcpuInit)
        if let finalized = features.finalizedValue { result.set(finalized, for: .vcpuFinalized) }
        return result
    }

    private static func resetValue(of id: RegisterID, saved: RegisterValue) -> RegisterValue {
        let entry = RegisterDictionary.entry(for: id)
        let moving = entry?.volatileBits ?? 0
        let zero = RegisterValue.zero(size: saved.size) ?? saved
        if let reset = entry?.newestBehavior?.reset {
            return zero.replacingLowBits(with: reset & ~moving)
        }
        switch id.kind.reset {
        case .zero: return zero
        case .bits(let bits): return zero.replacingLowBits(with: bits)
        case .asSaved(let changed): return saved.masked(by: ~(moving | changed))
        }
    }
}
