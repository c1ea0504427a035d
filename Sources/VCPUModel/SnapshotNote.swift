public import Registers

/// Something that a snapshot may have by its format, and that no VM should have; or what it cannot tell of its VM.
public enum SnapshotNote: Hashable, Sendable {
    /// The vCPUs that hold the same value of a register; nil for those without the register.
    public struct Holders: Hashable, Sendable {
        /// The value that the first of them holds; nil where they lack the register.
        public var value: RegisterValue?
        /// Their numbers, ascending.
        public var vcpus: [UInt32]
    }

    /// There is nothing to restore.
    case noVCPU
    /// vCPUs of these numbers lack registers that no vCPU can do without (`RegisterList.missing`).
    case incomplete(vcpus: [UInt32], missing: [RegisterID])
    /// The vCPUs differ in what a VM has once, or what all its vCPUs have alike.
    case disagreement(RegisterID, [Holders])
    /// The VM may have had state of these names, the fields of `RegisterID.unknownState`, which is not in the snapshot.
    case unknown([String])
}

extension Snapshot {
    /// What is odd about the snapshot: incomplete vCPUs first, then disagreements in ascending order of register; at last
    /// what it cannot tell.
    public var notes: [SnapshotNote] {
        (vcpus.isEmpty ? [.noVCPU] : incomplete + disagreements) + [unknown].compactMap(\.self)
    }

    /// What nobody could tell of the VM; nil for nothing.
    public var unknown: SnapshotNote? {
        guard let bits = vm[.unknownState]?.lowBits, bits != 0 else { return nil }
        let fields = RegisterDictionary.entry(for: .unknownState)?.fields ?? []
        let names = fields.reversed().filter { $0.touches(bits) && !$0.isReserved }.map(\.name)
        return .unknown(names)
    }

    private var incomplete: [SnapshotNote] {
        var groups: [[RegisterID]: [UInt32]] = [:]
        for vcpu in vcpus { groups[vcpu.registers.missing, default: []].append(vcpu.index) }
        groups[[]] = nil
        return groups.sorted { $0.value[0] < $1.value[0] }
            .map { .incomplete(vcpus: $0.value, missing: $0.key) }
    }

    private var disagreements: [SnapshotNote] {
        guard vcpus.count > 1 else { return [] }
        var common: [RegisterID: UInt64] = [:]
        var seen: [RegisterID] = []
        for vcpu in vcpus where vcpu.registers.ids != seen {
            seen = vcpu.registers.ids
            for id in seen where common[id] == nil { common[id] = id.kind.commonBits }
        }
        // What lacks much lacks these too, and is said to be incomplete.
        let isComplete = vcpus.map(\.registers.missing.isEmpty)
        return common.filter { $0.value != 0 }.sorted { $0.key < $1.key }.compactMap { id, bits in
            let first = vcpus[0].registers[id]?.masked(by: bits)
            guard vcpus.contains(where: { $0.registers[id]?.masked(by: bits) != first }) else {
                return nil
            }
            let holders = holders(of: id, bits, isComplete)
            return holders.count > 1 ? .disagreement(id, holders) : nil
        }
    }

    /// Who holds which value, in the order of the vCPUs; an incomplete one that has none is left out.
    private func holders(
        of id: RegisterID, _ bits: UInt64, _ isComplete: [Bool]
    ) -> [SnapshotNote.Holders] {
        var holders: [SnapshotNote.Holders] = []
        var places: [RegisterValue?: Int] = [:]
        for (vcpu, isComplete) in zip(vcpus, isComplete) {
            let value = vcpu.registers[id]
            guard value != nil || isComplete else { continue }
            let key = value?.masked(by: bits)
            if let place = places[key] {
                holders[place].vcpus.append(vcpu.index)
            } else {
                places[key] = holders.count
                holders.append(SnapshotNote.Holders(value: value, vcpus: [vcpu.index]))
            }
        }
        return holders
    }
}

extension RegisterList {
    /// The registers that no vCPU of these features can do without, and that are not here, ascending.
    public var missing: [RegisterID] {
        let shown = self[.vcpuInit].flatMap { VCPUInit($0) }?.features
        // Without VCPU_INIT it is not known, and Z registers tell.
        let features = shown ?? (contains(.z(0)) ? .sve : [])
        let lacking = Essential.ids(hasSVE: features.contains(.sve)).filter { !contains($0) }
        let isFinalized =
            contains(.vcpuFinalized) || shown?.intersection(.finalizable).isEmpty != false
        return isFinalized ? lacking : (lacking + [.vcpuFinalized]).sorted()
    }
}

/// The essential registers, of which SVE alone decides some.
private enum Essential {
    private static let plain = list(features: [])
    private static let scalable = list(features: .sve)

    static func ids(hasSVE: Bool) -> [RegisterID] { hasSVE ? scalable : plain }

    private static func list(features: VCPUFeatures) -> [RegisterID] {
        let names = Set(features.names)
        return RegisterDictionary.all.filter { entry in
            entry.isEssential
                && (entry.newestNeeds).allSatisfy { need in
                    switch need {
                    case .feature(let name): names.contains(name)
                    case .notFeature(let name): !names.contains(name)
                    case .capability, .finalized, .idField: true
                    }
                }
        }.map(\.id)
    }
}

// MARK: - In words

extension SnapshotNote: CustomStringConvertible {
    /// A sentence without its subject, the snapshot.
    public var description: String {
        switch self {
        case .noVCPU: "it holds no vCPU"
        case .unknown(let names):
            "it cannot tell whether its VM had \(names.joined(separator: ", ")): whoever made that sets it up again "
                + "(UNKNOWN_STATE)"
        case .incomplete(let vcpus, let missing):
            (vcpus.count == 1 ? "vCPU \(vcpus[0]) is" : "vCPUs \(Self.ranges(vcpus)) are")
                + " incomplete: \(missing.count) of the registers that every vCPU needs are missing: "
                + Self.shortened(missing.map(\.name))
        case .disagreement(let id, let holders):
            "the vCPUs disagree on \(id.label): "
                + holders.prefix(Self.maximumCount).map(\.description).joined(separator: "; ")
                + (holders.count > Self.maximumCount
                    ? "; and \(holders.count - Self.maximumCount) more" : "")
        }
    }

    private static let maximumCount = 8

    /// Registers' names; of many only the first and the last.
    public static func shortened(_ names: [String]) -> String {
        let shown =
            names.count <= maximumCount ? names : names.prefix(4) + ["..."] + names.suffix(2)
        return shown.joined(separator: " ")
    }
}

extension SnapshotNote.Holders: CustomStringConvertible {
    /// `0x23 on 0, 2 to 7`.
    public var description: String {
        "\(value.map(\.description) ?? "no register") on \(SnapshotNote.ranges(vcpus))"
    }
}

extension SnapshotNote {
    /// `0, 2 to 7`, of ascending numbers; of many only the first.
    fileprivate static func ranges(_ numbers: [UInt32]) -> String {
        var ranges: [ClosedRange<UInt32>] = []
        for number in numbers { ranges.append(number) }
        let texts = ranges.prefix(maximumCount).map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
        }
        return texts.joined(separator: ", ")
            + (ranges.count > maximumCount ? " and \(ranges.count - maximumCount) more" : "")
    }
}
