internal import LinuxSystem

/// A subsection of a "cpu" section (`vmstate_arm_cpu.subsections`, `target/arm/machine.c`).
public struct Subsection: Hashable, Sendable {
    public var name: String
    public var version: UInt32
    /// Its fields, in bytes from the start of the section's body.
    public var fields: Range<Int>
    /// Subsections inside this one.
    public var parts: [Subsection]

    /// How long the fields of the subsections are that this program knows, in bytes.
    ///
    /// Those of M- and R-profile CPUs are not among them: their length depends on the CPU.
    static let knownLengths: [String: Int] = [
        "cpu/vfp": 576, "cpu/vfp/fpcr_fpsr": 16, "cpu/iwmmxt": 192, "cpu/thumb2ee": 8,
        "cpu/sve": 4128, "cpu/sme": 65536, "cpu/zt0": 64, "cpu/serror": 10,
        "cpu/irq-line-state": 4, "cpu/wfxt-timer": 8, "cpu/syndrome64": 8, "cpu/pstate64": 8,
        "cpu/event": 1, "cpu/pmsav7-rnr": 4, "cpu/m-security": 0,
    ]
}

/// Reads subsections one after the other.
struct SubsectionReader {
    let body: [UInt8]
    /// Of the body in the stream, for messages.
    let offset: Int64
    /// The lengths of the description for what this program does not know.
    let describedLengths: [String: Int]
    private(set) var position: Int

    /// Subsections inside each other, at most; QEMU's go to two.
    private static let deepest = 4

    init(_ body: [UInt8], offset: Int64, position: Int, describedLengths: [String: Int]) {
        self.body = body
        self.offset = offset
        self.position = position
        self.describedLengths = describedLengths
    }

    /// The subsections from here on whose names continue `prefix`.
    mutating func all(
        inside prefix: String = "cpu", depth: Int = 0
    ) throws(QEMUStreamError) -> [Subsection] {
        var result: [Subsection] = []
        while let name = nextName(), name.hasPrefix(prefix + "/"), depth < Self.deepest {
            result.append(try subsection(name, depth: depth))
        }
        return result
    }

    private func nextName() -> String? {
        guard position + 2 <= body.count, body[position] == SectionKind.subsection else {
            return nil
        }
        let end = position + 2 + Int(body[position + 1])
        guard end + 4 <= body.count else { return nil }
        return String(decoding: body[position + 2..<end], as: UTF8.self)
    }

    private mutating func subsection(
        _ name: String, depth: Int
    ) throws(QEMUStreamError) -> Subsection {
        let start = position + 2 + name.utf8.count
        let version = body.bigEndian(at: start, as: UInt32.self)
        // What this program reads must have the length it reads, whatever the description says.
        guard let length = Subsection.knownLengths[name] ?? describedLengths[name] else {
            throw damaged(
                "a subsection this program knows, or one the stream describes", "\(name)")
        }
        guard length <= body.count - start - 4 else {
            throw damaged("\(length) bytes of \(name)", "\(body.count - start - 4)")
        }
        let fields = start + 4..<start + 4 + length
        position = fields.upperBound
        return Subsection(
            name: name, version: version, fields: fields,
            parts: try all(inside: name, depth: depth + 1))
    }

    private func damaged(_ expected: String, _ found: String) -> QEMUStreamError {
        .damaged(
            part: "the cpu section's subsections", offset: offset + Int64(position),
            expected: expected, found: found)
    }
}
