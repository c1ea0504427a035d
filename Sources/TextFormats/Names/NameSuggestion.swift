/// Guesses which name somebody meant by a word that is not one of the names.
package enum NameSuggestion {
    /// The longest word that is looked at, in bytes.
    private static let limit = 64

    /// The name that is nearest to a word, whatever its case; nil where none is near.
    ///
    /// Near is a name of which the word is the beginning up to an underscore (`ESR`, `ESR_EL1`), and one that a
    /// third of the word's letters, at least one, makes equal, where two that changed places are one.
    package static func nearest(to word: String, among names: some Sequence<String>) -> String? {
        let word = Array(word.lowercased().utf8)
        guard 1...limit ~= word.count else { return nil }
        var best: (name: String, distance: Int)?
        for name in names {
            let letters = Array(name.lowercased().utf8)
            let allowed = (best?.distance ?? max(1, word.count / 3) + 1) - 1
            if letters.starts(with: word + [UInt8(ascii: "_")]) {
                best = best.map { $0.distance == 0 ? $0 : (name, 0) } ?? (name, 0)
            } else if abs(letters.count - word.count) <= allowed {
                let distance = distance(word, letters)
                if distance <= allowed { best = (name, distance) }
            }
        }
        return best?.name
    }

    /// The same as the end of a message: `; did you mean NAME?`, or nothing.
    package static func question(about word: String, among names: some Sequence<String>) -> String {
        nearest(to: word, among: names).map { "; did you mean \($0)?" } ?? ""
    }

    /// How many letters must be put in, taken out, replaced or swapped with the next (optimal string alignment).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var now = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1)
                cost = min(cost, now[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                now.append(cost)
            }
            (before, last) = (last, now)
        }
        return last[right.count]
    }
}
