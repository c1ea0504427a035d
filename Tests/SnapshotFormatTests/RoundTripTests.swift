import LinuxSystem
import Registers
import Testing
import VCPUModel

@testable import SnapshotFormat

@Suite("Writing and reading back")
struct RoundTripTests {
    @Test("Random snapshots come back equal, byte for byte the same when written again")
    func random() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var snapshots = RandomSnapshot(seed: seed)
        for number in 0..<150 {
            let snapshot = snapshots.next()
            let bytes = try SnapshotWriter.encode(snapshot, level: number % 19 + 1)
            let decoded = try SnapshotReader.decode(bytes)
            #expect(decoded == snapshot, "seed \(seed), snapshot \(number)")
            #expect(
                try SnapshotWriter.encode(decoded, level: number % 19 + 1) == bytes,
                "seed \(seed), snapshot \(number)")
        }
    }

    @Test("A pipe gives bytes in pieces of any size, and takes them chunk by chunk")
    func pipe() throws {
        var snapshots = RandomSnapshot(seed: 1)
        let snapshot = snapshots.next()
        var parts: [[UInt8]] = []
        try SnapshotWriter.write(snapshot) { parts.append($0) }
        #expect(parts.map { Array($0.prefix(4)) }.last == Array("END ".utf8))
        let bytes = parts.flatMap { $0 }
        let whole = try SnapshotWriter.encode(snapshot)
        #expect(bytes == whole)
        for size in [1, 7, 20, 4096] {
            var rest = bytes[...]
            var reader = SnapshotReader { (maximum: Int) throws(Errno) in
                defer { rest = rest.dropFirst(min(size, maximum)) }
                return Array(rest.prefix(min(size, maximum)))
            }
            #expect(try reader.readHeader().fileSize == bytes.count)
            #expect(try reader.decode() == snapshot)
        }
    }

    @Test("The header is read without reading a byte more")
    func headerOnly() throws {
        let bytes = try SnapshotWriter.encode(Snapshot(provenance: Provenance(), vcpus: []))
        var taken = 0
        var reader = SnapshotReader { (maximum: Int) throws(Errno) in
            defer { taken += maximum }
            return Array(bytes[taken..<taken + maximum])
        }
        let header = try reader.readHeader()
        #expect(taken == 56)
        #expect(header.headerSize == 56 && header.vcpuCount == 0 && header.chunkCount == 2)
    }

    @Test("Errors of the input and the output come with their errno and place")
    func inputAndOutputErrors() throws {
        let bytes = try SnapshotWriter.encode(Snapshot(provenance: Provenance(), vcpus: []))
        var calls = 0
        var reader = SnapshotReader { (maximum: Int) throws(Errno) in
            calls += 1
            guard calls < 3 else { throw .brokenPipe }
            return Array(bytes[(calls == 1 ? 0 : 14)..<(calls == 1 ? 14 : 56)])
        }
        do throws(SnapshotFormatError) {
            _ = try reader.decode()
            Issue.record("reading should fail")
        } catch {
            #expect(error.code == .readFailed && error.errno == .brokenPipe && error.offset == 56)
        }
        do throws(SnapshotFormatError) {
            try SnapshotWriter.write(Snapshot(provenance: Provenance(), vcpus: [])) {
                (part: [UInt8]) throws(Errno) in
                if part.starts(with: Array("END ".utf8)) { throw .noSpace }
            }
            Issue.record("writing should fail")
        } catch {
            #expect(error.code == .writeFailed && error.errno == .noSpace)
            #expect(error.offset == bytes.count - 52)
        }
    }

    @Test("Equal and stepping values of 512 SVE vCPUs take almost nothing")
    func manyVCPUs() throws {
        let wide = try #require(RegisterValue(littleEndian: [UInt8](repeating: 9, count: 256)))
        let z = (0..<32).map { RegisterID(rawValue: 0x6080_0000_0015_0000 + $0 * 32) }
        let shared = try #require(RegisterList(z.map { ($0, wide) }))
        let vcpus = (0..<UInt32(512)).map { index in
            var list = shared
            list.set(
                RegisterValue(UInt64(index) | 1 << 31),
                for: .mpidrEL1)
            return VCPUState(index: index, registers: list)
        }
        let snapshot = Snapshot(provenance: Provenance(), vcpus: vcpus)
        let bytes = try SnapshotWriter.encode(snapshot)
        #expect(bytes.count < 400)
        #expect(try SnapshotReader.decode(bytes) == snapshot)
    }

    @Test("Verifying lists every chunk")
    func verification() throws {
        var provenance = Provenance()
        provenance[.tool] = "test"
        let bytes = try SnapshotWriter.encode(Snapshot(provenance: provenance, vcpus: []))
        var reader = SnapshotReader(bytes)
        let report = try reader.verify()
        #expect(report.isSound && report.problems.isEmpty)
        #expect(report.chunks.map(\.kind) == [.provenance, .vcpus, .end])
        #expect(report.chunks.allSatisfy { $0.checksumMatches && $0.problem == nil })
        #expect(report.chunks.map(\.isSkippable) == [true, false, false])
        #expect(report.digest == Array(bytes.suffix(32)))
    }
}
