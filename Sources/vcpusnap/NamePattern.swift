internal import Registers

/// A register name, id, or pattern with `*` and `?`; letters match in either case.
struct NamePattern {
    private let pattern: [Character]
    private let id: RegisterID?

    init(_ text: String) {
        pattern = Array(text.lowercased())
        id = RegisterID(parsing: text)
    }

    var isWildcard: Bool { pattern.contains { $0 == "*" || $0 == "?" } }

    func matches(_ id: RegisterID) -> Bool {
        id == self.id || matches(Array(id.name.lowercased()))
    }

    /// Greedy matching with one point of return: time is bounded by the product of the lengths.
    private func matches(_ name: [Character]) -> Bool {
        var (inPattern, inName) = (0, 0)
        var lastStar: (pattern: Int, name: Int)?
        while inName < name.count {
            if inPattern < pattern.count, pattern[inPattern] == "*" {
                lastStar = (inPattern, inName)
                inPattern += 1
            } else if inPattern < pattern.count,
                pattern[inPattern] == "?" || pattern[inPattern] == name[inName]
            {
                inPattern += 1
                inName += 1
            } else if let star = lastStar {
                inPattern = star.pattern + 1
                inName = star.name + 1
                lastStar = (star.pattern, inName)
            } else {
                return false
            }
        }
        return pattern[inPattern...].allSatisfy { $0 == "*" }
    }
}
