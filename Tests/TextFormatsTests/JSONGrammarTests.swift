import Testing
import TextFormats

/// What RFC 8259 allows, and what it does not.
@Suite("JSON texts")
struct JSONGrammarTests {
    private func value(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    private func failure(_ text: [UInt8]) -> JSONError? {
        do throws(JSONError) {
            _ = try JSONValue(parsing: text)
            return nil
        } catch {
            return error
        }
    }

    private func failure(_ text: String) -> JSONError? { failure(Array(text.utf8)) }

    // MARK: What is taken

    @Test("Every kind of value is taken, with any space around it")
    func kinds() throws {
        #expect(try value("true").bool == true)
        #expect(try value(" false\n").bool == false)
        #expect(try value("\t\r\n \"text\" ").string == "text")
        #expect(try value("[ ]").array?.isEmpty == true)
        #expect(try value("{ }").members?.isEmpty == true)
        guard case .null = try value("null").content else {
            Issue.record("null is no null")
            return
        }
        #expect(try value("[1 , [2,3] ,{\"a\":4}]").array?.count == 3)
    }

    @Test("A value of one kind is none of another")
    func otherKinds() throws {
        for text in ["null", "true", "1", "\"1\"", "[1]", "{\"a\":1}"] {
            let value = try value(text)
            let kinds = [
                value.bool != nil, value.integer != nil, value.string != nil, value.array != nil,
                value.members != nil,
            ]
            #expect(kinds.filter(\.self).count == (text == "null" ? 0 : 1), "\(text)")
            #expect(value["b"] == nil)
        }
    }

    @Test(
        "Numbers keep their text, and are integers where they are whole and fit",
        arguments: [
            ("0", 0), ("-0", 0), ("258", 258), ("-1", -1),
            ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
            ("9223372036854775808", nil), ("1.5", nil), ("1e3", nil), ("-0.25E-7", nil),
            ("1E+2", nil), ("123456789012345678901234567890", nil), ("1e999", nil),
        ] as [(String, Int64?)])
    func numbers(text: String, integer: Int64?) throws {
        let value = try value(text)
        guard case .number(let digits) = value.content else {
            Issue.record("\(text) is no number")
            return
        }
        #expect(digits == text)
        #expect(value.integer == integer)
    }

    @Test("Of members with one name the first counts, and all are kept in their order")
    func members() throws {
        let object = try value(#"{"b":1,"a":2,"b":3,"":4}"#)
        #expect(object["b"]?.integer == 1)
        #expect(object[""]?.integer == 4)
        #expect(object["c"] == nil)
        #expect(object.members?.map(\.name) == ["b", "a", "b", ""])
        #expect(object.members?.map(\.value.integer) == [1, 2, 3, 4])
    }

    // MARK: Strings

    @Test(
        "Escapes stand for their characters",
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (#""\u0041\u00e9\u20AC""#, "Aé€"), (#""\u0000""#, "\0"),
            (#""\ud83d\ude00""#, "😀"), (#""\uD800\uDC00""#, "\u{10000}"),
            (#""\udbff\udfff""#, "\u{10ffff}"), (#""é€😀""#, "é€😀"),
            ("\"\u{7f}\"", "\u{7f}"),
        ])
    func escapes(text: String, expected: String) throws {
        #expect(try value(text).string == expected)
    }

    @Test(
        "A surrogate without its partner stands for the replacement character",
        arguments: [
            (#""\ud800""#, "\u{fffd}"), (#""\udc00""#, "\u{fffd}"), (#""\ud800x""#, "\u{fffd}x"),
            (#""\udc00\ud800""#, "\u{fffd}\u{fffd}"), (#""\ud83d\n""#, "\u{fffd}\n"),
        ])
    func loneSurrogates(text: String, expected: String) throws {
        #expect(try value(text).string == expected)
    }

    @Test("Bytes that are no UTF-8 become replacement characters")
    func brokenUTF8() throws {
        let value = try JSONValue(parsing: [0x22, 0x61, 0xff, 0x62, 0x22])
        #expect(value.string == "a\u{fffd}b")
        #expect(value.range == 0..<5)
    }

    // MARK: What is not taken, and where

    @Test(
        "What is no JSON is refused at its place",
        arguments: [
            ("", 0), ("   ", 3), ("nul", 0), ("True", 0), ("'a'", 0), ("NaN", 0), ("-", 0),
            ("--1", 0), ("1e", 2), ("1.2.3", 3), ("[1,]", 3), ("[1", 2), ("[", 1), ("[1 2]", 3),
            ("[,1]", 1), ("{", 1), ("{\"a\"}", 4), ("{\"a\":}", 5), ("{\"a\":1,}", 7),
            ("{a:1}", 1), ("{\"a\":1 \"b\":2}", 7), ("{\"a\":1", 6), ("[1]]", 3), ("1 2", 2),
            ("\"a", 2), ("\"a\nb\"", 3), ("\"\\", 2), ("\"\\x\"", 3), ("\"\\u12\"", 3),
            ("\"\\u123g\"", 3), ("\"\\u+123\"", 3), ("\"\\u０1\"", 3), ("\"\\ud83d\\u12\"", 9),
            ("\u{feff}1", 0), ("[1]\0", 3), ("// a\n1", 0),
        ])
    func refused(text: String, offset: Int) throws {
        let error = try #require(failure(text), "\(text) was taken")
        #expect(error.offset == offset, "\(text): \(error)")
        #expect(error.description == "not JSON: \(error.problem) at byte \(offset)")
    }

    @Test("Every control character in a string is refused")
    func controlCharacters() throws {
        for byte in UInt8(0)..<0x20 {
            let error = try #require(failure([0x22, byte, 0x22]), "\(byte)")
            #expect(error.problem.contains("control character"))
        }
    }

    @Test(
        "Numbers that only other languages have are refused",
        arguments: ["+1", "01", "-01", "00", ".5", "1.", "-.5", "1.e3", "1e5.0"])
    func numbersOfOtherLanguages(text: String) {
        #expect(failure(text) != nil, "\(text) was taken")
    }

    @Test("A value after a lone high surrogate is kept")
    func afterALoneSurrogate() throws {
        let text = try value(#""\ud800\u0041""#).string
        #expect(text == "\u{fffd}A")
    }

    // MARK: Depth

    private func nested(_ depth: Int, _ open: String, _ close: String, inside: String) -> String {
        String(repeating: open, count: depth) + inside + String(repeating: close, count: depth)
    }

    @Test("Values inside each other are taken to the limit and refused beyond")
    func depth() throws {
        let maximumDepth = JSONValue.maximumDepth
        var inner = try value(nested(maximumDepth, "[", "]", inside: ""))
        var depth = 1
        while let next = inner.array?.first {
            inner = next
            depth += 1
        }
        #expect(depth == maximumDepth)
        _ = try value(nested(maximumDepth, "{\"a\":", "}", inside: "1"))
        let arrays = try #require(failure(nested(maximumDepth + 1, "[", "]", inside: "")))
        #expect(arrays.offset == maximumDepth)
        #expect(arrays.problem.contains("\(maximumDepth)"))
        let objects = try #require(failure(nested(maximumDepth + 1, "{\"a\":", "}", inside: "1")))
        #expect(objects.offset == 5 * maximumDepth)
    }

    @Test("Depth is that of the place, not the number of brackets before it")
    func depthOfSiblings() throws {
        let siblings = String(repeating: "[[]],", count: 1000) + "[]"
        #expect(try value("[\(siblings)]").array?.count == 1001)
    }

    @Test("A million brackets take no stack")
    func manyBrackets() throws {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(failure(text)?.offset == JSONValue.maximumDepth)
    }
}
