import Foundation
import SeededRandom
import Testing
import VCPUModel

@testable import SnapshotFormat

@Suite("Damaged files give an error that says where")
struct DamageTests {
    let bytes: [UInt8]

    init() throws {
        bytes = try Golden.bytes("sve-one-vcpu")
    }

    @Test("Every truncation")
    func truncation() throws {
        for length in 0..<bytes.count {
            let error = try #require(failure(reading: Array(bytes[..<length])), "\(length) bytes")
            #expect(error.code == .truncated, "\(length) bytes: \(error)")
            #expect(error.offset == length, "\(length) bytes: \(error)")
            #expect(error.errno == nil)
        }
    }

    @Test("Every flipped bit")
    func flippedBits() throws {
        for position in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[position] ^= 1 << UInt8(bit)
                let error = try #require(
                    failure(reading: damaged), "byte \(position), bit \(bit)")
                let offset = try #require(error.offset, "byte \(position), bit \(bit): \(error)")
                #expect(0...bytes.count ~= offset)
                #expect(
                    position < 56 || error.chunk != nil || error.code == .truncated,
                    "byte \(position), bit \(bit): \(error)")
            }
        }
    }

    @Test("Every flipped bit also fails verification, which lists what it can")
    func flippedBitsVerified() {
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            var reader = SnapshotReader(damaged)
            let report = try? reader.verify()
            #expect(report?.isSound != true, "byte \(position)")
            #expect(report == nil || position >= 56)
        }
    }

    @Test("Random damage of any extent never crashes and never succeeds")
    func randomDamage() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<600 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                let position = Int.random(in: damaged.indices, using: &generator)
                switch Int.random(in: 0...3, using: &generator) {
                case 0: damaged.remove(at: position)
                case 1: damaged.insert(.random(in: 0...255, using: &generator), at: position)
                default: damaged[position] = .random(in: 0...255, using: &generator)
                }
            }
            guard damaged != bytes else { continue }
            #expect(failure(reading: damaged) != nil, "seed \(seed), round \(round)")
        }
    }

    @Test("Random content behind right checksums never crashes")
    func randomContent() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let snapshot = try SnapshotReader.decode(Golden.bytes("eight-vcpus"))
        let content = try VCPUChunk(snapshot.vcpus).encoded()
        for _ in 0..<400 {
            var file = try CraftedFile(snapshot)
            var changed = content
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: changed.indices, using: &generator)
                changed[position] = .random(in: 0...255, using: &generator)
            }
            file.chunks[0].content = changed
            // A changed value is a snapshot too; then it must survive another round.
            guard let decoded = try? SnapshotReader.decode(file.bytes) else { continue }
            let again = try SnapshotReader.decode(SnapshotWriter.encode(decoded, level: 1))
            #expect(again == decoded, "seed \(seed)")
        }
    }

    @Test(
        "Text-mode transfers have their own message",
        arguments: ["CR LF to LF", "LF to CR LF", "bit 7 cleared", "Latin-1 to UTF-8", "UTF-8"])
    func textMode(transfer: String) throws {
        let damaged: [UInt8]
        switch transfer {
        case "CR LF to LF": damaged = bytes.replacing([0x0d, 0x0a], with: [0x0a])
        case "LF to CR LF": damaged = bytes.replacing([0x0a], with: [0x0d, 0x0a])
        case "bit 7 cleared": damaged = bytes.map { $0 & 0x7f }
        case "Latin-1 to UTF-8":
            damaged = Array(String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) })).utf8)
        default: damaged = Array(String(decoding: bytes, as: UTF8.self).utf8)
        }
        let error = try #require(failure(reading: damaged))
        #expect(error.code == .textModeDamage && error.offset == 0)
        #expect(error.message.contains("again as binary"))
    }

    @Test(
        "Another file is refused with its first bytes",
        arguments: zip(
            ["QEVM\0\0\0\u{3}", "LibvirtQemudSave", "{\"vcpus\""],
            ["51 45 56 4d", "4c 69 62 76", "7b 22 76 63"]))
    func otherFiles(start: String, found: String) throws {
        let error = try #require(failure(reading: Array(start.utf8) + bytes))
        #expect(error.code == .notASnapshot && error.message.contains("found \(found)"))
    }

    @Test func anEmptyFileIsSaidToBe() {
        #expect(
            failure(reading: [])?.message
                == "the file is empty; name a file that vcpusnap save wrote")
    }
}
