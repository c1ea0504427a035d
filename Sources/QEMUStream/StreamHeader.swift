internal import LinuxSystem

/// The head of a stream: version, and the configuration section where there is one
/// (`qemu_savevm_state_header`, `vmstate_configuration`, `migration/savevm.c`).
public struct StreamHeader: Hashable, Sendable {
    /// The machine type, which has QEMU's version in it for versioned boards: `virt-10.0`.
    public var machineType: String?
    /// Capabilities the destination must have too: `x-ignore-shared`, `mapped-ram`.
    public var capabilities: [String] = []

    /// `QEVM`.
    public static let magic: [UInt8] = [0x51, 0x45, 0x56, 0x4d]
    static let version: UInt32 = 3
    /// The longest machine type name taken; QEMU's are below 40 bytes.
    private static let longestName = 1024

    init(_ stream: any SeekableBytes) throws(QEMUStreamError) {
        let head: [UInt8]
        do throws(FileError) {
            head = try stream.readWhatIsThere(at: 0, upTo: 4096)
        } catch {
            throw .file(error)
        }
        guard head.starts(with: Self.magic) else {
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

    /// Takes what is well formed: a reader that only wants registers does not depend on it.
    private mutating func readConfiguration(_ head: [UInt8]) {
        guard head.count >= 13, head[8] == SectionKind.configuration else { return }
        let length = Int(head.bigEndian(at: 9, as: UInt32.self))
        guard length <= Self.longestName, 13 + length <= head.count else { return }
        let name = head[13..<13 + length]
        machineType = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        readCapabilities(head, after: 13 + length)
    }

    private mutating func readCapabilities(_ head: [UInt8], after start: Int) {
        let name = Array("configuration/capabilities".utf8)
        var position = start
        while position + 2 <= head.count, head[position] == SectionKind.subsection {
            let nameEnd = position + 2 + Int(head[position + 1])
            guard nameEnd + 8 <= head.count else { return }
            if head[position + 2..<nameEnd].elementsEqual(name) {
                readNames(
                    head, count: Int(head.bigEndian(at: nameEnd + 4, as: UInt32.self)), nameEnd + 8)
                return
            }
            // The one other subsection that may come before it is target-page-bits, one u32.
            position = nameEnd + 8
        }
    }

    private mutating func readNames(_ head: [UInt8], count: Int, _ start: Int) {
        var position = start
        for _ in 0..<min(count, 64) {
            guard position < head.count else { return }
            let end = position + 1 + Int(head[position])
            guard end <= head.count else { return }
            capabilities.append(String(decoding: head[position + 1..<end], as: UTF8.self))
            position = end
        }
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
