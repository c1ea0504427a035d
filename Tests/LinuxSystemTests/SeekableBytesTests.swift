import Foundation
import LinuxSystem
import TestFiles
import Testing

@Suite("Bytes that are read at any place")
struct SeekableBytesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func failure(_ body: () throws(FileError) -> Void) -> FileError? {
        do throws(FileError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    // MARK: Files

    @Test("A file gives exactly the bytes asked for")
    func fileRanges() throws {
        let bytes = pattern(1000)
        let path = try folder.make("f", bytes)
        let file = try SeekableFile(opening: path)
        #expect(file.name == path)
        #expect(file.size == 1000)
        for (offset, count) in [(0, 1000), (0, 0), (1000, 0), (999, 1), (500, 123)] {
            #expect(
                try file.read(at: Int64(offset), count: count)
                    == Array(bytes[offset..<offset + count]))
        }
    }

    @Test(
        "Ranges that are not inside are EINVAL, whatever their size",
        arguments: [
            (-1, 1), (0, -1), (1000, 1), (999, 2), (1001, 0), (.max, 1), (1, .max), (.max, .max),
            (.min, 1), (0, .min), (500, .max),
        ] as [(Int64, Int)])
    func rangesOutside(offset: Int64, count: Int) throws {
        let path = try folder.make("f", pattern(1000))
        let file = try SeekableFile(opening: path)
        let slice = SeekableSlice(of: file, from: 0)
        for bytes in [file, slice] as [any SeekableBytes] {
            let error = failure { () throws(FileError) in
                _ = try bytes.read(at: offset, count: count)
            }
            #expect(error == FileError(.read, path, .invalidArgument))
        }
    }

    @Test("What is there of a range can be less, or nothing")
    func whatIsThere() throws {
        let bytes = pattern(100)
        let file = try SeekableFile(opening: try folder.make("f", bytes))
        #expect(try file.readWhatIsThere(at: 90, upTo: 20) == Array(bytes[90...]))
        #expect(try file.readWhatIsThere(at: 0, upTo: 7) == Array(bytes[..<7]))
        #expect(try file.readWhatIsThere(at: 100, upTo: 1).isEmpty)
        #expect(try file.readWhatIsThere(at: -1, upTo: 10).isEmpty)
        #expect(try file.readWhatIsThere(at: .max, upTo: 10).isEmpty)
        #expect(try file.readWhatIsThere(at: 10, upTo: .max) == Array(bytes[10...]))
    }

    @Test("A file that has become shorter is EIO")
    func shrunkFile() throws {
        let path = try folder.make("f", pattern(1000))
        let file = try SeekableFile(opening: path)
        try folder.truncate("f", to: 10)
        #expect(try file.read(at: 0, count: 10) == pattern(10))
        let error = failure { () throws(FileError) in _ = try file.read(at: 5, count: 10) }
        #expect(error == FileError(.read, path, .io))
    }

    @Test("What is no regular file is refused with its name")
    func noRegularFile() throws {
        for (path, errno) in [
            (folder.file("missing"), Errno.noEntry), (folder.path, .isDirectory),
            ("/dev/null", .illegalSeek),
        ] {
            let error = failure { () throws(FileError) in _ = try SeekableFile(opening: path) }
            #expect(error == FileError(.open, path, errno))
        }
        let pipe = Pipe()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        let error = failure { () throws(FileError) in _ = try SeekableFile(opening: path) }
        #expect(error == FileError(.open, path, .illegalSeek))
        try pipe.fileHandleForWriting.close()
    }

    @Test("An empty file has no bytes, and that is no error")
    func emptyFile() throws {
        let file = try SeekableFile(opening: try folder.make("f", []))
        #expect(file.size == 0)
        #expect(try file.read(at: 0, count: 0).isEmpty)
    }

    // MARK: Slices

    @Test("A slice is the rest of its base under offsets of its own")
    func slices() throws {
        let bytes = pattern(100)
        let file = try SeekableFile(opening: try folder.make("f", bytes))
        let slice = SeekableSlice(of: file, from: 40)
        #expect(slice.name == file.name)
        #expect(slice.size == 60)
        #expect(try slice.read(at: 0, count: 60) == Array(bytes[40...]))
        #expect(try slice.read(at: 5, count: 3) == Array(bytes[45..<48]))
        let inner = SeekableSlice(of: slice, from: 60)
        #expect(inner.size == 0)
        #expect(try inner.read(at: 0, count: 0).isEmpty)
        for offset in [Int64(-1), 60] {
            let error = failure { () throws(FileError) in
                _ = try slice.read(at: offset, count: 1)
            }
            #expect(error == FileError(.read, file.name, .invalidArgument))
        }
    }
}
