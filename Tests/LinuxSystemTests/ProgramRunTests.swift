import LinuxSystem
import TestFiles
import Testing

/// Programs that do not do what was expected of them.
@Suite("Programs that are run")
struct ProgramRunTests {
    private func shell(
        _ script: String, input: [UInt8] = [], within time: Duration = .seconds(60),
        once isReady: ([UInt8]) -> Bool? = { _ in true }
    ) throws(Errno) -> ProgramRun {
        try ProgramRun(
            ["sh", "-c", script], answering: { isReady($0).map { $0 ? input : [] } }, within: time,
            limit: 1 << 20)
    }

    @Test("What it is given it can give back, and how it ends is told")
    func whole() throws {
        let bytes = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let copy = try shell("cat; echo no >&2; exit 3", input: bytes)
        #expect(copy.output == bytes && copy.errors == Array("no\n".utf8))
        #expect(copy.end == .exit(status: 3) && copy.wasFed)
        #expect(try shell("kill -9 $$").end == .signal(9))
        // It has gone before all of its input was taken.
        #expect(try shell("exec true", input: bytes).end == .exit(status: 0))
    }

    @Test("It gets its input once it is ready, or none")
    func readiness() throws {
        let word = Array("ready\n".utf8)
        let isReady: ([UInt8]) -> Bool? = { $0.count < word.count ? nil : $0.starts(with: word) }
        let ready = try shell("echo ready; cat", input: [1, 2], once: isReady)
        #expect(ready.output == word + [1, 2] && ready.wasFed)
        let other = try shell("echo another; cat", input: [1, 2], once: isReady)
        #expect(other.output == Array("another\n".utf8) && !other.wasFed)
        let silent = try shell("exit 1", input: [1, 2], once: isReady)
        #expect(silent.output.isEmpty && !silent.wasFed)
    }

    @Test("What has no end is ended")
    func endless() throws {
        #expect(throws: Errno.fileTooLarge) { try shell("exec cat /dev/zero") }
        #expect(throws: Errno.timedOut) { try shell("exec sleep 60", within: .milliseconds(200)) }
        #expect(throws: Errno.timedOut) {
            try shell("exec cat /dev/zero >&2", within: .milliseconds(200))
        }
        #expect(throws: Errno.timedOut) {
            try shell("exec >&-; exec sleep 60", within: .milliseconds(200))
        }
        #expect(throws: Errno.timedOut) {
            try shell("exec >&-; exec cat /dev/zero >&2", within: .milliseconds(200))
        }
        #expect(throws: Errno.noEntry) {
            try ProgramRun(["vcpusnap-no-such-program"], within: .seconds(1), limit: 1)
        }
    }

    @Test("Who has its standard error and outlives it is not waited for")
    func survivor() throws {
        let run = try shell("echo first >&2; (exec >&-; sleep 30) & echo out")
        #expect(run.end == .exit(status: 0) && run.output == Array("out\n".utf8))
        #expect(run.errors == Array("first\n".utf8))
    }

    @Test("A descriptor that is passed has its number there")
    func passedDescriptor() throws {
        let folder = try TemporaryFolder()
        let file = try FileDescriptor(opening: try folder.make("file", "passed"), for: .reading)
        let run = try file.withNumber { (number) throws(Errno) in
            try ProgramRun(
                ["sh", "-c", "cat <&3; ls /proc/self/fd | wc -w"], passing: number,
                within: .seconds(60), limit: 1 << 20)
        }
        // The three streams, that one, and the folder that ls reads.
        #expect(String(decoding: run.output, as: UTF8.self) == "passed5\n")
    }
}
