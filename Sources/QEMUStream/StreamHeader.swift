internal import LinuxSystem
internal import VCPUModel

/// The head of a stream: version, and the configuration section where there is one
/// (`qemu_savevm_state_header`, `vmstate_configuration`, `migration/savevm.c`).
public struct StreamHeader: Hashable, Sendable {
    /// The machine type, which has QEMU's version in it for versioned boards: `virt-10.0`.
    public var machineType: String?
    /// Capabilities the destination must have too: `x-ignore-shared`, `mapped-ram`.
    public var capabilities: [String] = []

    /// How a stream of whatever version begins (`QEMU_VM_FILE_MAGIC`, `migration/savevm.h`).
    static let magic = Array("QEVM".utf8)
    static let version: UInt32 = 3
    /// The first bytes of every stream.
    static let start = magic + BigEndian.bytes(UInt64(version), 4)
    /// The longest machine type name taken; QEMU's are below 40 bytes.
    private static let longestName = 1024

    /// Whether a file that begins with these bytes, `QEVM`, is a stream, of whatever version.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        prefix.starts(with: magic)
    }

    init(_ stream: any SeekableBytes) throws(QEMUStreamError) {
        let head = try stream.bytes(at: 0, count: Int(min(4096, stream.size)))
        guard Self.isBeginning(head) else {
            throw .notAStream(found: Array(head.prefix(4)))
        }
        guard head.count >= 8 else {
            throw .damaged(
                part: "the header", offset: 4, expected: "the version", found: "the end")
        }
        let version = head.bigEndian(at: 4, as: UInt32.self)
        guard version == Self.version else { throw .version(version) }
        readConfiguration(head)
    }

    /// Where the last stream of several in a file begins, before some place: right behind the description of the one
    /// before it.
    ///
    /// It is looked for only in the last bytes of the file: RAM is not read through.
    static func second(
        in stream: any SeekableBytes, before end: Int64
    ) throws(QEMUStreamError) -> Int64? {
        let first = max(Int64(start.count), stream.size - Int64(StreamDescription.usualLength) + 2)
        guard first < end else { return nil }
        let bytes = try stream.bytes(in: first - 1..<end)
        var rest = bytes[...]
        while let brace = rest.lastIndex(of: UInt8(ascii: "}")) {
            rest = rest[..<brace]
            guard bytes[(brace + 1)...].starts(with: start) else { continue }
            let place = first + Int64(brace)
            let former = try StreamDescription.former(in: stream, endingBy: place)
            return former?.end == place ? place : nil
        }
        return nil
    }

    /// Takes what is well formed: a reader that only wants registers does not depend on it.
    private mutating func readConfiguration(_ head: [UInt8]) {
        var parts = HeadReader(head: head, position: 8)
        guard parts.number(1) == Int(SectionKind.configuration), let length = parts.number(4),
            length <= Self.longestName, let name = parts.bytes(length)
        else { return }
        machineType = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        readCapabilities(&parts)
    }

    private mutating func readCapabilities(_ parts: inout HeadReader) {
        let wanted = Array("configuration/capabilities".utf8)
        while parts.number(1) == Int(SectionKind.subsection), let length = parts.number(1),
            let name = parts.bytes(length), parts.number(4) != nil
        {
            // The one other subsection that may come before it is target-page-bits, one u32.
            guard let field = parts.number(4) else { return }
            guard name.elementsEqual(wanted) else { continue }
            for _ in 0..<min(field, 64) {
                guard let length = parts.number(1), let name = parts.bytes(length) else { return }
                capabilities.append(String(decoding: name, as: UTF8.self))
            }
            return
        }
    }
}

/// Takes what stands in the head of a stream, one after the other.
private struct HeadReader {
    let head: [UInt8]
    var position: Int

    /// The next `count` bytes; nil where there are fewer.
    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard let range = Range(at: position, count: count, inside: head.indices) else {
            return nil
        }
        position = range.upperBound
        return head[range]
    }

    /// The number of the next bytes, at most 4.
    mutating func number(_ width: Int) -> Int? {
        bytes(width).map { $0.reduce(0) { $0 << 8 | Int($1) } }
    }
}

/// The first byte of what stands in a stream (`QEMU_VM_*`, `migration/savevm.h`).
enum SectionKind {
    static let endOfFile: UInt8 = 0x00
    static let full: UInt8 = 0x04
    static let subsection: UInt8 = 0x05
    static let description: UInt8 = 0x06
    static let configuration: UInt8 = 0x07
    static let footer: UInt8 = 0x7e
}
