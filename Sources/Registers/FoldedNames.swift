internal import TextFormats

extension RegisterID {
    /// Names of registers, none left out; those that differ in one number that counts up stand as `z0-z31` or
    /// `GICD_IROUTER32-63`, where the first of them came.
    package static func folded(_ names: [String]) -> String {
        var runs: [NameRun] = []
        // The last run of the names that are the same but for numbers.
        var places: [[Substring]: Int] = [:]
        for name in names {
            let run = NameRun(name)
            if let place = places[run.words], runs[place].append(name) { continue }
            places[run.words] = runs.count
            runs.append(run)
        }
        return runs.map(\.text).joined(separator: " ")
    }
}

/// Names that follow one another.
private struct NameRun {
    private let first: String
    private var last: String
    private var count = 1
    private var numbers: [Int]
    /// The names without their numbers.
    let words: [Substring]
    /// Which of the numbers counts up; nil for one name.
    private var place: Int?

    init(_ name: String) {
        (first, last) = (name, name)
        (words, numbers) = Self.taken(apart: name)
    }

    /// - Returns: whether the name is the next one.
    mutating func append(_ name: String) -> Bool {
        let (words, numbers) = Self.taken(apart: name)
        guard words == self.words, numbers.count == self.numbers.count else { return false }
        let different = numbers.indices.filter { numbers[$0] != self.numbers[$0] }
        guard different.count == 1, numbers[different[0]] == self.numbers[different[0]] + 1,
            place == nil || place == different[0]
        else { return false }
        (place, last, self.numbers) = (different[0], name, numbers)
        count += 1
        return true
    }

    var text: String {
        switch count {
        case 1: first
        case 2: "\(first) \(last)"
        default: "\(first)-\(end)"
        }
    }

    /// The last name; of a long one only the number that counts up, where it ends with that.
    private var end: Substring {
        let digits = last.reversed().prefix(while: \.isDigit).count
        let isLong = last.count - digits > Self.longestRepeated
        return digits > 0 && isLong && place == numbers.count - 1 ? last.suffix(digits) : last[...]
    }

    /// Longer names, without their numbers, are not said twice.
    private static let longestRepeated = 9

    private static func taken(apart name: String) -> (words: [Substring], numbers: [Int]) {
        let words = name.split(omittingEmptySubsequences: false) { $0.isDigit }
        let numbers = name.split { !$0.isDigit }
        return (words.filter { !$0.isEmpty }, numbers.map { $0.count < 5 ? Int($0) ?? 0 : 0 })
    }
}
