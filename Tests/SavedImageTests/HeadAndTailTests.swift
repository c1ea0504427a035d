import LinuxSystem
import SeededRandom
import Testing

@Suite("The two ends of what can be read only once")
struct KeptEndsTests {
    /// The bytes in chunks of random sizes.
    private func ends(
        _ bytes: [UInt8], first: Int, last: Int, using generator: inout SeededGenerator
    ) -> HeadAndTail {
        var rest = bytes[...]
        return HeadAndTail(of: "pipe", first: first, last: last) {
            let chunk = rest.prefix(.random(in: 1...40, using: &generator))
            rest = rest.dropFirst(chunk.count)
            return Array(chunk)
        }
    }

    @Test("Every range that was kept is right, every other one is refused")
    func everyRange() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<40 {
            let count = Int.random(in: 0...60, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let first = Int.random(in: 0...20, using: &generator)
            let last = Int.random(in: 1...30, using: &generator)
            let kept = ends(bytes, first: first, last: last, using: &generator)
            #expect(kept.size == count)
            for start in 0...count {
                for end in start...count {
                    let isKept =
                        start == end || end <= first || start >= count - last
                        || first >= count - last
                    let read = try? kept.read(at: Int64(start), count: end - start)
                    // Expectations are slow, and these are many.
                    if read == (isKept ? Array(bytes[start..<end]) : nil) { continue }
                    Issue.record("seed \(seed), round \(round), \(start)..<\(end)")
                }
            }
        }
    }

    @Test("What was not kept, and what is not there, are different errors")
    func errors() throws {
        var chunks = 5
        let kept = HeadAndTail(of: "pipe", first: 4, last: 4) {
            chunks -= 1
            return chunks < 0 ? [] : [1, 2, 3, 4]
        }
        #expect(throws: FileError(.read, "pipe", .illegalSeek)) { try kept.read(at: 2, count: 4) }
        for (offset, count) in [(-1, 1), (18, 4), (0, -1), (Int64.max, 1), (21, 0)] {
            #expect(throws: FileError(.read, "pipe", .invalidArgument)) {
                try kept.read(at: offset, count: count)
            }
        }
        #expect(try kept.read(at: 20, count: 0) == [])
    }

    @Test("An error in between comes out")
    func readingFails() {
        let error = FileError(.read, "pipe", .io)
        #expect(throws: error) {
            try HeadAndTail(of: "pipe") { () throws(FileError) in throw error }
        }
    }
}
