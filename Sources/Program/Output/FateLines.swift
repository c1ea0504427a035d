internal import Planning
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// What became of the vCPUs of a load, with vCPUs that fared the same told once: how many registers had each fate, why some
/// failed, the registers by their fates, and what a policy pardons.
struct FateLines<Failure: Hashable> {
    private var counts = FoldedCounts()
    private var failures = Folded<Failure, Void>()
    private var lines: [RegisterLoad.Fate: SharedLines<RegisterLoad>] = [:]
    private var pardoned = PardonedNames()

    mutating func add(
        _ registers: [RegisterLoad], _ failure: Failure?, ofVCPU index: UInt32, _ values: ValueText
    ) {
        let unit = UnitID.vcpu(index)
        counts.add(registers.fateCounts, of: unit)
        if let failure { failures.add(failure, of: unit) }
        if !values.isVerbose { pardoned.add(registers) }
        for (fate, members) in Dictionary(grouping: registers, by: \.fate) {
            guard fate != .loaded else { continue }
            let told = values.isVerbose ? members : members.filter { $0.pardon == nil }
            lines[fate, default: SharedLines()].add(told, of: unit) { $0.line(values) }
        }
    }

    /// - Parameters:
    ///   - text: of a failure, in words.
    ///   - meaning: of a fate, in words.
    func write(
        to output: ReportWriter, failure text: (Failure) -> String,
        _ meaning: (RegisterLoad.Fate) -> String
    ) {
        output.write(counts.line(RegisterLoad.Fate.names, output.style))
        for entry in failures.entries {
            let line = entry.line("fails: \(text(entry.subject))", among: counts.units)
            output.write("  \(line)\n")
        }
        for fate in RegisterLoad.Fate.allCases {
            guard let members = lines[fate], !members.isEmpty else { continue }
            output.write("  \(fate.rawValue): \(meaning(fate))\n")
            output.write(members.texts(ofAll: counts.units).indented)
        }
        output.write(pardoned.text)
    }
}

extension [RegisterLoad] {
    /// How many had each fate, by its name.
    var fateCounts: [String: Int] { reduce(into: [:]) { $0[$1.fate.rawValue, default: 0] += 1 } }
}
