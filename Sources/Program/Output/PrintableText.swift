internal import LinuxSystem

/// Text for people: what this program says, and what it quotes of others, which is escaped.
///
/// All text that is printed is of this type, so nobody who prints has to think of it: a literal stands as it
/// is, and so does a text of this type in another one. Everything else that is interpolated may have come
/// from a file, another process or the command line, and becomes a part of one line (see `Shown`). So line
/// ends and colors are always our own.
struct PrintableText: Hashable {
    private(set) var string: String

    /// The most characters of one quoted value; a path has no more.
    static let longest = 1 << 12

    /// Text of others, as a part of one line.
    init(_ text: some StringProtocol) {
        string = Shown.line(text, limit: Self.longest)
    }

    /// A message of this program, of one line, which can quote a lot.
    init(message text: some StringProtocol) {
        string = Shown.line(text, limit: StandardError.longest)
    }

    /// Text of this program that it did not make itself, such as its help, with its line ends.
    init(lines text: some StringProtocol) {
        string = Shown.lines(text)
    }

    private init(joining strings: [String], _ separator: String) {
        string = strings.joined(separator: separator)
    }

    static func + (left: PrintableText, right: PrintableText) -> PrintableText {
        PrintableText(joining: [left.string, right.string], "")
    }

    static func += (left: inout PrintableText, right: PrintableText) {
        left.string += right.string
    }

    /// In characters; of a text without colors.
    var width: Int { string.count }

    /// The text with spaces after it up to `width` characters.
    func padded(to width: Int) -> PrintableText {
        let missing = max(0, width - self.width)
        return PrintableText(joining: [string, String(repeating: " ", count: missing)], "")
    }

    fileprivate static func joined(
        _ texts: some Sequence<PrintableText>, _ separator: PrintableText
    ) -> PrintableText {
        PrintableText(joining: texts.map(\.string), separator.string)
    }
}

extension PrintableText {
    /// Lines under a title that says how many they are, or how many things they speak of; nothing where there
    /// are none.
    static func list(
        _ title: PrintableText, _ lines: [PrintableText], count: Int? = nil
    ) -> PrintableText {
        guard !lines.isEmpty else { return "" }
        return "  \(title) (\(count ?? lines.count))\n\(lines.indented)"
    }
}

extension Sequence<PrintableText> {
    /// A line for each, under a title.
    var indented: PrintableText { map { "    \($0)\n" }.joined() }

    func joined(separator: PrintableText = "") -> PrintableText {
        PrintableText.joined(self, separator)
    }
}

extension PrintableText: ExpressibleByStringInterpolation {
    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var string = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            string.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        mutating func appendLiteral(_ literal: String) { string += literal }

        mutating func appendInterpolation(_ text: PrintableText) { string += text.string }

        mutating func appendInterpolation(_ number: some BinaryInteger) {
            string += String(number)
        }

        mutating func appendInterpolation(_ error: some Error) {
            string += PrintableText(message: String(describing: error)).string
        }

        mutating func appendInterpolation(_ value: some Any) {
            string += PrintableText(String(describing: value)).string
        }
    }

    init(stringLiteral literal: String) { string = literal }

    init(stringInterpolation: StringInterpolation) { string = stringInterpolation.string }
}
