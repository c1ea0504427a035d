import Foundation
import LinuxSystem
import SeededRandom
import TestFiles
import Testing

@Suite("Undo files")
struct UndoFileTests {
    /// A file of 70 000 bytes, changed at 66 000 and 68 000.
    private static let original = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    private static let shrinking = FilePatch([
        .init(66_000..<66_500, [1, 2, 3]), .init(68_000..<68_001, [9, 9]),
    ])
    private static let growing = FilePatch([
        .init(66_000..<66_001, [UInt8](repeating: 0xee, count: 5000))
    ])
    private static let steady = FilePatch([.init(66_000..<66_003, [0, 0, 0])])

    private static let patches = [shrinking, growing, steady]

    private func changed(_ patch: FilePatch, _ bytes: [UInt8] = original) -> [UInt8] {
        var result = bytes
        for replacement in patch.replacements.reversed() {
            let range = Int(replacement.range.lowerBound)..<Int(replacement.range.upperBound)
            result.replaceSubrange(range, with: replacement.bytes)
        }
        return result
    }

    private func undo(_ patch: FilePatch, _ bytes: [UInt8] = original) throws -> UndoFile {
        try UndoFile(of: patch, to: MemoryBytes(bytes))
    }

    private func state(
        _ undo: UndoFile, of bytes: [UInt8]
    ) throws(UndoFileError) -> UndoFile.State {
        try undo.state(of: MemoryBytes(bytes))
    }

    // MARK: Layout

    @Test("An undo file has the layout of its page, byte by byte", arguments: 0..<3)
    func layout(number: Int) throws {
        let patch = Self.patches[number]
        let after = changed(patch)
        let encoded = try undo(patch).encoded
        #expect(Array(encoded[0..<8]) == Array("VCPUUNDO".utf8))
        #expect(Array(encoded[8..<16]) == Images.big(2))
        #expect(Array(encoded[16..<24]) == Images.big(70_000))
        #expect(Array(encoded[24..<32]) == Images.big(after.count))
        let start = zip(Self.original, after).prefix { $0 == $1 }.count
        #expect(start >= 66_000)
        #expect(Array(encoded[32..<40]) == Images.big(start))
        let context = SHA256.of([Array(Self.original[(start - 65_536)..<start])])
        #expect(Array(encoded[40..<72]) == context)
        let ends = Array(Self.original[start...]) + Array(after[start...])
        #expect(Array(encoded[72..<encoded.count - 32]) == ends)
        #expect(Array(encoded.suffix(32)) == SHA256.of([Array(encoded.dropLast(32))]))
    }

    @Test(
        "A start near the front has as much context as there is", arguments: [0, 1, 65_535, 65_536])
    func shortContext(start: Int) throws {
        let patch = FilePatch([.init(Int64(start)..<Int64(start), [Self.original[start] ^ 1])])
        let encoded = try undo(patch).encoded
        let context = Array(Self.original[max(0, start - 65_536)..<start])
        #expect(Array(encoded[40..<72]) == SHA256.of([context]))
        #expect(encoded.count == 72 + 70_000 - start + 70_001 - start + 32)
    }

    @Test("What is decoded encodes to the same bytes", arguments: 0..<3)
    func roundTrip(number: Int) throws {
        let undo = try undo(Self.patches[number])
        let again = try UndoFile(decoding: undo.encoded)
        #expect(again.encoded == undo.encoded)
        #expect(try state(again, of: Self.original) == .original)
        #expect(try state(again, of: changed(Self.patches[number])) == .changed)
    }

    @Test("A patch of nothing has nothing to undo")
    func emptyPatch() {
        #expect(throws: UndoFileError.self) { try undo(FilePatch([])) }
    }

    // MARK: Damage

    private func small() throws -> [UInt8] {
        try undo(FilePatch([.init(40..<50, [1, 2])]), Array(Self.original[..<100])).encoded
    }

    @Test("Every cut undo file is refused")
    func cut() throws {
        let encoded = try small()
        for count in encoded.indices {
            #expect(throws: UndoFileError.self, "cut to \(count)") {
                try UndoFile(decoding: Array(encoded.prefix(count)))
            }
        }
        #expect(throws: UndoFileError.self) { try UndoFile(decoding: encoded + [0]) }
    }

    @Test("Every flipped bit is refused")
    func flipped() throws {
        let encoded = try small()
        for position in encoded.indices {
            for bit in 0..<8 {
                var damaged = encoded
                damaged[position] ^= 1 << UInt8(bit)
                #expect(throws: UndoFileError.self, "byte \(position), bit \(bit)") {
                    try UndoFile(decoding: damaged)
                }
            }
        }
    }

    /// An undo file with other numbers and a right checksum.
    private func forged(_ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
        var body = Array(try small().dropLast(32))
        change(&body)
        return body + SHA256.of([body])
    }

    @Test(
        "Numbers that do not fit are refused behind a right checksum",
        arguments: [
            (8, 0), (8, 1), (8, 3), (16, 99), (16, 101), (16, 0), (16, 1 << 62), (24, 39),
            (24, 1 << 63),
            (32, 41), (32, 1 << 63), (32, .max), (16, 40),
        ] as [(Int, UInt64)])
    func forgedNumbers(offset: Int, value: UInt64) throws {
        let bytes = try forged {
            $0.replaceSubrange(offset..<offset + 8, with: Images.big(value))
        }
        #expect(throws: UndoFileError.self) { try UndoFile(decoding: bytes) }
    }

    @Test("A size far below zero is refused")
    func negativeSize() throws {
        let bytes = try forged { $0.replaceSubrange(16..<24, with: Images.big(UInt64(1) << 63)) }
        #expect(throws: UndoFileError.self) { try UndoFile(decoding: bytes) }
    }

    // MARK: States

    @Test("Files before, after and in between are told apart", arguments: 0..<3)
    func states(number: Int) throws {
        let patch = Self.patches[number]
        let undo = try undo(patch)
        let after = changed(patch)
        #expect(try state(undo, of: Self.original) == .original)
        #expect(try state(undo, of: after) == .changed)
        // The new tail was written in part, and the size not changed yet.
        for count in [1, 2, 3, 1000, 3000] where after[66_000...].count > count {
            var partly = Self.original
            let written = Array(after[66_000..<66_000 + count])
            partly.replaceSubrange(
                66_000..<min(partly.count, 66_000 + count), with: written)
            guard partly != after else { continue }
            #expect(try state(undo, of: partly) == .between)
        }
    }

    @Test("Other files are foreign")
    func foreign() throws {
        let undo = try undo(Self.shrinking)
        var other = Self.original
        other[65_999] ^= 1
        #expect(try state(undo, of: other) == .foreign)
        other = Self.original
        other[464] ^= 1
        #expect(try state(undo, of: other) == .foreign)
        #expect(try state(undo, of: Self.original + [0]) == .altered)
        #expect(try state(undo, of: Array(changed(Self.shrinking).dropLast())) == .altered)
        #expect(try state(undo, of: Array(Self.original[..<66_000])) == .altered)
        #expect(try state(undo, of: Array(Self.original[..<100])) == .foreign)
        #expect(try state(undo, of: []) == .foreign)
        // What lies further ahead than the context is not looked at: it may be terabytes.
        other = Self.original
        other[463] ^= 1
        #expect(try state(undo, of: other) == .original)
    }

    @Test("A file that is neither the one nor the other is altered, wherever the change begins")
    func altered() throws {
        for start in [0, 1, 66_000] {
            let patch = FilePatch([
                .init(Int64(start)..<Int64(start + 4), [0xaa, 0xaa, 0xaa, 0xaa])
            ])
            let undo = try undo(patch)
            var later = changed(patch)
            later[69_000] ^= 1
            #expect(try state(undo, of: later) == .altered)
            #expect(try state(undo, of: [UInt8](repeating: 0x55, count: 70_000)) != .between)
            #expect(try state(undo, of: Array("other".utf8)) != .between)
            later = Self.original
            later[start + 1] ^= 0x11
            #expect(
                try state(undo, of: later) == (start == 66_000 || start < 2 ? .altered : .foreign))
        }
    }

    @Test("What a crash has lost of a longer file is zero, and it is restored")
    func lostPages() throws {
        let growing = try undo(Self.growing)
        var lost = changed(Self.growing)
        lost.replaceSubrange(70_000..., with: [UInt8](repeating: 0, count: lost.count - 70_000))
        #expect(try state(growing, of: lost) == .between)
        lost[69_000] = 0x77
        #expect(try state(growing, of: lost) == .altered)
        let shrinking = try undo(Self.shrinking)
        var undone = Self.original
        undone.replaceSubrange(69_600..., with: [UInt8](repeating: 0, count: 400))
        #expect(try state(shrinking, of: undone) == .between)
    }

    // MARK: Version 1

    /// What vcpusnap 0.1.0 wrote.
    private func old(_ patch: FilePatch, _ bytes: [UInt8] = original) throws -> UndoFile {
        let after = changed(patch, bytes)
        let start = Int(try #require(patch.replacements.first).range.lowerBound)
        let numbers = [1, bytes.count, after.count, start].flatMap { Images.big($0) }
        let context = SHA256.of([Array(bytes[max(0, start - 65_536)..<start])])
        let body =
            Array("VCPUUNDO".utf8) + numbers + context + SHA256.of([Array(after[start...])])
            + bytes[start...]
        return try UndoFile(decoding: body + SHA256.of([body]))
    }

    @Test("Undo files of version 1 tell as much as they can", arguments: 0..<3)
    func version1(number: Int) throws {
        let patch = Self.patches[number]
        let undo = try old(patch)
        let after = changed(patch)
        #expect(try state(undo, of: Self.original) == .original)
        #expect(try state(undo, of: after) == .changed)
        #expect(try restored(after, by: undo) == Self.original)
        // All was written, and nothing cut yet.
        let notCut = after + Self.original.dropFirst(after.count)
        #expect(try state(undo, of: notCut) == (notCut == after ? .changed : .between))
        let notCutBack = Self.original + after.dropFirst(Self.original.count)
        #expect(
            try state(undo, of: notCutBack) == (notCutBack == Self.original ? .original : .between))
        // What was torn apart cannot be told from what somebody changed.
        let torn = Array(after.prefix(66_002)) + Self.original.dropFirst(66_002)
        #expect(try state(undo, of: torn) == .altered)
        #expect(undo.originalOffset == 104 && undo.changedBytes == nil)
    }

    @Test("An undo file of version 1 from the first byte on fits its own file alone")
    func version1FromTheStart() throws {
        let undo = try old(FilePatch([.init(0..<2, [0xaa, 0xaa, 0xaa])]), Array("whole file".utf8))
        #expect(try state(undo, of: Array("whole file".utf8)) == .original)
        for other in ["whole fil", "another file", "xxxxxxxxxx", "xxxxxxxxxxx", "", "whole fil3"] {
            let state = try state(undo, of: Array(other.utf8))
            #expect(state == .altered, "\(other)")
        }
    }

    // MARK: Undoing

    /// Whether a file is restored by it.
    private func isOurs(_ undo: UndoFile, _ bytes: [UInt8]) throws -> Bool {
        [.original, .changed, .between].contains(try state(undo, of: bytes))
    }

    /// Undoes on a real file.
    private func restored(_ bytes: [UInt8], by undo: UndoFile) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = try folder.make("changed", bytes)
        let file = try LockedFile(path, for: .readingAndWriting)
        try file.replaceEnd(from: undo.start, with: undo.original)
        return try folder.bytes("changed")
    }

    @Test("Undoing restores the bytes from every state of a change", arguments: 0..<3)
    func undoing(number: Int) throws {
        let patch = Self.patches[number]
        let undo = try UndoFile(decoding: try undo(patch).encoded)
        let after = changed(patch)
        #expect(try restored(after, by: undo) == Self.original)
        #expect(try restored(Self.original, by: undo) == Self.original)
        let newTail = Array(after[66_000...])
        for count in stride(from: 0, through: newTail.count, by: 617) {
            // As replaceEnd leaves it when it is interrupted: some of the new tail over the old.
            var partly = Array(Self.original[..<66_000]) + newTail.prefix(count)
            if partly.count < Self.original.count { partly += Self.original[partly.count...] }
            #expect(try isOurs(undo, partly), "\(count)")
            #expect(try restored(partly, by: undo) == Self.original, "\(count)")
        }
        // Undoing itself was interrupted: some of the old tail over the new one.
        for count in stride(from: 0, through: 4000, by: 617) {
            var partly = Array(Self.original[..<(66_000 + count)])
            if partly.count < after.count { partly += after[partly.count...] }
            #expect(try isOurs(undo, partly), "\(count)")
            #expect(try restored(partly, by: undo) == Self.original, "\(count)")
        }
    }

    @Test("Random patches are undone")
    func randomPatches() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<100 {
            let bytes = Array(Self.original.prefix(Int.random(in: 1...500, using: &generator)))
            let middle = Int.random(in: 0..<bytes.count, using: &generator)
            let patch = FilePatch([
                .init(
                    Int64(middle)..<Int64(Int.random(in: middle...bytes.count, using: &generator)),
                    (0..<Int.random(in: 0...80, using: &generator)).map { UInt8($0) })
            ])
            let undo = try UndoFile(decoding: try undo(patch, bytes).encoded)
            let after = changed(patch, bytes)
            #expect(
                try state(undo, of: after) == (after == bytes ? .original : .changed),
                "seed \(seed), round \(round)")
            #expect(
                Array(after.prefix(Int(undo.start))) + undo.original == bytes, "seed \(seed)")
        }
    }

    @Test("A change with too much after it is refused before anything is read")
    func tooMuch() {
        final class Huge: SeekableBytes {
            let name = "huge"
            let size: Int64 = 1 << 40
            func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
                throw FileError(.read, name, .io)
            }
        }
        do throws(UndoFileError) {
            _ = try UndoFile(of: FilePatch([.init(5..<6, [])]), to: Huge())
            Issue.record("it was taken")
        } catch {
            #expect(error == .tooLong((1 << 40) - 5))
        }
    }

    /// As sparse files can be.
    private final class LargestFile: SeekableBytes {
        let name = "largest"
        let size = Int64.max

        func read(at offset: Int64, count: Int) -> [UInt8] { Array(repeating: 7, count: count) }
    }

    @Test func aFileThatWouldGrowBeyondAllSizesIsRefused() throws {
        let file = LargestFile()
        let place = Int64.max - 100
        #expect(throws: UndoFileError.file(FileError(.change, "largest", .fileTooLarge))) {
            try UndoFile(of: FilePatch([.init(place..<place + 1, [1, 2])]), to: file)
        }
        let undo = try UndoFile(of: FilePatch([.init(place..<place + 2, [1, 2])]), to: file)
        #expect(undo.start == place)
        #expect(try undo.state(of: file) == .original)
    }
}
