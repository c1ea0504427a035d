import SeededRandom
import Testing
import TextFormats

/// The places of values, and what damage does.
@Suite("Places in JSON texts")
struct JSONPlaceTests {
    private static let text = #"""
        {"devices": [ {"name":"cpu", "size" : -12.5e3 ,"deep":[[ ] , {"é":"\u00e9\"" }]},
          true,null ], "page_size": 4096 }
        """#

    private func substring(_ value: JSONValue?, _ text: [UInt8]) throws -> String {
        String(decoding: text[try #require(value).range], as: UTF8.self)
    }

    @Test("A value's range is its own text, from its first byte to its last")
    func ranges() throws {
        let text = Array((" \n" + Self.text + "\t").utf8)
        let value = try JSONValue(parsing: text)
        #expect(value.range == 2..<text.count - 1)
        let devices = value["devices"]
        #expect(try substring(devices, text).first == "[")
        #expect(try substring(devices, text).last == "]")
        let device = devices?.array?.first
        #expect(try substring(device?["name"], text) == "\"cpu\"")
        #expect(try substring(device?["size"], text) == "-12.5e3")
        #expect(try substring(device?["deep"]?.array?.first, text) == "[ ]")
        let inner = device?["deep"]?.array?.last
        #expect(try substring(inner, text) == #"{"é":"\u00e9\"" }"#)
        #expect(try substring(inner?["é"], text) == #""\u00e9\"""#)
        #expect(inner?["é"]?.string == "é\"")
        #expect(try substring(devices?.array?[1], text) == "true")
        #expect(try substring(devices?.array?[2], text) == "null")
        #expect(try substring(value["page_size"], text) == "4096")
    }

    /// Checks that every value inside parses, by itself, to the same value.
    private func expectSelfContained(_ value: JSONValue, in text: [UInt8]) throws {
        let own = Array(text[value.range])
        let again = try JSONValue(parsing: own)
        #expect(again.range == own.indices)
        #expect(again.written == value.written)
        for part in value.parts {
            #expect(value.range.lowerBound < part.range.lowerBound)
            #expect(part.range.upperBound < value.range.upperBound)
            try expectSelfContained(part, in: text)
        }
    }

    @Test("Every range, cut out, is the same value")
    func cutOut() throws {
        let text = Array(Self.text.utf8)
        try expectSelfContained(try JSONValue(parsing: text), in: text)
    }

    @Test("Random texts are parsed to what they were written from")
    func randomTexts() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let text = Array(RandomJSON.text(depth: 5, using: &generator).utf8)
            let value = try #require(
                try? JSONValue(parsing: text),
                "seed \(seed), round \(round): \(String(decoding: text, as: UTF8.self))")
            try expectSelfContained(value, in: text)
            let written = Array(value.written.utf8)
            #expect(
                try JSONValue(parsing: written).written == value.written,
                "seed \(seed), round \(round)")
        }
    }

    @Test("Every cut text is refused at a place in it")
    func cutTexts() throws {
        let text = Array(Self.text.utf8)
        for count in text.indices {
            do throws(JSONError) {
                _ = try JSONValue(parsing: Array(text.prefix(count)))
                Issue.record("cut to \(count)")
            } catch {
                #expect(0...count ~= error.offset, "cut to \(count)")
            }
        }
    }

    @Test("Damage of any extent never crashes, and an error tells a place in the text")
    func damage() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array(#"{}[]",:\u0de5-+.tfn 😀"#.utf8) + [0, 0x1f, 0x7f, 0xff]
        var refusals = 0
        for round in 0..<20_000 {
            var text = Array(Self.text.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let position = Int.random(in: text.indices, using: &generator)
                let byte =
                    Bool.random(using: &generator)
                    ? alphabet.randomElement(using: &generator) ?? 0
                    : .random(in: 0...255, using: &generator)
                switch Int.random(in: 0...3, using: &generator) {
                case 0: text.remove(at: position)
                case 1: text.insert(byte, at: position)
                default: text[position] = byte
                }
            }
            do throws(JSONError) {
                let value = try JSONValue(parsing: text)
                #expect(text.indices.contains(value.range.lowerBound), "seed \(seed) \(round)")
                #expect(value.range.upperBound <= text.count, "seed \(seed), round \(round)")
            } catch {
                refusals += 1
                #expect(0...text.count ~= error.offset, "seed \(seed), round \(round)")
            }
        }
        // Most damage hits something that matters.
        #expect(refusals > 10_000, "seed \(seed)")
    }
}

extension JSONValue {
    fileprivate var parts: [JSONValue] { array ?? members?.map(\.value) ?? [] }

    /// The value in one fixed spelling.
    fileprivate var written: String {
        switch content {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let digits): digits
        case .string(let text): Self.quoted(text)
        case .array(let elements): "[" + elements.map(\.written).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.map { Self.quoted($0.name) + ":" + $0.value.written }
                .joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let units = text.utf16.map { unit -> String in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        return "\"" + units.joined() + "\""
    }
}

/// JSON texts of any form.
private enum RandomJSON {
    static func text(depth: Int, using generator: inout SeededGenerator) -> String {
        let space = ["", " ", "\n\t", "\r "]
        let before = space.randomElement(using: &generator) ?? ""
        let after = space.randomElement(using: &generator) ?? ""
        return before + value(depth: depth, using: &generator) + after
    }

    private static func value(depth: Int, using generator: inout SeededGenerator) -> String {
        switch Int.random(in: 0...(depth > 0 ? 6 : 4), using: &generator) {
        case 0: return "null"
        case 1: return Bool.random(using: &generator) ? "true" : "false"
        case 2: return "\(Int64.random(in: .min ... .max, using: &generator))"
        case 3: return "\(Double.random(in: -1e9...1e9, using: &generator))"
        case 4: return string(using: &generator)
        case 5:
            let elements = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                text(depth: depth - 1, using: &generator)
            }
            return "[" + elements.joined(separator: ",") + "]"
        default:
            let members = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                string(using: &generator) + " :" + text(depth: depth - 1, using: &generator)
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    private static func string(using generator: inout SeededGenerator) -> String {
        let pieces = ["a", "é", "😀", #"\""#, #"\\"#, #"\/"#, #"\n"#, #"\u0000"#, #"\ud83d\ude00"#]
        let count = Int.random(in: 0...5, using: &generator)
        return "\""
            + (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            + "\""
    }
}
