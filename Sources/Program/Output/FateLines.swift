internal import Planning
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// What became of registers at a load, by their fates, and what a policy pardons of it.
struct FateLines {
    private var lines: [RegisterLoad.Fate: SharedLines<RegisterLoad>] = [:]
    private var pardoned = PardonedNames()

    mutating func add(_ registers: [RegisterLoad], of unit: UnitID, _ values: ValueText) {
        if !values.isVerbose { pardoned.add(registers) }
        for (fate, members) in Dictionary(grouping: registers, by: \.fate) {
            guard fate != .loaded else { continue }
            let told = values.isVerbose ? members : members.filter { $0.pardon == nil }
            lines[fate, default: SharedLines()].add(told, of: unit) { $0.line(values) }
        }
    }

    /// - Parameter meaning: of a fate, in words.
    func write(
        to output: ReportWriter, ofAll units: UnitNumbers,
        _ meaning: (RegisterLoad.Fate) -> String
    ) {
        for fate in RegisterLoad.Fate.allCases {
            guard let members = lines[fate], !members.isEmpty else { continue }
            output.write("  \(fate.rawValue): \(meaning(fate))\n")
            output.write(members.texts(ofAll: units).indented)
        }
        output.write(pardoned.text)
    }
}
