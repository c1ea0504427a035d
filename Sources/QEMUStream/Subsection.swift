internal import LinuxSystem

/// A subsection of a device's section, as of "cpu" (`vmstate_arm_cpu.subsections`, `target/arm/machine.c`).
public struct Subsection: Hashable, Sendable {
    /// The whole name, with that of the section before it: `cpu/sve`.
    public var name: String
    /// As in the stream; which versions QEMU takes is not checked.
    public var version: UInt32
    /// Its fields, in bytes from the start of the section's body.
    public var fields: Range<Int>
    /// Subsections inside this one.
    public var parts: [Subsection]

    /// This one and all inside it, in the order of the stream.
    var withParts: [Subsection] { [self] + parts.flatMap(\.withParts) }

    /// How long the fields of the subsections are that this program knows, in bytes.
    ///
    /// Those of M- and R-profile CPUs are not among them: their length depends on the CPU.
    static let knownLengths = Dictionary(
        uniqueKeysWithValues: lengthsByName.map { (Array($0.key.utf8), $0.value) })

    private static let lengthsByName = [
        "cpu/vfp": 576, "cpu/vfp/fpcr_fpsr": 16, "cpu/iwmmxt": 192, "cpu/thumb2ee": 8,
        "cpu/sve": 4128, "cpu/sme": 65536, "cpu/zt0": 64, "cpu/serror": 10,
        "cpu/irq-line-state": 4, "cpu/wfxt-timer": 8, "cpu/syndrome64": 8, "cpu/pstate64": 8,
        "cpu/event": 1, "cpu/fpmr": 8, "cpu/pmsav7-rnr": 4, "cpu/m-security": 0,
        "arm_gicv3/gicd_no_migration_shift_bug": 1, "arm_gicv3/gicd_nmi": 128,
        "arm_gicv3_cpu/virt": 240, "arm_gicv3_cpu/sre_el1": 8, "arm_gicv3_cpu/gicv4": 16,
        "arm_gicv3_cpu/nmi": 4, "arm_gic_virt_state": 2240,
    ]
}

/// Reads subsections one after the other.
struct SubsectionReader {
    private let bytes: [UInt8]
    /// Where the section's body begins in the bytes.
    private let start: Int
    /// Of the body in the stream, for messages.
    private let offset: Int64
    /// The lengths of the description for what this program does not know.
    private let describedLengths: [[UInt8]: Int]
    /// The section's device.
    private let name: [UInt8]
    /// From the start of the body.
    private(set) var position: Int
    private var names: Set<[UInt8]> = []

    /// Subsections inside each other, at most; QEMU's go to two.
    private static let maximumDepth = 4

    init(
        _ bytes: [UInt8], bodyAt start: Int, offset: Int64, position: Int,
        describedLengths: [[UInt8]: Int], of name: [UInt8] = CPUSection.name
    ) {
        self.name = name
        self.bytes = bytes
        self.start = start
        self.offset = offset
        self.position = position
        self.describedLengths = describedLengths
    }

    /// The subsections from here on whose names continue `prefix`.
    mutating func all(
        inside prefix: [UInt8] = CPUSection.name, depth: Int = 0
    ) throws(QEMUStreamError) -> [Subsection] {
        try all(beginning: prefix + [UInt8(ascii: "/")], depth: depth)
    }

    /// The subsections from here on whose names begin so.
    mutating func all(
        beginning path: [UInt8], depth: Int = 0
    ) throws(QEMUStreamError) -> [Subsection] {
        var result: [Subsection] = []
        while let name = nextName(), name.starts(with: path), depth < Self.maximumDepth {
            result.append(try subsection(name, depth: depth))
        }
        return result
    }

    /// `count` bytes of the body, `distance` after the present position; nil where they are not there.
    private func ahead(_ distance: Int, count: some BinaryInteger) -> Range<Int>? {
        Range(at: start + position + distance, count: count, inside: bytes.indices)
    }

    private func nextName() -> [UInt8]? {
        guard let head = ahead(0, count: 2), bytes[head.lowerBound] == SectionKind.subsection,
            let name = ahead(2, count: bytes[head.lowerBound + 1]),
            ahead(2 + name.count, count: 4) != nil
        else { return nil }
        return Array(bytes[name])
    }

    private mutating func subsection(
        _ name: [UInt8], depth: Int
    ) throws(QEMUStreamError) -> Subsection {
        let shown = Shown.text(name)
        guard names.insert(name).inserted else {
            throw damaged("each subsection once", "\(shown) again")
        }
        // What this program reads must have the length it reads, whatever the description says.
        guard let length = Subsection.knownLengths[name] ?? describedLengths[name] else {
            throw damaged("a subsection this program knows, or one the stream describes", shown)
        }
        let header = 2 + name.count + 4
        guard let fields = ahead(header, count: length) else {
            throw damaged(
                "\(length) bytes of \(shown)", "\(bytes.count - start - position - header)")
        }
        let version = bytes.bigEndian(at: fields.lowerBound - 4, as: UInt32.self)
        position += header + length
        return Subsection(
            name: String(decoding: name, as: UTF8.self), version: version,
            fields: fields.lowerBound - start..<fields.upperBound - start,
            parts: try all(inside: name, depth: depth + 1))
    }

    private func damaged(_ expected: String, _ found: String) -> QEMUStreamError {
        .damaged(
            part: "the \(Shown.text(name)) section's subsections", offset: offset + Int64(position),
            expected: expected, found: found)
    }
}
