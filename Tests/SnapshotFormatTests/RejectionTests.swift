import Registers
import Testing
import VCPUModel

@testable import SnapshotFormat

/// Every case of the section "What a reader must refuse" in files whose checksums are right.
@Suite("What a reader refuses")
struct RejectionTests {
    typealias Code = SnapshotFormatError.Code

    /// One vCPU with X0 = 1: content `00`, the id in 9 bytes, `00`, code `01`, value `01`.
    static func small() throws -> CraftedFile {
        let list = try #require(RegisterList([(RegisterID.x0, RegisterValue(1))]))
        return try CraftedFile(
            Snapshot(
                provenance: Provenance(), vcpus: [VCPUState(index: 0, registers: list)]))
    }

    func expect(
        _ file: CraftedFile, _ code: Code, chunk: ChunkKind? = nil, offset: Int? = nil,
        _ text: String, location: SourceLocation = #_sourceLocation
    ) throws {
        let error = try #require(failure(reading: file.bytes), sourceLocation: location)
        #expect(error.code == code, "\(error)", sourceLocation: location)
        #expect(error.chunk == chunk, "\(error)", sourceLocation: location)
        #expect(error.offset == offset, "\(error)", sourceLocation: location)
        #expect(error.message.contains(text), "\(error)", sourceLocation: location)
    }

    @Test("The crafted file itself is sound")
    func sound() throws {
        let bytes = try Self.small().bytes
        #expect(failure(reading: bytes) == nil)
        #expect(bytes.count == 56 + 20 + 13 + 52)
    }

    @Test("Another major version, before any checksum is looked at")
    func majorVersion() throws {
        var bytes = try Self.small().bytes
        bytes[8] = 2
        let error = try #require(failure(reading: bytes))
        #expect(error.code == .unsupportedVersion && error.offset == 8)
    }

    @Test("Counts and sizes in the header above the limits")
    func limits() throws {
        let cases: [(offset: Int, change: (inout SnapshotHeader) -> Void)] = [
            (14, { $0.chunkCount = 257 }),
            (24, { $0.fileSize = SnapshotLimits.fileSize + 1 }),
            (28, { $0.contentSize = SnapshotLimits.fileSize + 1 }),
            (32, { $0.largestContent = 1000 }),
            (36, { $0.vcpuCount = 4097 }),
            (38, { $0.registerCount = 4097 }),
            (38, { ($0.vcpuCount, $0.registerCount) = (4096, 513) }),
        ]
        for (offset, change) in cases {
            var file = try Self.small()
            file.header = change
            try expect(file, .limitExceeded, offset: offset, "the limit is")
        }
    }

    @Test("Statements about all chunks together that do not hold")
    func totals() throws {
        var file = try Self.small()
        file.header = { $0.contentSize += 1 }
        try expect(file, .sizeMismatch, offset: 28, "content size is 46, it is 45")
        file.header = { $0.largestContent += 1 }
        try expect(file, .sizeMismatch, offset: 32, "largest content is 33, it is 32")
        file.header = { $0.fileSize += 1 }
        try expect(file, .sizeMismatch, offset: 24, "file size is 142, it is 141")
        file.header = { $0.fileSize -= 1 }
        try expect(file, .sizeMismatch, chunk: .end, offset: 97, "room for 31")
    }

    @Test("A header size out of range")
    func headerSize() throws {
        for size: UInt8 in [0, 55] {
            var bytes = try Self.small().bytes
            bytes[12] = size
            let error = try #require(failure(reading: bytes))
            #expect(error.code == .limitExceeded && error.offset == 12)
        }
        var bytes = try Self.small().bytes
        bytes[13] = 0xff
        #expect(failure(reading: bytes)?.code == .limitExceeded)
    }

    @Test("Incompatible features and dictionaries it does not know")
    func featuresAndDictionaries() throws {
        var file = try Self.small()
        file.header = { $0.incompatibleFeatures = 4 }
        try expect(file, .unsupportedFeature, offset: 16, "features 0x4")
        file.header = { $0.dictionaryID = 77 }
        try expect(file, .unknownDictionary, offset: 40, "dictionary 0x4d")
        file.header = { $0.dictionaryDigest = 1 }
        try expect(file, .unknownDictionary, offset: 44, "digest 0100000000000000 of one")
        file.header = {
            ($0.dictionaryID, $0.dictionaryDigest) = (0x3173_6376, 0x0df5_7c0d_1831_2b74)
        }
        try expect(file, .unknownDictionary, offset: 40, "digest 742b31180d7cf50d")
        #expect(FormatDictionary.version1.id == 0x3173_6376)
    }

    @Test("Chunks: unknown, twice, missing, in the wrong place, of a later version")
    func chunkOrder() throws {
        let unknown = CraftedFile.Chunk(kind: ChunkKind(rawValue: 0x4444_4444), content: [1])
        var file = try Self.small()
        file.chunks.append(unknown)
        try expect(file, .unknownChunk, chunk: unknown.kind, offset: 89, "newer program")
        file.chunks[1].flags = 1
        #expect(failure(reading: file.bytes) == nil)

        file.chunks[1] = file.chunks[0]
        try expect(file, .duplicateChunk, chunk: .vcpus, offset: 89, "twice")
        file.chunks = Array(repeating: .init(kind: .provenance, flags: 1), count: 2) + file.chunks
        try expect(file, .duplicateChunk, chunk: .provenance, offset: 76, "twice")

        file.chunks = []
        try expect(file, .missingChunk, chunk: .vcpus, offset: 108, "holds the vCPUs")
        file = try Self.small()
        file.hasEnd = false
        try expect(file, .missingChunk, chunk: .end, offset: 89, "is the end chunk")
        file.hasEnd = true
        file.chunks.append(.init(kind: .end, content: [UInt8](repeating: 0, count: 32)))
        try expect(file, .misplacedChunk, chunk: .end, offset: 89, "chunk 2 of 3")

        file = try Self.small()
        file.chunks[0].version = 2
        try expect(file, .unsupportedVersion, chunk: .vcpus, offset: 56, "its version is 2")
        file = try Self.small()
        file.chunks.append(.init(kind: .provenance, version: 2, flags: 1, content: [0xff]))
        #expect(failure(reading: file.bytes) == nil)
    }

    @Test("Chunk headers that lie")
    func chunkSizes() throws {
        var file = try Self.small()
        file.chunks[0].storedSize = 1000
        try expect(file, .sizeMismatch, chunk: .vcpus, offset: 64, "room for 65")
        file = try Self.small()
        file.chunks[0].contentSize = 14
        try expect(file, .sizeMismatch, chunk: .vcpus, offset: 64, "not compressed")
        file.header = { $0.largestContent = 13 }
        try expect(file, .sizeMismatch, chunk: .vcpus, offset: 68, "at most 13")
        file = try Self.small()
        file.chunks[0].flags = 4
        try expect(file, .unsupportedFeature, chunk: .vcpus, offset: 62, "flags are 0x4")
    }

    @Test("A digest that is not the file's, behind a right checksum")
    func digest() throws {
        var file = try Self.small()
        file.hasEnd = false
        file.chunks.append(.init(kind: .end, content: [UInt8](repeating: 7, count: 32)))
        try expect(file, .digestMismatch, chunk: .end, offset: 109, "changed after it was written")
        file.chunks[1].content.removeLast()
        try expect(file, .malformed, chunk: .end, offset: 89, "expected 32 bytes")
    }

    @Test("Trailing bytes, also when the rest is sound")
    func trailing() throws {
        let bytes = try Self.small().bytes
        for extra in [[0], bytes] as [[UInt8]] {
            let error = try #require(failure(reading: bytes + extra))
            #expect(error.code == .trailingData && error.offset == bytes.count)
        }
    }

    /// What a zstd chunk may not be; each content is meant to hold `size` bytes.
    @Test("Compressed chunks that are not one frame of the declared size")
    func compression() throws {
        let content = [UInt8](repeating: 5, count: 4000)
        let frame = try ZstdCompressor.make(level: 3, dictionary: []).compress(content)
        let skippableFrame: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]
        let cases: [(content: [UInt8], size: Int, text: String)] = [
            (frame, 3999, "another size"), (frame, 4001, "another size"),
            (frame + frame, 4000, "frame ends after"), (frame + [0], 4000, "frame ends after"),
            (Array(frame.dropLast()), 4000, "does not decompress"),
            (skippableFrame, 0, "does not start with"), ([], 0, "does not start with"),
            (frame, 64 << 20, "another size"),
        ]
        for (content, size, text) in cases {
            var file = try Self.small()
            file.chunks[0].flags = 2
            file.chunks[0].content = content
            file.chunks[0].contentSize = size
            file.header = {
                $0.contentSize = min($0.contentSize, SnapshotLimits.fileSize)
            }
            try expect(file, .compression, chunk: .vcpus, offset: 76, text)
        }
    }

    @Test("Content of the VCPU chunk that breaks a rule")
    func vcpuContent() throws {
        let id: [UInt8] = try Self.small().chunks[0].content[1..<10].map { $0 }
        let undefined = ByteWriter.variable(0x6090_0000_0000_0001)
        let cases: [(content: [UInt8], vcpus: Int, registers: Int, text: String)] = [
            ([0] + id, 1, 1, "a set of registers needs 1 bytes"),
            ([0] + id + [0, 1, 1, 9], 1, 1, "1 bytes are left over"),
            ([0] + id + [0, 1], 1, 1, "a register value needs 1 bytes"),
            ([0] + id + [0, 9] + id, 1, 1, "9 bytes in a register of 8"),
            ([0] + id + [0, 253] + id, 1, 1, "253 bytes in a register of 8"),
            ([0] + id + [0, 255], 1, 1, "(same) without an earlier value"),
            ([0, 0] + id + [0, 0, 1, 254, 1], 2, 1, "(step) without two earlier values"),
            ([0] + id + [1, 1, 1], 1, 1, "selector 1"),
            ([0] + id + [3, 1, 1], 1, 1, "selector 3"),
            ([0] + id + [2, 2, 1, 1], 1, 1, "bits beyond the last register"),
            ([0] + id + [2, 0], 1, 1, "belongs to no vCPU"),
            (id, 0, 1, "belongs to no vCPU"),
            ([0] + undefined + [0, 0], 1, 1, "size that KVM does not define"),
            ([0x80, 0] + id + [0, 1, 1], 1, 1, "longer than it needs"),
            ([0] + [UInt8](repeating: 0xff, count: 9) + [2], 1, 1, "above 64 bits"),
            ([0] + [UInt8](repeating: 0xff, count: 9) + [1, 0], 1, 2, "above 64 bits"),
            (ByteWriter.variable(1 << 32) + id + [0, 1, 1], 1, 1, "above 32 bits"),
        ]
        for (content, vcpus, registers, text) in cases {
            var file = try Self.small()
            file.chunks[0].content = content
            (file.vcpuCount, file.registerCount) = (vcpus, registers)
            let error = try #require(failure(reading: file.bytes), "\(text)")
            #expect(error.code == .malformed && error.chunk == .vcpus, "\(text): \(error)")
            #expect(error.message.contains(text), "\(text): \(error)")
            #expect(76...76 + content.count ~= (error.offset ?? 0), "\(text): \(error)")
        }
    }

    @Test("Values that one byte each would blow up beyond the limit")
    func valueBytes() throws {
        var writer = ByteWriter()
        writer.append(ascending: (0..<4096).map { UInt64($0) })
        writer.append(ascending: (0..<512).map { 0x6080_0000_0000_0000 + UInt64($0) })
        writer.append([UInt8](repeating: 0, count: 4096 + 4096 * 512))
        var file = try CraftedFile()
        file.chunks[0].content = writer.bytes
        (file.vcpuCount, file.registerCount) = (4096, 512)
        let error = try #require(failure(reading: file.bytes))
        #expect(error.code == .limitExceeded && error.message.contains("all values"))
    }

    @Test("Provenance that breaks a rule")
    func provenance() throws {
        let cases: [(content: [UInt8], text: String)] = [
            ([0, 1, 0x61], "a key is empty"), ([1, 0x61], "the length of a value needs 1"),
            ([1, 0x61, 2, 0x62], "a value needs 2 bytes"),
            ([1, 0x61, 1, 0x0a], "a value has a control character"),
            ([1, 0xff, 0], "a key is not UTF-8"),
            ([1, 0x61, 0, 1, 0x61, 0], "\"a\" stands twice"),
        ]
        for (content, text) in cases {
            var file = try Self.small()
            file.chunks.append(.init(kind: .provenance, flags: 1, content: content))
            let error = try #require(failure(reading: file.bytes))
            #expect(error.code == .malformed && error.chunk == .provenance, "\(error)")
            #expect(error.message.contains(text), "\(error)")
        }
    }

    @Test("Provenance above its limits")
    func provenanceLimits() throws {
        var file = try Self.small()
        file.chunks.append(
            .init(kind: .provenance, flags: 1, content: ByteWriter.variable(4097)))
        #expect(failure(reading: file.bytes)?.code == .limitExceeded)
        var writer = ByteWriter()
        for number in 0...1024 {
            writer.append([4] + String(1000 + number).utf8 + [0])
        }
        file.chunks[1].content = writer.bytes
        #expect(failure(reading: file.bytes)?.code == .limitExceeded)
    }

    @Test("Snapshots the writer refuses")
    func writer() throws {
        let empty = RegisterList()
        var provenance = Provenance()
        provenance[.init(rawValue: "")] = "of no key"
        var alike = Provenance()
        for end in ["\n", "\u{7f}"] { alike[.init(rawValue: "x-" + end)] = "one" }
        let cases: [(Snapshot, Code)] = [
            (
                Snapshot(
                    provenance: Provenance(),
                    vcpus: [1, 1].map { VCPUState(index: $0, registers: empty) }),
                .invalidSnapshot
            ),
            (
                Snapshot(
                    provenance: Provenance(),
                    vcpus: (0...4096).map { VCPUState(index: $0, registers: empty) }),
                .limitExceeded
            ),
            (Snapshot(provenance: provenance, vcpus: []), .invalidSnapshot),
            (Snapshot(provenance: alike, vcpus: []), .invalidSnapshot),
        ]
        for (snapshot, code) in cases {
            do throws(SnapshotFormatError) {
                _ = try SnapshotWriter.encode(snapshot)
                Issue.record("writing should fail with \(code)")
            } catch {
                #expect(error.code == code, "\(error)")
            }
        }
    }

    /// Names of machines and processes come from elsewhere, and a VM was stopped to read them.
    @Test("Text that the format does not allow costs characters, not the snapshot")
    func foreignProvenance() throws {
        var provenance = Provenance()
        provenance[.qemuMachine] = "virt\u{1b}[31m\n\u{7f}\u{9b}é"
        provenance[.vmm] = String(repeating: "ü", count: 3000)
        let bytes = try SnapshotWriter.encode(Snapshot(provenance: provenance, vcpus: []))
        let found = try SnapshotReader.decode(bytes).provenance
        #expect(found[.qemuMachine] == "virt\u{fffd}[31m\u{fffd}\u{fffd}\u{9b}é")
        #expect(found[.vmm] == String(repeating: "ü", count: 2048))
    }

    @Test("What a later version has beyond this one is told")
    func unknownContent() throws {
        var reader = SnapshotReader(try Golden.bytes("future-minor-version"))
        _ = try reader.decode()
        #expect(
            reader.unknown.description
                == "2 chunks (NOTE, NOTE), features 0x80000000, 8 bytes of header")
        reader = SnapshotReader(try Golden.bytes("tiny"))
        _ = try reader.decode()
        #expect(reader.unknown.isEmpty)
    }

    @Test("A kind that is not printable is shown as the bytes that stand in the file")
    func unprintableKind() {
        #expect(ChunkKind(rawValue: 0x4a32_5b1b).description == "0x1b5b324a")
        #expect(ChunkKind(rawValue: 0).description == "0x00000000")
    }

    @Test("The text of an error")
    func description() throws {
        var bytes = try Self.small().bytes
        bytes[80] ^= 1
        let error = try #require(failure(reading: bytes))
        #expect(error.description.hasPrefix("VCPU chunk, byte 72: the checksum is 0x"))
        #expect(error.code.description == "checksumMismatch")
    }
}

extension ByteWriter {
    fileprivate static func variable(_ value: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(variable: value)
        return writer.bytes
    }
}
