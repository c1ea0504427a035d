internal import FoundationEssentials
internal import LinuxSystem

/// The JSON of Formats/json-output.md, written as it is made: keys sorted, two spaces of indentation.
///
/// Who writes an object gives its keys in ascending order.
final class JSONWriter {
    private let output: ReportWriter
    /// For each open object or array, whether it has a member yet.
    private var open: [Bool] = []
    /// By how many objects and arrays are open.
    private var lineEnds = ["\n"]
    /// Whether a key was written whose value is to come.
    private var isAfterKey = false

    init(_ output: ReportWriter) {
        self.output = output
    }

    // MARK: Values

    func object(_ members: () throws -> Void) rethrows { try nest("{", "}", members) }

    func array(_ elements: () throws -> Void) rethrows { try nest("[", "]", elements) }

    func string(_ text: String) {
        separate()
        quote(text)
    }

    /// A value that needs no quotes.
    private func literal(_ text: String) {
        separate()
        output.write(json: text)
    }

    /// A value of bounded size, in whatever order it tells its members.
    func encoded(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(value), as: UTF8.self)
        // Strings have no raw line ends, so each one is followed by indentation.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        literal(lines.map(Self.printable).joined(separator: lineEnd))
        endDocument()
    }

    private func nest(_ start: String, _ end: String, _ members: () throws -> Void) rethrows {
        literal(start)
        open.append(false)
        try members()
        let isEmpty = open.removeLast() == false
        if isEmpty { output.write(json: "\n") }
        output.write(json: lineEnd)
        output.write(json: end)
        endDocument()
    }

    private func endDocument() {
        if open.isEmpty { output.write(json: "\n") }
    }

    private var lineEnd: String {
        while lineEnds.count <= open.count { lineEnds.append((lineEnds.last ?? "") + "  ") }
        return lineEnds[open.count]
    }

    /// What stands before a value, or before the key of one.
    private func separate() {
        if isAfterKey {
            isAfterKey = false
            return
        }
        guard let hasMember = open.last else { return }
        if hasMember { output.write(json: ",") }
        output.write(json: lineEnd)
        open[open.count - 1] = true
    }

    private func quote(_ text: String) {
        let isPlain = text.utf8.allSatisfy { 0x20..<0x7f ~= $0 && !Self.isSyntax($0) }
        output.write(json: "\"")
        output.write(json: isPlain ? text : Self.escaped(text))
        output.write(json: "\"")
    }

    /// What ends a string, or begins an escape in it.
    private static func isSyntax(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { $0 += escaped($1) }
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\u{8}": "\\b"
        case "\t": "\\t"
        case "\n": "\\n"
        case "\u{c}": "\\f"
        case "\r": "\\r"
        default: printable(scalar)
        }
    }

    /// JSON that others wrote, without what JSON allows in strings and a terminal obeys.
    private static func printable(_ json: Substring) -> String {
        guard json.unicodeScalars.contains(where: Shown.isUnprintable) else { return String(json) }
        return json.unicodeScalars.reduce(into: "") { $0 += printable($1) }
    }

    /// A character that nobody sees by its UTF-16 code units.
    private static func printable(_ scalar: Unicode.Scalar) -> String {
        guard Shown.isUnprintable(scalar) else { return String(scalar) }
        return UTF16.encode(scalar).map { units in
            units.map { "\\u" + String(0x1_0000 | UInt32($0), radix: 16).dropFirst() }.joined()
        } ?? ""
    }
}

// MARK: - Members of an object

extension JSONWriter {
    /// A key, whose value comes next.
    func key(_ key: String) {
        string(key)
        output.write(json: " : ")
        isAfterKey = true
    }

    /// A member; none where there is no value.
    func member(_ key: String, _ text: String?) {
        guard let text else { return }
        self.key(key)
        string(text)
    }

    func member(_ key: String, _ flag: Bool?) {
        guard let flag else { return }
        self.key(key)
        literal(flag ? "true" : "false")
    }

    func member(_ key: String, _ number: some BinaryInteger) {
        self.key(key)
        literal(String(number))
    }

    func member<Value: JSONWritable>(_ key: String, _ value: Value?) {
        guard let value else { return }
        self.key(key)
        value.write(to: self)
    }

    func member(_ key: String, object members: () throws -> Void) rethrows {
        self.key(key)
        try object(members)
    }

    /// An array, whose elements are made one by one.
    func member<Element>(
        _ key: String, array elements: some Sequence<Element>, _ write: (Element) throws -> Void
    ) rethrows {
        self.key(key)
        try array { for element in elements { try write(element) } }
    }

    func member(_ key: String, array elements: some Sequence<some JSONWritable>) {
        member(key, array: elements) { $0.write(to: self) }
    }

    func member(_ key: String, array texts: [String]?) {
        guard let texts else { return }
        member(key, array: texts) { self.string($0) }
    }

    /// How often each of some words occurred.
    func member(_ key: String, counts: [String: Int]) {
        member(
            key,
            object: {
                for (word, count) in counts.sorted(by: { $0.key < $1.key }) {
                    self.member(word, count)
                }
            })
    }
}

/// What writes itself as one JSON value.
protocol JSONWritable {
    func write(to json: JSONWriter)
}
