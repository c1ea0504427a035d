internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import VCPUModel

/// A text with a register of KVM's list in each line (Formats/register-dump.md).
public enum RegisterDump {
    /// The most bytes of such a text.
    public static let limit = 16 << 20
    private static let separators = Array(" \t=:,".utf8)
    private static let comment = UInt8(ascii: "#")

    /// Whether the first line that is no comment begins with the number of a vCPU or an id of KVM.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        for line in prefix.split(separator: UInt8(ascii: "\n")) {
            guard let first = words(line).first, first.first != comment else { continue }
            return first.elementsEqual("vcpu".utf8) || id(first)?.architecture == .arm64
        }
        return false
    }

    /// Reads a whole text.
    /// - Throws: for a line that is none of a dump, with its number and place.
    public static func read(_ bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        var content = Content()
        var number = 0
        var rest = bytes[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            number += 1
            try content.add(words(line), Place(line: number, offset: line.startIndex))
            rest = rest[line.endIndex...].dropFirst()
        }
        return try content.state()
    }

    /// Where something stands, for messages.
    fileprivate struct Place {
        let line: Int
        let offset: Int

        func damaged(_ expected: String, _ found: ArraySlice<UInt8>?) -> VMMFileError {
            .damaged(
                "line \(line)", at: offset, expected: expected,
                found: found.map { "\"\(String(decoding: $0.prefix(80), as: UTF8.self))\"" }
                    ?? "nothing")
        }
    }

    private static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        return text.split { separators.contains($0) }
    }

    /// Sixteen hexadecimal digits, also with `0x`.
    fileprivate static func id(_ word: ArraySlice<UInt8>) -> RegisterID? {
        let digits = word.starts(with: "0x".utf8) ? word.dropFirst(2) : word
        guard digits.count == 16 else { return nil }
        return NumberText.hexadecimal("0x" + String(decoding: digits, as: UTF8.self))
            .map { RegisterID(rawValue: $0) }
    }
}

/// What was found in a dump until now.
private struct Content {
    private var vcpus: [(index: UInt32, registers: [VMMRegister])] = []
    private var unreadCount = 0

    mutating func add(
        _ words: [ArraySlice<UInt8>], _ place: RegisterDump.Place
    ) throws(VMMFileError) {
        guard let first = words.first, first.first != UInt8(ascii: "#") else { return }
        if first.elementsEqual("vcpu".utf8) {
            guard words.count == 2, let number = NumberText.decimal(words[1]),
                let index = UInt32(exactly: number)
            else { throw place.damaged("the number of a vCPU", words.dropFirst().first) }
            return vcpus.append((index, []))
        }
        guard
            let id = RegisterDump.id(first)
                ?? RegisterID(parsing: String(decoding: first, as: UTF8.self))
        else {
            throw place.damaged("a register's id or name, or a comment that begins with #", first)
        }
        guard let value = try value(of: id, words, place) else { return unreadCount += 1 }
        guard let register = VMMRegister(id, value) else {
            throw place.damaged("a register of KVM's list", first)
        }
        if vcpus.isEmpty { vcpus.append((0, [])) }
        vcpus[vcpus.count - 1].registers.append(register)
    }

    /// - Returns: nil for a register that could not be read.
    private func value(
        of id: RegisterID, _ words: [ArraySlice<UInt8>], _ place: RegisterDump.Place
    ) throws(VMMFileError) -> RegisterValue? {
        guard let size = id.size else { throw place.damaged("an id with a size", words[0]) }
        guard words.count > 1 else {
            throw place.damaged(
                "a value behind the id: of a mere list vcpusnap register ID says what each is", nil)
        }
        var text = String(decoding: words[1], as: UTF8.self)
        if words.count == 5 {
            // The size, and what KVM said when it was read and written.
            guard NumberText.decimal(words[1]) == UInt64(size) else {
                throw place.damaged("\(size), the size of \(id.label)", words[1])
            }
            guard words[2].elementsEqual("0".utf8) else { return nil }
            text = "0x" + String(decoding: words[4], as: UTF8.self)
        } else if words.count != 2 {
            throw place.damaged("an id and a value, or five columns", words[2])
        }
        guard let value = RegisterValue(parsing: text, size: size) else {
            throw place.damaged("a value of \(size) bytes for \(id.label)", words[words.count - 1])
        }
        return value
    }

    func state() throws(VMMFileError) -> VMMState {
        guard !vcpus.isEmpty else { throw .contradiction("it has no register") }
        var made: [VMMVCPU] = []
        for (index, registers) in vcpus {
            made.append(try VMMVCPU(index: index, registers: registers))
        }
        let remarks =
            unreadCount == 0
            ? []
            : [
                "\(unreadCount) of its registers could not be read when it was made, and are left out"
            ]
        return try VMMState(
            .dump, facts: [], vcpus: made.sorted { $0.index < $1.index }, remarks: remarks)
    }
}
