internal import LinuxSystem

/// Writes the JSON of Formats/json-output.md as it is made, with two spaces of indentation.
final class JSONWriter {
    private let output: ReportWriter
    /// How many objects and arrays are open.
    private var depth = 0
    /// What begins a line, by that number.
    private var lineEnds = ["\n"]

    init(_ output: ReportWriter) {
        self.output = output
    }

    /// - Parameter members: in ascending order of their keys.
    func object(_ members: [JSONObject.Member]) throws {
        try nest("{", "}") { begin in
            for member in members {
                begin()
                string(member.key)
                output.write(json: " : ")
                try member.value.write(to: self)
            }
        }
    }

    /// An array, whose elements are made one by one.
    func array<Element>(
        _ elements: some Sequence<Element>, _ value: (Element) throws -> any JSONWritable
    ) throws {
        try nest("[", "]") { begin in
            for element in elements {
                begin()
                try value(element).write(to: self)
            }
        }
    }

    /// A value that needs no quotes.
    func literal(_ text: String) { output.write(json: text) }

    func string(_ text: String) {
        let isPlain = text.utf8.allSatisfy { 0x20..<0x7f ~= $0 && !Self.isSyntax($0) }
        output.write(json: "\"")
        output.write(json: isPlain ? text : Self.escaped(text))
        output.write(json: "\"")
    }

    /// - Parameter elements: writes the elements, and calls `begin` before each of them.
    private func nest(
        _ start: String, _ end: String, _ elements: (_ begin: () -> Void) throws -> Void
    ) rethrows {
        output.write(json: start)
        depth += 1
        var isEmpty = true
        try elements {
            if !isEmpty { output.write(json: ",") }
            output.write(json: lineEnd)
            isEmpty = false
        }
        depth -= 1
        if isEmpty { output.write(json: "\n") }
        output.write(json: lineEnd)
        output.write(json: depth == 0 ? end + "\n" : end)
    }

    private var lineEnd: String {
        while lineEnds.count <= depth { lineEnds.append((lineEnds.last ?? "") + "  ") }
        return lineEnds[depth]
    }

    /// What ends a string, or begins an escape in it.
    private static func isSyntax(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { $0 += escaped($1) }
    }

    /// A character that nobody sees, and a terminal may obey, by its UTF-16 code units.
    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\u{8}": "\\b"
        case "\t": "\\t"
        case "\n": "\\n"
        case "\u{c}": "\\f"
        case "\r": "\\r"
        case _ where !Shown.isUnprintable(scalar): String(scalar)
        default:
            String(scalar).utf16.map {
                "\\u" + String(0x1_0000 | UInt32($0), radix: 16).dropFirst()
            }.joined()
        }
    }
}
