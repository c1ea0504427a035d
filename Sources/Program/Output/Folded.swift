internal import VCPUModel

extension VCPUNumbers {
    /// What stands before a line that is said of these vCPUs: `vCPU 0: `, or nothing where they are all.
    func prefix(among all: VCPUNumbers) -> String { self == all ? "" : title + ": " }
}

/// What is said of the vCPUs of a guest: each thing once, in the order in which it came up, with the vCPUs of which it
/// is said.
///
/// So a report grows with what there is to say, and not with the vCPUs.
struct Folded<Subject: Hashable, Statement> {
    struct Entry {
        let subject: Subject
        /// That of the first of its vCPUs.
        var statement: Statement
        fileprivate(set) var vcpus: VCPUNumbers
        /// Whether something else is said of the subject on another of its vCPUs.
        var differs = false

        /// A line about it, with its vCPUs where they are not all.
        func line(_ text: PrintableText, among all: VCPUNumbers) -> PrintableText {
            "\(vcpus.prefix(among: all))\(text)\(differs ? "; not the same on every vCPU" : "")"
        }
    }

    private var places: [Subject: Int] = [:]
    private(set) var entries: [Entry] = []

    /// - Parameters:
    ///   - statement: made for the first of the subject's vCPUs only.
    ///   - merge: adds to the entry what is to be said of another of them.
    mutating func add(
        _ subject: Subject, of vcpu: UInt32, _ statement: @autoclosure () -> Statement,
        merge: (inout Entry) -> Void = { _ in }
    ) {
        if let place = places[subject] {
            merge(&entries[place])
            entries[place].vcpus.append(vcpu)
        } else {
            places[subject] = entries.count
            entries.append(
                Entry(subject: subject, statement: statement(), vcpus: VCPUNumbers([vcpu])))
        }
    }
}

extension Folded where Statement == Void {
    /// For a subject that says it all.
    mutating func add(_ subject: Subject, of vcpu: UInt32) { add(subject, of: vcpu, ()) }
}

extension Sequence {
    /// What follows each other and is alike, once, with the numbers of all its vCPUs.
    func runs(
        of vcpu: (Element) -> UInt32, _ areAlike: (Element, Element) -> Bool
    ) -> [(first: Element, vcpus: VCPUNumbers)] {
        reduce(into: []) { runs, element in
            if let last = runs.last, areAlike(last.first, element) {
                runs[runs.count - 1].vcpus.append(vcpu(element))
            } else {
                runs.append((element, VCPUNumbers([vcpu(element)])))
            }
        }
    }

    /// Those with the same key together, in the order of the first of each.
    func grouped<Key: Hashable>(by key: (Element) -> Key) -> [[Element]] {
        Dictionary(grouping: enumerated()) { key($0.element) }.values
            .sorted { $0[0].offset < $1[0].offset }
            .map { $0.map(\.element) }
    }
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

    /// `vCPUs 0-3: complete; 25 refused, 60-65 restored`, in the order of the words; nothing of no vCPU.
    /// - Parameters:
    ///   - verdict: `complete; `, if something is to stand before the counts.
    ///   - auxiliary: `may be `, if that is to stand before each word.
    func line(
        _ words: [String], _ style: TextStyle, verdict: PrintableText = "",
        before auxiliary: String = ""
    ) -> PrintableText {
        guard vcpus.count > 0 else { return "" }
        let counts = words.compactMap { word -> String? in
            guard let range = ranges[word] else { return nil }
            let count = range.count == 1 ? "" : "-\(range.upperBound)"
            return "\(range.lowerBound)\(count) \(auxiliary)\(word)"
        }
        return
            "\(style.bold("\(vcpus.title)")): \(verdict)\(counts.joined(separator: ", "))\n"
    }
}
