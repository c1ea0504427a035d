internal import CFormatData

/// Bits of a register of which fresh guests are not shown the same on every kernel and CPU.
///
/// These are the data of Formats/registers/fresh.jsonl and cpu-values.jsonl.
package struct ShownBits: Hashable, Sendable {
    /// The register.
    package let register: RegisterID
    /// The field's name; nil where it is the whole register.
    package let field: String?
    /// The most significant bit.
    package let msb: Int
    /// The least significant bit.
    package let lsb: Int
    private let index: UInt16

    /// What a kernel shows a fresh guest.
    package enum Rule: Hashable, Sendable {
        /// What the CPU has.
        case own
        /// What the CPU has, and this where it has more.
        case atMost(UInt64)
        /// This, whatever the CPU has.
        case fixed(UInt64)
        /// CLIDR_EL1 that is made up of CTR_EL0.
        case cacheLevels
        /// CCSIDR that is made up of CTR_EL0.
        case cacheGeometry
        /// PerfMon that follows from ID_AA64DFR0_EL1.PMUVer.
        case pmuVersion
        /// The bits of a value that stand for counters of the PMU which there are.
        case counters(UInt64)
        /// A value without the bits of events that the PMU does not have.
        case events(UInt64)
        /// The newest version of PSCI that the kernel has.
        case newestPSCI
    }

    /// The bits in their place.
    package var mask: UInt64 { RegisterField.ones(msb - lsb + 1) << UInt64(lsb) }

    /// The bits of a value of the register, shifted down to bit 0.
    package func extract(from bits: UInt64) -> UInt64 { (bits & mask) >> UInt64(lsb) }

    /// A value of the register with other bits here.
    package func replacing(in bits: UInt64, with value: UInt64) -> UInt64 {
        bits & ~mask | value << UInt64(lsb) & mask
    }

    /// What a kernel shows in them.
    /// - Parameters:
    ///   - kernel: nil for the newest.
    ///   - cpu: the host's.
    ///   - features: the names of the vCPU's.
    package func rule(
        onKernel kernel: KernelVersion?, of cpu: CPUIdentity, features: Set<String>
    ) -> Rule {
        let row = Self.rows(of: index).last { row in
            Int(row.lsb) == lsb && row.applies(to: kernel)
                && (row.identity == 0 || row.identity == cpu.tableKey)
                && Tables.optionalString(row.feature).map(features.contains) ?? true
        }
        return row.map { Rule($0) } ?? .own
    }

    /// What every CPU of a type has in them, where that is known and kernels hide it.
    package func ownValue(of cpu: CPUIdentity) -> UInt64? { value(of: cpu, isUsual: false) }

    /// What a CPU of a type has in them that was not built otherwise, as with another size of caches.
    package func usualValue(of cpu: CPUIdentity) -> UInt64? { value(of: cpu, isUsual: true) }

    private func value(of cpu: CPUIdentity, isUsual: Bool) -> UInt64? {
        Tables.cpuValues.first { row in
            row.identity == cpu.tableKey && row.reg == index && Int(row.lsb) == lsb
                && (row.is_usual != 0) == isUsual
        }?.value
    }

    private static func rows(of index: UInt16) -> Slice<Table<cformat_showing>> {
        Tables.showings[runs[index] ?? 0..<0]
    }

    /// Where the rows of each register are; a derived profile asks for those of all registers.
    private static let runs = Dictionary(
        Tables.showings.indices.map { (Tables.showings[$0].reg, $0..<$0 + 1) },
        uniquingKeysWith: { $0.lowerBound..<$1.upperBound })
}

extension RegisterEntry {
    /// The bits of the register that depend on the kernel or the CPU's type, each once; mostly none.
    package var shownBits: [ShownBits] {
        var seen: Set<UInt8> = []
        return ShownBits.all(of: index).filter { seen.insert(UInt8($0.lsb)).inserted }
    }

    /// The kernels from which on a guest may have something else of the register, or have it at all, ascending: they show
    /// it otherwise or take other values of it, or so it is with what it depends on.
    package var changes: [KernelVersion] {
        let needs = behaviorHistory.compactMap(\.behavior).flatMap(\.needs)
        return Set(ownChanges + Set(needs).flatMap { Self.changes(of: $0) }).sorted()
    }

    private var ownChanges: [KernelVersion] {
        let hiding = isFeatureIDRegister ? VCPUFeature.all.compactMap(\.hidesSince) : []
        let versions = id == .psciVersion ? PSCIVersion.all.compactMap(\.since) : []
        let features =
            id == .vcpuInit
            ? VCPUFeature.all.compactMap(\.since) + CPUIdentity.targetChanges : []
        let rules = idFieldRules.flatMap(\.specials).flatMap { [$0.since, $0.until] }
        let dated = behaviorHistory.flatMap { [$0.from, $0.until] } + rules + [listedSince]
        return ShownBits.dates(of: index) + hiding + versions + features + dated.compactMap(\.self)
    }

    /// Since when a condition may hold, or hold no more.
    private static func changes(of need: Condition) -> [KernelVersion] {
        switch need {
        case .idField(let field):
            RegisterDictionary.entry(for: field.register)?.ownChanges ?? []
        case .feature(let name), .finalized(let name), .notFeature(let name):
            [VCPUFeature.named(name)?.since].compactMap(\.self)
        case .capability(let name):
            [KVMCapability.named(name)?.since].compactMap(\.self)
        }
    }
}

extension ShownBits {
    fileprivate static func all(of index: UInt16) -> [ShownBits] {
        rows(of: index).map { ShownBits($0) }
    }

    /// From which kernels on, and before which, kernels show something of their own.
    fileprivate static func dates(of index: UInt16) -> [KernelVersion] {
        rows(of: index).flatMap { [$0.from, $0.until] }.compactMap { KernelVersion(packed: $0) }
    }

    private init(_ row: cformat_showing) {
        index = row.reg
        register = RegisterEntry(index: row.reg).id
        field = Tables.optionalString(row.field)
        msb = Int(row.msb)
        lsb = Int(row.lsb)
    }
}

extension cformat_showing {
    fileprivate func applies(to kernel: KernelVersion?) -> Bool {
        guard let kernel else { return until == 0 }
        return KernelVersion.has(kernel, since: KernelVersion(packed: from))
            && KernelVersion(packed: until).map { kernel < $0 } ?? true
    }
}

extension ShownBits.Rule {
    /// The numbers are positions in SHOWINGS of the generator.
    fileprivate init(_ row: cformat_showing) {
        self =
            switch row.shows {
            case 1: .atMost(row.value)
            case 2: .fixed(row.value)
            case 3: .cacheLevels
            case 4: .cacheGeometry
            case 5: .pmuVersion
            case 6: .counters(row.value)
            case 7: .events(row.value)
            case 8: .newestPSCI
            default: .own
            }
    }
}
