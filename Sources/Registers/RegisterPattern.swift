/// A register name, id, or pattern with `*` and `?`; letters match in either case.
public struct RegisterPattern: Hashable, Sendable {
    /// The pattern as it was given.
    public let text: String
    private let pattern: [Character]
    private let id: RegisterID?

    public init(_ text: String) {
        self.text = text
        pattern = Array(text.lowercased())
        id = RegisterID(parsing: text)
    }

    /// The one register it names; nil for a pattern, and for a name that is no register's.
    public var registerID: RegisterID? { id }

    public var isWildcard: Bool { pattern.contains { $0 == "*" || $0 == "?" } }

    public func matches(_ id: RegisterID) -> Bool {
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
