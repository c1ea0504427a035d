extension JSONValue {
    /// Values inside each other, at most; deeper texts are refused before they take stack.
    public static let maximumDepth = 64
    /// Values in a text, at most; the description of a QEMU stream has some thousands.
    public static let maximumCount = 1 << 20

    /// Parses a text that is one value.
    /// - Throws: the first byte at which it is none, or exceeds a limit.
    public init(parsing text: [UInt8]) throws(JSONError) {
        var parser = JSONParser(text: text)
        self = try parser.wholeText()
    }
}

/// A recursive descent parser of RFC 8259; it copies nothing but strings.
private struct JSONParser {
    let text: [UInt8]
    var position = 0
    var depth = 0
    var count = 0

    mutating func wholeText() throws(JSONError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == text.count else { throw error("something follows the value") }
        return value
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        count += 1
        guard count <= JSONValue.maximumCount else {
            throw error("more than \(JSONValue.maximumCount) values")
        }
        let start = position
        let content = try content()
        return JSONValue(content, start..<position)
    }

    private mutating func content() throws(JSONError) -> JSONValue.Content {
        switch try peek() {
        case UInt8(ascii: "{"):
            return .object(
                try nested { parser throws(JSONError) in
                    try parser.object()
                })
        case UInt8(ascii: "["):
            return .array(
                try nested { parser throws(JSONError) in
                    try parser.array()
                })
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try word("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        default: return .number(try number())
        }
    }

    private mutating func nested<Result>(
        _ body: (inout JSONParser) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        depth += 1
        guard depth <= JSONValue.maximumDepth else {
            throw error("more than \(JSONValue.maximumDepth) values inside each other")
        }
        defer { depth -= 1 }
        position += 1
        return try body(&self)
    }

    private mutating func object() throws(JSONError) -> [(name: String, value: JSONValue)] {
        var members: [(name: String, value: JSONValue)] = []
        guard try !take("}") else { return members }
        repeat {
            skipSpace()
            guard try peek() == UInt8(ascii: "\"") else { throw error("expected a name") }
            let name = try string()
            guard try take(":") else { throw error("expected a colon") }
            members.append((name: name, value: try value()))
        } while try take(",")
        guard try take("}") else { throw error("expected , or }") }
        return members
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        guard try !take("]") else { return elements }
        repeat { elements.append(try value()) } while try take(",")
        guard try take("]") else { throw error("expected , or ]") }
        return elements
    }

    /// `-`, then 0 or digits that do not begin with one, a fraction, an exponent.
    private mutating func number() throws(JSONError) -> String {
        let start = position
        skip("-")
        let isZero = skip("0")
        guard skipDigits() != isZero else { throw error("expected a value", at: start) }
        if skip("."), !skipDigits() { throw error("expected digits") }
        if skip("e") || skip("E") {
            if !skip("+") { skip("-") }
            guard skipDigits() else { throw error("expected digits") }
        }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    /// Whether there was at least one.
    private mutating func skipDigits() -> Bool {
        let start = position
        while position < text.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= text[position] {
            position += 1
        }
        return position > start
    }

    @discardableResult
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: character) else {
            return false
        }
        position += 1
        return true
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var units: [UInt8] = []
        while true {
            let byte = try peek()
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: units, as: UTF8.self)
            case UInt8(ascii: "\\"): units += Array(String(try escape()).utf8)
            case ..<0x20: throw error("a control character in a string")
            default: units.append(byte)
            }
        }
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let byte = try peek()
        position += 1
        switch byte {
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return Unicode.Scalar(byte)
        default: throw error("an unknown escape")
        }
    }

    /// Four digits, or a surrogate pair of them; a lone surrogate stands for nothing.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try fourDigits()
        guard 0xd800..<0xdc00 ~= first, text[position...].starts(with: Array("\\u".utf8)) else {
            return Unicode.Scalar(first) ?? "\u{fffd}"
        }
        let beforeSecond = position
        position += 2
        let second = try fourDigits()
        guard 0xdc00..<0xe000 ~= second else {
            position = beforeSecond
            return "\u{fffd}"
        }
        return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)) ?? "\u{fffd}"
    }

    private mutating func fourDigits() throws(JSONError) -> UInt32 {
        guard text.count - position >= 4 else { throw error("it ends in an escape") }
        let digits = String(decoding: text[position..<position + 4], as: UTF8.self)
        guard digits.allSatisfy(\.isHexadecimalDigit), let number = UInt32(digits, radix: 16) else {
            throw error("expected four hexadecimal digits")
        }
        position += 4
        return number
    }

    // MARK: Bytes

    private mutating func skipSpace() {
        while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) {
            position += 1
        }
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard position < text.count else { throw error("it ends too early") }
        return text[position]
    }

    /// Whether this byte comes next, after space; if so it is passed.
    private mutating func take(_ character: Unicode.Scalar) throws(JSONError) -> Bool {
        skipSpace()
        guard try peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func word(_ word: String) throws(JSONError) {
        guard text[position...].starts(with: Array(word.utf8)) else {
            throw error("expected a value")
        }
        position += word.utf8.count
    }

    private func error(_ problem: String, at offset: Int? = nil) -> JSONError {
        JSONError(problem: problem, offset: offset ?? position)
    }
}
