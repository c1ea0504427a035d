internal import LinuxSystem
internal import TextFormats
internal import VCPUModel

/// What QEMU's `scripts/analyze-migration.py` prints of a stream: its devices as JSON, from which a stream with the
/// sections of vCPUs and interrupt controllers is made again (Formats/qemu-stream.md, section 7).
public enum AnalyzedStream {
    /// The most bytes of such a text.
    public static let limit = 64 << 20

    /// Whether a text begins with an object whose first member is named as a section: `ram (2)`.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        guard let name = JSONValue.nameOfFirstMember(prefix) else { return false }
        return section(String(decoding: name, as: UTF8.self)) != nil
    }

    /// The stream that the text tells of, without RAM and other devices.
    /// - Throws: for what is no such text, has no vCPU, or has a value that is none of a stream.
    public static func stream(of text: [UInt8]) throws(QEMUStreamError) -> [UInt8] {
        let root: JSONValue
        do throws(JSONError) {
            root = try JSONValue(parsing: text)
        } catch {
            throw .damaged(
                part: "the analysis", offset: Int64(error.offset), expected: "JSON",
                found: error.problem)
        }
        var result = StreamHeader.start
        var devices: [String] = []
        var counts: [String: UInt32] = [:]
        for (key, value) in root.members ?? [] {
            guard let (name, id) = section(key), isWanted(name) else { continue }
            let instance = counts[name, default: 0]
            counts[name] = instance + 1
            let state = try AnalyzedState(value)
            result.append(SectionKind.full)
            result += BigEndian.bytes(UInt64(id), 4) + [UInt8(name.utf8.count)] + Array(name.utf8)
            result += BigEndian.bytes(UInt64(instance), 4)
            let version = DeviceSection.versions[Array(name.utf8)] ?? CPUSection.version
            result += BigEndian.bytes(UInt64(version), 4) + state.bytes
            result.append(SectionKind.footer)
            result += BigEndian.bytes(UInt64(id), 4)
            devices.append(
                "{\"name\":\"\(name)\",\"instance_id\":\(instance),\(state.description(of: name))}")
        }
        let description = "{\"page_size\":4096,\"devices\":[\(devices.joined(separator: ","))]}"
        result += [SectionKind.endOfFile, SectionKind.description]
        return result + BigEndian.bytes(UInt64(description.utf8.count), 4) + Array(description.utf8)
    }

    /// `cpu (25)`: the section's name and id.
    private static func section(_ key: String) -> (name: String, id: UInt32)? {
        guard let end = key.lastIndex(of: "("), key.last == ")", key[..<end].last == " ",
            let id = NumberText.decimal(key[key.index(after: end)...].dropLast())
                .flatMap({ UInt32(exactly: $0) })
        else { return nil }
        return (String(key[..<end].dropLast()), id)
    }

    /// Whether it is of a vCPU or an interrupt controller; only names of these letters are.
    private static func isWanted(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return CPUSection.isName(ofVCPU: bytes) || DeviceSection.isOfInterrupts(bytes)
    }
}

/// A state of the analysis: its fields, and subsections by their names.
private struct AnalyzedState {
    private(set) var bytes: [UInt8] = []
    private var fieldLength = 0
    private var parts: [String] = []

    /// QEMU's versions of subsections are not in the text, and nobody here asks for them.
    private static let version: UInt64 = 1

    init(_ value: JSONValue) throws(QEMUStreamError) {
        guard let members = value.members else { throw Self.damaged(value) }
        for (name, member) in members where !name.utf8.contains(UInt8(ascii: "/")) {
            try Self.add(member, to: &bytes)
        }
        fieldLength = bytes.count
        for (name, member) in members where name.utf8.contains(UInt8(ascii: "/")) {
            guard name.utf8.count < 256, name.utf8.allSatisfy(Self.isOfName) else {
                throw Self.damaged(member)
            }
            let part = try AnalyzedState(member)
            bytes += [SectionKind.subsection, UInt8(name.utf8.count)] + Array(name.utf8)
            bytes += BigEndian.bytes(Self.version, 4) + part.bytes
            parts.append("{\(part.description(of: name))}")
        }
    }

    /// The members of its description.
    func description(of name: String) -> String {
        "\"vmsd_name\":\"\(name)\",\"version\":\(Self.version),\"fields\":[{\"name\":\"all\",\"type\":\"buffer\","
            + "\"size\":\(fieldLength)}],\"subsections\":[\(parts.joined(separator: ","))]"
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: Array("_-/.".utf8).contains(byte)
        }
    }

    private static func damaged(_ value: JSONValue) -> QEMUStreamError {
        .damaged(
            part: "the analysis", offset: Int64(value.range.lowerBound),
            expected: "a value as analyze-migration.py prints it", found: "another one")
    }

    private static func add(
        _ value: JSONValue, to bytes: inout [UInt8]
    ) throws(QEMUStreamError) {
        switch value.content {
        case .bool(let isSet): bytes.append(isSet ? 1 : 0)
        case .array(let elements): for element in elements { try add(element, to: &bytes) }
        case .object: bytes += try AnalyzedState(value).bytes
        case .string(let text):
            guard let own = self.bytes(of: text) else { throw damaged(value) }
            bytes += own
        case .null, .number: throw damaged(value)
        }
    }

    /// `0x00000001`, also with a negative number behind it, `0a 0b`, or `nullptr`, which a stream has as the digit 0.
    private static func bytes(of text: String) -> [UInt8]? {
        if text == "nullptr" { return [UInt8(ascii: "0")] }
        guard text.hasPrefix("0x") else {
            return digits(Array(text.utf8.filter { $0 != UInt8(ascii: " ") }))
        }
        return digits(Array(text.utf8.dropFirst(2).prefix { $0 != UInt8(ascii: " ") }))
    }

    private static func digits(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: text.count, by: 2) {
            guard let high = NumberText.digit(text[place]),
                let low = NumberText.digit(text[place + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
