internal import SnapshotFormat
internal import VCPUModel

/// The report of `verify`.
struct VerifyOutput: WholeReport {
    struct Chunk: Encodable {
        var kind: String
        var version: UInt16
        var offset: Int
        var storedSize: Int
        var size: Int
        var sound: Bool
    }

    var file: String
    var sound: Bool
    var version: String
    var size: Int
    var vcpus: Int
    var registers: Int
    var digest: String?
    var chunks: [Chunk]
    var problems: [String]
    /// What the format allows and no VM should have; nil for nothing.
    var notes: [String]?

    init(_ report: VerificationReport, file: String) {
        self.file = file
        sound = report.isSound
        version = "\(SnapshotHeader.majorVersion).\(report.header.minorVersion)"
        size = report.header.fileSize
        vcpus = report.header.vcpuCount
        registers = report.header.registerCount
        digest = report.digest.map { $0.map(Self.twoDigits).joined() }
        chunks = report.chunks.map {
            Chunk(
                kind: $0.kind.description, version: $0.version, offset: $0.offset,
                storedSize: $0.storedSize, size: $0.contentSize, sound: $0.problem == nil)
        }
        problems = report.problems.map(\.description)
        notes = report.snapshot.flatMap(\.noteTexts)
    }

    func text(_ style: TextStyle) -> PrintableText {
        let verdict = sound ? style.good("sound") : style.bad("damaged")
        var lines: [PrintableText] = ["\(file): \(verdict), format \(version), \(size) bytes"]
        lines.append("  \(vcpus.of("vCPU")), \(registers.of("different register"))")
        lines += chunks.map { chunk -> PrintableText in
            let kind = PrintableText(chunk.kind).padded(to: 4)
            return
                "  \(kind) at byte \(chunk.offset): \(chunk.storedSize) bytes, \(chunk.size) decompressed"
        }
        if let digest { lines.append("  SHA-256 \(digest)") }
        lines += problems.map { "  " + style.bad("\($0)") }
        return lines.joined(separator: "\n") + "\n" + style.notes(notes)
    }

    private static func twoDigits(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
    }
}
