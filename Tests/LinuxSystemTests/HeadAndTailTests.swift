import LinuxSystem
import SeededRandom
import Testing

/// Gives bytes in chunks, once.
private final class Chunks {
    private var chunks: [[UInt8]]

    init(_ chunks: [[UInt8]]) {
        self.chunks = chunks.reversed()
    }

    func next() -> [UInt8] { chunks.popLast() ?? [] }
}

/// The ends of what the chunks give.
private func ends(
    of source: Chunks, first: Int, last: Int,
    passing pass: ([UInt8]) throws(FileError) -> Void = { (_) throws(FileError) in }
) throws(FileError) -> HeadAndTail {
    let ends = HeadAndTail(of: "pipe", first: first, last: last)
    while true {
        let bytes = source.next()
        if bytes.isEmpty { return ends }
        try pass(ends.surplus(appending: bytes))
        ends.append(bytes)
    }
}

@Suite("Ends kept of a pipe")
struct KeptEndsTests {
    /// Where reading is refused, the bytes must have gone by; elsewhere they are as they came.
    private func check(
        _ ends: HeadAndTail, _ all: [UInt8], first: Int, last: Int, _ offset: Int, _ count: Int,
        _ comment: Comment
    ) {
        let range = offset..<offset + count
        let tail = max(0, all.count - last)
        let isKept =
            count == 0 || range.upperBound <= min(first, all.count) || tail <= first
            || range.lowerBound >= tail
        do throws(FileError) {
            let bytes = try ends.read(at: Int64(offset), count: count)
            #expect(bytes == Array(all[range]), comment)
        } catch {
            #expect(!isKept, comment)
            #expect(error == FileError(.read, "pipe", .illegalSeek), comment)
        }
    }

    @Test("Whatever the sizes and chunks, both ends are right and the middle is ESPIPE")
    func randomChunks() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<400 {
            let comment: Comment = "seed \(seed), round \(round)"
            let first = Int.random(in: 0...40, using: &generator)
            let last = Int.random(in: 1...60, using: &generator)
            let all = pattern(
                Int.random(in: 0...200, using: &generator), salt: UInt8(round & 0xff))
            var chunks: [[UInt8]] = []
            var rest = all[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...90, using: &generator)
                chunks.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let source = Chunks(chunks)
            var passed: [UInt8] = []
            let ends = try ends(of: source, first: first, last: last) {
                (bytes) throws(FileError) in passed += bytes
            }
            #expect(ends.size == Int64(all.count), comment)
            #expect(ends.lastBytesStart == Int64(max(0, all.count - last)), comment)
            // What was passed on and what is kept of the end is everything, once.
            #expect(passed == Array(all.prefix(passed.count)), comment)
            #expect(passed.count == Int(ends.lastBytesStart), comment)
            for _ in 0..<20 {
                let offset = Int.random(in: 0...all.count, using: &generator)
                let count = Int.random(in: 0...all.count - offset, using: &generator)
                check(ends, all, first: first, last: last, offset, count, comment)
            }
        }
    }

    @Test("Ends that meet make everything readable")
    func meetingEnds() throws {
        let all = pattern(100)
        let source = Chunks([Array(all[..<33]), Array(all[33...])])
        let ends = try ends(of: source, first: 40, last: 60)
        #expect(try ends.read(at: 0, count: 100) == all)
        #expect(try ends.read(at: 39, count: 2) == Array(all[39...40]))
    }

    @Test("A byte between the ends is gone, also for a range that has both")
    func goneByte() throws {
        let all = pattern(101)
        let source = Chunks([all])
        let ends = try ends(of: source, first: 40, last: 60)
        #expect(try ends.read(at: 0, count: 40) == Array(all[..<40]))
        #expect(try ends.read(at: 41, count: 60) == Array(all[41...]))
        for (offset, count) in [(40, 1), (0, 101), (39, 3)] {
            #expect(throws: FileError(.read, "pipe", .illegalSeek)) {
                try ends.read(at: Int64(offset), count: count)
            }
        }
    }

    @Test("Ranges that are not inside are EINVAL")
    func rangesOutside() throws {
        let source = Chunks([pattern(10)])
        let ends = try ends(of: source, first: 4, last: 4)
        for (offset, count) in [(Int64(-1), 1), (10, 1), (.max, 1), (0, .max), (0, -1)] {
            #expect(throws: FileError(.read, "pipe", .invalidArgument)) {
                try ends.read(at: offset, count: count)
            }
        }
    }

    @Test("An error of the source ends the reading")
    func errors() {
        #expect(throws: FileError(.read, "source", .io)) {
            try HeadAndTail(of: "pipe", first: 4, last: 4) { () throws(FileError) in
                throw FileError(.read, "source", .io)
            }
        }
    }
}
