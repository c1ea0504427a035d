internal import LinuxSystem

/// Writes the JSON of Formats/json-output.md as it is made, with two spaces of indentation or on one line.
package final class JSONWriter {
    private let output: (String) -> Void
    /// How many objects and arrays are open.
    private var depth = 0
    /// What begins a line, by that number.
    private var lineEnds = ["\n"]
    private let isCompact: Bool

    /// - Parameters:
    ///   - isCompact: whether all of it stands on one line.
    ///   - output: gets the text, piece by piece.
    package init(isCompact: Bool = false, _ output: @escaping (String) -> Void) {
        self.output = output
        self.isCompact = isCompact
    }

    /// - Parameter members: in ascending order of their keys.
    func object(_ members: [JSONObject.Member]) throws {
        try nest("{", "}") { begin in
            for member in members {
                begin()
                string(member.key)
                output(isCompact ? ":" : " : ")
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
    func literal(_ text: String) { output(text) }

    func string(_ text: String) {
        output("\"")
        output(Shown.json(text))
        output("\"")
    }

    /// - Parameter elements: writes the elements, and calls `begin` before each of them.
    private func nest(
        _ start: String, _ end: String, _ elements: (_ begin: () -> Void) throws -> Void
    ) rethrows {
        output(start)
        depth += 1
        var isEmpty = true
        try elements {
            if !isEmpty { output(",") }
            output(lineEnd)
            isEmpty = false
        }
        depth -= 1
        if isEmpty, !isCompact { output("\n") }
        output(lineEnd)
        output(depth == 0 ? end + "\n" : end)
    }

    private var lineEnd: String {
        if isCompact { return "" }
        while lineEnds.count <= depth { lineEnds.append((lineEnds.last ?? "") + "  ") }
        return lineEnds[depth]
    }
}
