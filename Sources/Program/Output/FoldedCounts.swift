internal import VCPUModel

extension VCPUNumbers {
    /// What stands before a line that is said of these vCPUs: `vCPU 0: `, or nothing where they are all.
    func prefix(among all: VCPUNumbers) -> String { self == all ? "" : title + ": " }

    /// What stands behind a line that is not that of each of its vCPUs.
    static let differing = "; not the same on every vCPU"
}

/// How many registers of each outcome vCPUs have, each time the least and the most.
struct FoldedCounts {
    private(set) var vcpus = VCPUNumbers()
    private var ranges: [String: ClosedRange<Int>] = [:]

    mutating func add(_ counts: [String: Int], of vcpu: UInt32) {
        for word in Set(counts.keys).union(ranges.keys) {
            let count = counts[word] ?? 0
            let known = ranges[word] ?? (vcpus.count == 0 ? count...count : 0...0)
            ranges[word] = min(known.lowerBound, count)...max(known.upperBound, count)
        }
        vcpus.append(vcpu)
    }

    /// `25 refused, 60-65 restored`, in the order of the words.
    /// - Parameter auxiliary: `may be `, if that is to stand before each word.
    func text(_ words: [String], before auxiliary: String = "") -> String {
        words.compactMap { word in
            guard let range = ranges[word] else { return nil }
            let count = range.count == 1 ? "" : "-\(range.upperBound)"
            return "\(range.lowerBound)\(count) \(auxiliary)\(word)"
        }.joined(separator: ", ")
    }
}
