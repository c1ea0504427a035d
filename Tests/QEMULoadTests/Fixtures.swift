import Emulation
import Foundation
import LinuxSystem
import Policy
import QEMULoad
import QEMUStream
import Registers
import Testing
import VCPUModel

/// Bytes in memory, as a file.
final class MemoryBytes: SeekableBytes {
    let name = "memory"
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var size: Int64 { Int64(bytes.count) }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= size, Int64(count) <= size - offset else {
            throw FileError(.read, name, .invalidArgument)
        }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }
}

/// A stream of Tests/QEMUStreamTests/Streams, as bytes.
func fixture(_ name: String) throws -> [UInt8] {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
    let file = tests.appendingPathComponent("QEMUStreamTests/Streams/\(name).mig")
    return Array(try Data(contentsOf: file))
}

/// What is in the fixtures' names.
let n1 = "kvm-6.12-neoverse-n1"
let max = "kvm-6.12-max"

extension QEMUStream {
    init(_ bytes: [UInt8]) throws(QEMUStreamError) {
        try self.init(MemoryBytes(bytes))
    }

    /// The fixture's stream, with its lists changed.
    init(
        _ name: String, changing change: (inout [CPUSection.Entry]) throws -> Void = { _ in }
    ) throws {
        let stream = try QEMUStream(fixture(name))
        var sections = stream.cpus
        for index in sections.indices {
            var entries = sections[index].entries
            try change(&entries)
            try sections[index].replaceEntries(entries)
        }
        self = try stream.replacing(sections)
    }

    /// The stream with other sections, written and read again.
    func replacing(_ sections: [CPUSection]) throws -> QEMUStream {
        let patch = try patch(replacing: sections)
        var result = try bytes.read(at: 0, count: Int(bytes.size))
        for replacement in patch.replacements.reversed() {
            let range = Int(replacement.range.lowerBound)..<Int(replacement.range.upperBound)
            result.replaceSubrange(range, with: replacement.bytes)
        }
        return try QEMUStream(result)
    }
}

extension [CPUSection.Entry] {
    /// Replaces or inserts a value.
    mutating func set(_ id: RegisterID, _ value: UInt64) {
        removeAll { $0.id == id }
        let place = firstIndex { $0.id > id } ?? endIndex
        insert(CPUSection.Entry(id: id, value: value), at: place)
    }

    mutating func remove(_ id: RegisterID) {
        removeAll { $0.id == id }
    }
}

/// A register by name; a misspelt one fails the test.
func register(_ name: String, _ place: SourceLocation = #_sourceLocation) throws -> RegisterID {
    try #require(RegisterID(parsing: name), "no register \(name)", sourceLocation: place)
}

func builtIn(_ name: String) throws -> HostProfile {
    try #require(try HostProfile.builtIn(named: name), "no profile \(name)")
}

func policy(_ lines: String...) throws -> RestorePolicy {
    let text = (["vpolicy 1", "name test"] + lines).joined(separator: "\n")
    return try RestorePolicy(parsing: text.utf8, file: "test.vpolicy")
}

func loadPlan(
    _ stream: QEMUStream, on host: String, by version: QEMUVersion,
    policy: RestorePolicy = RestorePolicy(.safe)
) throws -> LoadPlan {
    try LoadPlan(of: stream, on: try builtIn(host), version: version, policy: policy)
}

extension LoadPlan {
    /// What becomes of a register of the first vCPU.
    func load(
        of name: String, _ place: SourceLocation = #_sourceLocation
    ) throws -> RegisterLoad {
        let id = try register(name, place)
        return try #require(
            vcpus.first?.registers.first { $0.id == id }, "nothing of \(name)",
            sourceLocation: place)
    }

    /// The names of the first vCPU's registers with that fate.
    func names(_ fate: String) -> [String] {
        vcpus.first?.registers.filter { $0.fate.name == fate }.map(\.id.name) ?? []
    }
}
