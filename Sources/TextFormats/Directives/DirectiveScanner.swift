/// Reads a file of directives: a first line with the format's name and version, then a directive on
/// each line, words separated by spaces or tabs, and comments (Formats/vhost-v1.md and policy-v1.md,
/// "Lines").
package struct DirectiveScanner {
    /// A word of a line and where it starts.
    package struct Word: Sendable {
        /// The word, a part of the line's text.
        package var text: Substring
        /// The byte of the line that it starts at, from 1.
        package var column: Int
    }

    /// What bounds a file, so that a hostile one takes no more memory than an honest one.
    package struct Limits: Sendable {
        /// Bytes of a file.
        package var size: Int
        /// Bytes of a line, without its end.
        package var line: Int
        /// Bytes of a name.
        package var word: Int

        /// Limits in bytes.
        package init(size: Int, line: Int, word: Int) {
            self.size = size
            self.line = line
            self.word = word
        }
    }

    /// What errors call the text: its path, or `built-in profile NAME`.
    package let file: String
    /// The number of the present line, from 1; 0 before the first.
    package private(set) var line = 0
    /// The text of the present line, without a comment.
    package private(set) var text = ""
    /// The words of the present line that are not read yet.
    package private(set) var rest: ArraySlice<Word> = []
    private var lines: ArraySlice<ArraySlice<UInt8>> = []
    private let format: String
    private let nextStep: String
    private let limits: Limits
    /// The line of everything that may stand only once.
    private var seen: [String: Int] = [:]

    /// Takes a whole file; its first line is checked by the first call of `next`.
    /// - Parameters:
    ///   - file: what to call the text in errors.
    ///   - format: the name and version that make the first line: `vhost 1`.
    ///   - nextStep: what to do about an error in such a file.
    /// - Throws: when there are more bytes than `limits` allow.
    package init(
        _ bytes: some Collection<UInt8>, file: String, format: String, nextStep: String = "",
        limits: Limits
    ) throws(DirectiveError) {
        self.file = file
        self.format = format
        self.nextStep = nextStep
        self.limits = limits
        guard bytes.count <= limits.size else {
            throw error("a file has at most \(limits.size) bytes, this one has \(bytes.count)")
        }
        lines =
            Self.withoutByteOrderMark(Array(bytes)).split(
                separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        // What the last line feed ends is no line before a further one.
        if lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
    }

    /// A text without what some editors begin a file of UTF-8 with.
    public static func withoutByteOrderMark(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes.dropFirst(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0)
    }

    /// An error on the present line, or on line 1 before the first.
    /// - Parameter word: what the error is about, for the column; nil for the whole line.
    package func error(_ message: String, at word: Word? = nil) -> DirectiveError {
        DirectiveError(
            file: file, line: max(line, 1), column: word?.column, message: message,
            nextStep: nextStep)
    }

    /// Which of those that the format has, all cases of a type, a directive is.
    /// - Throws: for another directive.
    package func known<Directive: RawRepresentable & CaseIterable>(
        _ directive: Word, as _: Directive.Type
    ) throws(DirectiveError) -> Directive where Directive.RawValue == String {
        if let known = Directive(rawValue: String(directive.text)) { return known }
        let question = NameSuggestion.question(
            about: String(directive.text), among: Directive.allCases.map(\.rawValue))
        let advice = question.isEmpty ? "; a newer program may know it" : question
        throw error("unknown directive \"\(directive.text)\"\(advice)", at: directive)
    }

    /// Goes to the next directive; the present line must have been read to its end.
    /// - Returns: the directive's name, or nil at the end of the file.
    /// - Throws: where words are left on the present line, and for a line that is not text.
    package mutating func next() throws(DirectiveError) -> Word? {
        if let extra = rest.first {
            throw unexpected(extra, insteadOf: "the end of the line")
        }
        while let bytes = lines.popFirst() {
            if let directive = try start(bytes) { return directive }
        }
        return nil
    }

    /// Goes to the next line.
    /// - Returns: the directive's name; nil for a line without one.
    private mutating func start(
        _ bytes: ArraySlice<UInt8>
    ) throws(DirectiveError) -> Word? {
        line += 1
        let bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        guard bytes.count <= limits.line else {
            throw error("a line has at most \(limits.line) bytes, found \(bytes.count)")
        }
        let content = line > 1 ? Self.withoutComment(bytes) : bytes
        if let place = content.firstIndex(where: { !Self.isPrintable($0) }) {
            throw DirectiveError(
                file: file, line: line, column: place - content.startIndex + 1,
                message: "expected printable ASCII, found byte \(content[place].hex)",
                nextStep: nextStep)
        }
        text = String(decoding: content, as: UTF8.self)
        rest = Self.words(of: text)[...]
        guard line > 1 else {
            try checkFormat()
            return nil
        }
        return rest.popFirst()
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        0x20...0x7e ~= byte || byte == UInt8(ascii: "\t")
    }

    /// A line up to the first word that begins with `#`.
    ///
    /// An extension means nothing here, so neither does a `#` in it.
    private static func withoutComment(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        if bytes.drop(while: isBlank).starts(with: Array("x-".utf8)) { return bytes }
        let start = bytes.indices.first { index in
            bytes[index] == UInt8(ascii: "#")
                && (index == bytes.startIndex || isBlank(bytes[index - 1]))
        }
        return bytes[..<(start ?? bytes.endIndex)]
    }

    private static func words(of text: String) -> [Word] {
        text.split { $0 == " " || $0 == "\t" }.map { word in
            Word(
                text: word,
                column: text.utf8.distance(from: text.startIndex, to: word.startIndex) + 1)
        }
    }

    private mutating func checkFormat() throws(DirectiveError) {
        guard text != format else {
            rest = []
            return
        }
        throw error("expected \"\(format)\", found \(foundFormat)", at: rest.first)
    }

    private var foundFormat: String {
        let expected = format.split(separator: " ")
        if rest.isEmpty { return "an empty line" }
        if rest.map(\.text) == expected { return "other spacing" }
        return rest.first?.text == expected.first ? "another version of the format" : "other text"
    }
}

// MARK: - Words

extension DirectiveScanner {
    /// The next word of the line.
    /// - Parameter what: what it should be, for the error.
    /// - Throws: at the end of the line.
    package mutating func word(_ what: String) throws(DirectiveError) -> Word {
        guard let word = rest.popFirst() else {
            throw error("expected \(what), found the end of the line")
        }
        return word
    }

    /// The error that a word is not what was expected.
    package func unexpected(_ word: Word, insteadOf what: String) -> DirectiveError {
        error("expected \(what), found \"\(word.text)\"", at: word)
    }

    /// Reads over what is left of the line.
    package mutating func skipLine() {
        rest = []
    }

    /// The only argument of a directive that stands once.
    /// - Throws: where the directive stood before, and for an argument that is missing or too long.
    package mutating func single(
        _ directive: Word, _ what: String
    ) throws(DirectiveError) -> String {
        try once(directive, key: String(directive.text))
        let argument = try word(what)
        guard argument.text.utf8.count <= limits.word else {
            throw error("\(what) has at most \(limits.word) bytes", at: argument)
        }
        return String(argument.text)
    }

    /// Makes sure that something stands for the first time.
    /// - Throws: where it stood before.
    package mutating func once(_ place: Word, key: String) throws(DirectiveError) {
        if let first = seen.updateValue(line, forKey: key) {
            throw error("\(key) stands a second time, it is already on line \(first)", at: place)
        }
    }

    /// Whether `once` has seen something, and on which line.
    package func line(of key: String) -> Int? { seen[key] }

    /// The next word as a hexadecimal number.
    /// - Throws: for what is none, and at the end of the line.
    package mutating func hexadecimal() throws(DirectiveError) -> UInt64 {
        let number = try word("a hexadecimal number")
        guard let bits = NumberText.hexadecimal(number.text) else {
            throw unexpected(number, insteadOf: "a hexadecimal number of at most 64 bits")
        }
        return bits
    }

    /// Whether a line can hold the text as one word: printable ASCII without blanks, not the start of a comment.
    /// - Parameter limit: the most bytes.
    package static func isWord(_ text: String, limit: Int) -> Bool {
        1...limit ~= text.utf8.count && text.utf8.allSatisfy { 0x21...0x7e ~= $0 }
            && text.utf8.first != UInt8(ascii: "#")
    }
}
