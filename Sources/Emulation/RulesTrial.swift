package import Registers
package import VCPUModel

/// Finds out by trying which kernel's rules a host follows, since its version may not tell: vendors put KVM
/// of newer kernels into older ones.
///
/// The same writes are made to a vCPU of the host and to emulated ones with the rules of each kernel that
/// is known to have others.
package struct RulesTrial {
    private let profile: HostProfile
    private let writes: [(id: RegisterID, value: RegisterValue)]

    /// Chooses the writes to try, by what the profile records.
    /// - Parameter profile: of the host, without `rulesRelease`.
    package init(_ profile: HostProfile) {
        self.profile = profile
        writes = Self.writes(profile)
    }

    /// The kernel that explains best what the host made of the writes.
    ///
    /// - Parameter bank: a fresh vCPU of the host as the profile's was; it is not one afterward.
    /// - Returns: nil where the host's own version explains it as well as any.
    package func rulesRelease(trying bank: any RegisterBank) -> String? {
        let found = outcomes(on: bank)
        func score(_ rulesRelease: String?) -> Int {
            var other = profile
            other.rulesRelease = rulesRelease
            let own = outcomes(on: EmulatedCPU(profile: other, initialized: true))
            return zip(found, own).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
        }
        var best = (release: nil as String?, score: score(nil))
        for version in candidates {
            let score = score(version.description)
            if score > best.score { best = (version.description, score) }
        }
        return best.release
    }

    /// How writes are taken of registers that no kernel's rules explain: a vendor can port back some of another kernel.
    /// - Parameters:
    ///   - bank: a fresh vCPU of the host as the profile's was; it is not one afterward.
    ///   - release: what `rulesRelease` found.
    /// - Returns: what explains all that was tried, and the registers of which nothing does.
    public func overrides(
        trying bank: any RegisterBank, by release: String?
    ) -> (found: [RegisterID: BehaviorOverride], unexplained: [RegisterID]) {
        var other = profile
        other.rulesRelease = release
        let real = outcomes(on: bank)
        var found: [RegisterID: BehaviorOverride] = [:]
        var open = different(real, other)
        let candidates: [(RegisterID) -> BehaviorOverride] = [
            { _ in BehaviorOverride(.writable) }, { _ in BehaviorOverride(.invariant) },
            { _ in BehaviorOverride(.writeIgnored) },
            { BehaviorOverride(.sanitized, mask: changedBits($0, real)) },
        ]
        for candidate in candidates where !open.isEmpty {
            for id in open { other.overrides[id] = candidate(id) }
            let wrong = different(real, other)
            for id in open where !wrong.contains(id) { found[id] = other.overrides[id] }
            open.formIntersection(wrong)
        }
        return (found, open.sorted())
    }

    /// The registers of which the host made something else than an emulated vCPU of a profile.
    private func different(_ real: [Outcome], _ other: HostProfile) -> Set<RegisterID> {
        let own = outcomes(on: EmulatedCPU(profile: other, initialized: true))
        return Set(writes.indices.filter { real[$0] != own[$0] }.map { writes[$0].id })
    }

    /// The bits of a register that some write changed.
    private func changedBits(_ id: RegisterID, _ outcomes: [Outcome]) -> UInt64 {
        let recorded = profile.registers[id]?.lowBits ?? 0
        return writes.indices.filter { writes[$0].id == id }.reduce(0) {
            $0 | ((outcomes[$1].value?.lowBits ?? recorded) ^ recorded)
        }
    }

    // MARK: Kernels

    /// The versions from which some register has another rule: those after the host's own first, the
    /// nearest first.
    private var candidates: [KernelVersion] {
        let changes = RegisterDictionary.all.flatMap { entry in entry.behaviorHistory.map(\.from) }
        let all = Set(changes + PSCIVersion.all.compactMap(\.since))
        guard let own = profile.kernel else { return all.sorted(by: >) }
        return all.filter { $0 > own }.sorted() + all.filter { $0 < own }.sorted(by: >)
    }

    // MARK: Writes

    /// What a write led to: whether it was accepted, and what the register held then.
    private struct Outcome: Equatable {
        var isAccepted: Bool
        var value: RegisterValue?
    }

    /// A few values for each register whose rule is not that of all kernels.
    private static func writes(
        _ profile: HostProfile
    ) -> [(id: RegisterID, value: RegisterValue)] {
        profile.registers.filter { id, _ in isTelling(id) }.flatMap { id, recorded in
            values(for: id, recorded).map { (id, $0) }
        }
    }

    private static func isTelling(_ id: RegisterID) -> Bool {
        guard let entry = RegisterDictionary.entry(for: id), id.architecture == .arm64,
            !id.isSVE
        else { return false }
        return id == .psciVersion
            || entry.behaviorHistory.count > 1
                && entry.volatileBits == 0
    }

    private static func values(for id: RegisterID, _ recorded: RegisterValue) -> [RegisterValue] {
        let bits = recorded.lowBits
        let tried: [UInt64] =
            id == .psciVersion
            ? PSCIVersion.all.map(\.rawValue)
            : [0, .max, bits ^ 1, bits ^ 1 << 31, bits ^ PMUControl.countersMask]
        return tried.map(recorded.replacingLowBits(with:))
    }

    /// Makes each write, and gives the register its recorded value again.
    private func outcomes(on bank: any RegisterBank) -> [Outcome] {
        writes.map { id, value in
            let isAccepted = (try? bank.write(value, to: id)) != nil
            let outcome = Outcome(isAccepted: isAccepted, value: try? bank.read(id))
            if let recorded = profile.registers[id] { try? bank.replace(id, with: recorded) }
            return outcome
        }
    }
}
