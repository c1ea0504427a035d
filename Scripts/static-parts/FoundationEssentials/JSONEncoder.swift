// What swift-argument-parser takes from Foundation, which is 4 MB of the program that Scripts/build-static makes:
// a protocol, and the encoder of --experimental-dump-help. Scripts/check-program compares what both write.

/// An error that says more than its type's name.
public protocol LocalizedError: Error {
    /// What it says.
    var errorDescription: String? { get }
}

/// Bytes.
public struct Data: Sendable {
    fileprivate let text: String
}

extension String {
    /// How bytes are text.
    public enum Encoding: Sendable {
        /// As UTF-8.
        case utf8
    }

    /// Whatever the encoder wrote.
    public init?(data: Data, encoding: Encoding) {
        self = data.text
    }
}

/// Writes values as JSON: in lines, members in the order of their names.
public final class JSONEncoder {
    /// How to write, which is always as the argument parser wants it.
    public struct OutputFormatting: OptionSet, Sendable {
        /// A bit for each.
        public let rawValue: UInt

        /// Takes the bits as they are.
        public init(rawValue: UInt) {
            self.rawValue = rawValue
        }

        /// In lines.
        public static let prettyPrinted = OutputFormatting(rawValue: 1 << 0)
        /// Members in the order of their names.
        public static let sortedKeys = OutputFormatting(rawValue: 1 << 1)
    }

    /// Not read.
    public var outputFormatting: OutputFormatting = []

    /// Makes one.
    public init() {}

    /// The bytes of a document with this value.
    public func encode(_ value: some Encodable) throws -> Data {
        let node = Node()
        try node.fill(with: value)
        return Data(text: node.text(after: "\n"))
    }
}

/// A place in the document, empty until something is encoded there.
private final class Node {
    private enum Content {
        case scalar(String)
        case array([Node])
        case object([String: Node])
    }

    private var content = Content.scalar("null")

    func fill(with value: any Encodable) throws {
        switch value {
        case let text as String: content = .scalar(Self.quoted(text))
        case is Bool, is any BinaryInteger, is any BinaryFloatingPoint:
            content = .scalar("\(value)")
        default: try value.encode(to: NodeEncoder(node: self))
        }
    }

    func beginArray() {
        content = .array([])
    }

    func beginObject() {
        if case .object = content { return }
        content = .object([:])
    }

    var count: Int {
        guard case .array(let elements) = content else { return 0 }
        return elements.count
    }

    func append() -> Node {
        guard case .array(let elements) = content else { return Node() }
        let element = Node()
        content = .array(elements + [element])
        return element
    }

    func member(_ name: String) -> Node {
        guard case .object(var members) = content else { return Node() }
        let member = Node()
        members[name] = member
        content = .object(members)
        return member
    }

    /// - Parameter margin: a line end, and what the line that this begins in is indented by.
    func text(after margin: String) -> String {
        let inner = margin + "  "
        switch content {
        case .scalar(let text):
            return text
        case .array(let elements):
            let lines = elements.map { inner + $0.text(after: inner) }
            return "[" + (lines.isEmpty ? "\n" : lines.joined(separator: ",")) + margin + "]"
        case .object(let members):
            let lines = members.sorted { $0.key < $1.key }
                .map { inner + Self.quoted($0.key) + " : " + $0.value.text(after: inner) }
            return "{" + (lines.isEmpty ? "\n" : lines.joined(separator: ",")) + margin + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "\"") { $0 += escaped($1) } + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"", "\\", "/": return "\\\(scalar)"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{8}": return "\\b"
        case "\u{c}": return "\\f"
        case "\0"..." ":
            guard scalar != " " else { return " " }
            return "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        default: return String(scalar)
        }
    }
}

private struct NodeEncoder: Encoder, SingleValueEncodingContainer {
    let node: Node
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.beginObject()
        return KeyedEncodingContainer(Members(node: node))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.beginArray()
        return Elements(node: node)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() {}

    func encode<T: Encodable>(_ value: T) throws {
        try node.fill(with: value)
    }
}

private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: Node
    let codingPath: [any CodingKey] = []

    private func encoder(_ name: String) -> NodeEncoder { NodeEncoder(node: node.member(name)) }

    func encodeNil(forKey key: Key) {
        _ = node.member(key.stringValue)
    }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        try encoder(key.stringValue).encode(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder(key.stringValue).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder(key.stringValue).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { encoder("super") }

    func superEncoder(forKey key: Key) -> any Encoder { encoder(key.stringValue) }
}

private struct Elements: UnkeyedEncodingContainer {
    let node: Node
    let codingPath: [any CodingKey] = []

    var count: Int { node.count }

    private func encoder() -> NodeEncoder { NodeEncoder(node: node.append()) }

    func encodeNil() {
        _ = node.append()
    }

    func encode<T: Encodable>(_ value: T) throws {
        try encoder().encode(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) -> KeyedEncodingContainer<Nested> {
        encoder().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }

    func superEncoder() -> any Encoder { encoder() }
}
