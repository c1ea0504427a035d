import Foundation
import LinuxSystem
import SeededRandom
import TestFiles
import Testing

@testable import Machines
@testable import QEMUStream

extension SavedImage {
    /// The stream in a file or named pipe, of whatever kind.
    static func open(
        _ path: String, snapshot: String? = nil
    ) throws(SavedImageError) -> SavedImage {
        try ImageInput(opening: path).image(snapshot: snapshot)
    }
}

extension Images {
    /// The header of a QEMU stream, and something random behind it.
    static func stream(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes = Array("QEVM".utf8) + [0, 0, 0, 3]
        while bytes.count < count { bytes += big(generator.next()) }
        return Array(bytes.prefix(count))
    }

    /// Some bytes of the range changed, or the end cut off from one of them.
    static func damage(
        _ bytes: [UInt8], in range: Range<Int>, using generator: inout SeededGenerator
    ) -> [UInt8] {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: range, using: &generator)
            guard place < damaged.count else { continue }
            switch Int.random(in: 0...5, using: &generator) {
            case 0: damaged.removeSubrange(place...)
            case 1: damaged[place] = .random(in: 0...255, using: &generator)
            case 2: damaged[place] = 0xff
            default: damaged[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            }
        }
        return damaged
    }
}

extension TemporaryFolder {
    /// A file with these bytes, instead of the one before; its path.
    func file(_ bytes: [UInt8]) throws -> String {
        try make("image", bytes)
    }

    /// A named pipe that somebody writes these bytes to, once; its path.
    func pipe(_ bytes: [UInt8]) throws -> String {
        // A test that stops reading a pipe must not end all tests.
        signal(SIGPIPE, SIG_IGN)
        let path = file("pipe\(try names.count)")
        try #require(mkfifo(path, 0o600) == 0)
        Thread.detachNewThread {
            // A program that inherited it would keep the pipe from ending.
            let writer = FileHandle(
                fileDescriptor: open(path, O_WRONLY | O_CLOEXEC), closeOnDealloc: true)
            try? writer.write(contentsOf: Data(bytes))
        }
        return path
    }

    /// The bytes as a file and as a pipe.
    func both(_ bytes: [UInt8]) throws -> [String] {
        [try file(bytes), try pipe(bytes)]
    }
}

/// The system's programs, which tests make their files with.
enum Programs {
    static func path(_ name: String) -> String? {
        ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    static func has(_ names: String...) -> Bool {
        names.allSatisfy { path($0) != nil }
    }

    /// What the program makes of its standard input.
    @discardableResult
    static func run(
        _ name: String, _ arguments: [String], input: [UInt8] = []
    ) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: try #require(path(name)))
        process.arguments = arguments
        let (feed, output) = (Pipe(), Pipe())
        process.standardInput = feed
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.start()
        Thread.detachNewThread {
            try? feed.fileHandleForWriting.write(contentsOf: Data(input))
            try? feed.fileHandleForWriting.close()
        }
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(name) \(arguments)")
        return Array(bytes)
    }
}

extension SeekableBytes {
    func all() throws -> [UInt8] {
        try read(at: 0, count: Int(size))
    }
}

/// The error of something that must fail.
func failure(
    _ code: SavedImageError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) throws -> SavedImageError {
    var failure: SavedImageError?
    do {
        try body()
    } catch {
        failure = error as? SavedImageError
        #expect(failure?.code == code, "\(error)", sourceLocation: sourceLocation)
    }
    return try #require(failure, sourceLocation: sourceLocation)
}
