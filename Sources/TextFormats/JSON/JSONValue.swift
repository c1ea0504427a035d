/// A value of a JSON text (RFC 8259) with the bytes it stands in.
///
/// The places let a text be changed in one number and left as it is everywhere else, which no decoder
/// into types can do.
public struct JSONValue: Sendable {
    /// What a value is, without its place in the text.
    public enum Content: Sendable {
        /// `null`.
        case null
        /// `true` or `false`.
        case bool(Bool)
        /// As it is written: JSON numbers have no range.
        case number(String)
        /// A string, its escapes resolved.
        case string(String)
        /// The elements of an array, in their order.
        case array([JSONValue])
        /// In the order of the text; of members with one name the first counts.
        case object([(name: String, value: JSONValue)])
    }

    /// What the value is.
    public let content: Content
    /// Where the value stands, in bytes from the start of the text, with its quotation marks or brackets.
    public let range: Range<Int>

    init(_ content: Content, _ range: Range<Int>) {
        self.content = content
        self.range = range
    }
}

extension JSONValue {
    /// The member of an object; nil when the object has none of that name, and for any other kind of value.
    ///
    /// Names are compared byte by byte: those that Unicode takes for equal are two.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The elements of an array; nil for anything else.
    public var array: [JSONValue]? {
        guard case .array(let elements) = content else { return nil }
        return elements
    }

    /// The members of an object; nil for anything else.
    public var members: [(name: String, value: JSONValue)]? {
        guard case .object(let members) = content else { return nil }
        return members
    }

    /// The text of a string; nil for anything else.
    public var string: String? {
        guard case .string(let text) = content else { return nil }
        return text
    }

    /// A whole number that fits; nil for anything else.
    public var integer: Int64? {
        guard case .number(let digits) = content else { return nil }
        return Int64(digits)
    }

    /// Nil for anything but true and false.
    public var bool: Bool? {
        guard case .bool(let value) = content else { return nil }
        return value
    }
}

/// What is wrong with a JSON text, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in words that follow `not JSON:`.
    public var problem: String
    /// In bytes from the start of the text.
    public var offset: Int

    /// What is wrong, and at which byte.
    public var description: String { "not JSON: \(problem) at byte \(offset)" }
}
