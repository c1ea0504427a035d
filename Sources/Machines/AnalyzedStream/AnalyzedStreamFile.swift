internal import LinuxSystem
package import QEMUStream

/// What QEMU's analyze-migration.py printed of a stream.
package enum AnalyzedStreamFile: StateFileKind {
    /// What error messages call such a file.
    package static let phrase = "what analyze-migration.py printed"
    /// Reading, also for QEMU's loads.
    package static let summary = SourceSummary(
        grammar: "analyzed stream", meaning: "JSON that QEMU's analyze-migration.py printed",
        abilities: [.read, .convert, .load], example: "vcpusnap show vm.json")

    /// Whether it is a JSON object that begins with a section of a stream (Formats/qemu-stream.md, section 7).
    package static func recognizes(_ prefix: [UInt8]) -> Bool { AnalyzedStream.isBeginning(prefix) }

    /// How to read it as it is, or to make of it what was expected.
    package static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        expected.adviceForGuests(in: file)
    }

    /// Makes the sections of vCPUs and interrupt controllers again, and reads these.
    /// - Throws: where it cannot be read, is too long, or has no vCPU.
    package static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        let text = try SourceError.passing { try input.whole(limit: AnalyzedStream.limit) }
        let stream = try SourceError.naming(location.text) { () throws(QEMUStreamError) in
            try AnalyzedStream.stream(of: text)
        }
        return try StreamFile(MemoryBytes(stream, name: location.text), .whole)
    }
}
