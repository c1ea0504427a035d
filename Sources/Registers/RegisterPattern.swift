/// A register name, id, or pattern with `*` and `?`; letters match in either case.
public struct RegisterPattern: Hashable, Sendable {
    /// The pattern as it was given.
    public let text: String
    /// The pattern in lower case; names are ASCII, so bytes are what is compared.
    private let pattern: [UInt8]
    /// The one register it names; nil for a pattern, and for a name that is no register's.
    public let registerID: RegisterID?

    /// Takes any text; whether it can match a register only `matches` tells.
    public init(_ text: String) {
        self.text = text
        pattern = Array(text.lowercased().utf8)
        registerID = RegisterID(parsing: text)
    }

    /// Takes also what `RegisterID.init(spelled:)` takes, which then names that register.
    public init(spelled text: String) {
        let plain = RegisterPattern(text)
        guard !plain.isWildcard, plain.registerID == nil, let id = RegisterID(spelled: text) else {
            self = plain
            return
        }
        self.init(id.name)
    }

    /// Whether the text has a `*` (any bytes, or none) or a `?` (any one byte).
    public var isWildcard: Bool { pattern.contains { $0 == Self.any || $0 == Self.one } }

    private static let any = UInt8(ascii: "*")
    private static let one = UInt8(ascii: "?")

    /// Whether the text is a name of the register or its id, or a pattern that its canonical name fits.
    public func matches(_ id: RegisterID) -> Bool { matches(MatchableRegister(id)) }

    /// For many patterns and one register: its name is made once.
    package func matches(_ register: MatchableRegister) -> Bool {
        register.id == registerID || matches(register.name)
    }

    /// Greedy matching with one point of return: time is bounded by the product of the lengths.
    private func matches(_ name: [UInt8]) -> Bool {
        var (inPattern, inName) = (0, 0)
        var lastStar: (pattern: Int, name: Int)?
        while inName < name.count {
            if inPattern < pattern.count, pattern[inPattern] == Self.any {
                lastStar = (inPattern, inName)
                inPattern += 1
            } else if inPattern < pattern.count,
                pattern[inPattern] == Self.one || pattern[inPattern] == name[inName]
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
        return pattern[inPattern...].allSatisfy { $0 == Self.any }
    }
}

/// A register as patterns look at it: its id, and its name in lower case.
package struct MatchableRegister: Sendable {
    /// The register's id.
    package let id: RegisterID
    let name: [UInt8]

    /// Looks up the register's name.
    package init(_ id: RegisterID) {
        self.id = id
        name = Array(id.name.lowercased().utf8)
    }
}
