import LinuxSystem
import SeededRandom
import TestFiles
import Testing

@Suite("Names of files as strings")
struct FileNameTests {
    @Test("What is Unicode is the same string, byte for byte")
    func unicode() {
        for name in [
            "", "a", "vm 1.mig", "é", "e\u{301}", "日本", "\u{1F600}", "\u{FFFD}", "/\u{301}x",
        ] {
            let string = FileName.string(of: name.utf8)
            #expect(Array(string.utf8) == Array(name.utf8))
            #expect(FileName.bytes(of: name) == Array(name.utf8))
            #expect(FileName.shown(name) == name)
        }
    }

    @Test("Other bytes are shown by their numbers, and are the same bytes again")
    func otherBytes() {
        let names: [([UInt8], String)] = [
            ([0x61, 0xff, 0x2e], "a\\xff."), ([0xc3], "\\xc3"), ([0xc3, 0x28], "\\xc3("),
            // Overlong, a surrogate, and more than Unicode has.
            ([0xc0, 0xaf], "\\xc0\\xaf"), ([0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"),
            ([0xf4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"), ([0xe2, 0x82], "\\xe2\\x82"),
            // A character that stands for such a byte, in a name.
            (Array("\u{10FEFF}".utf8), "\\xf4\\x8f\\xbb\\xbf"),
        ]
        for (bytes, shown) in names {
            let string = FileName.string(of: bytes)
            #expect(FileName.bytes(of: string) == bytes)
            #expect(FileName.shown(string) == shown)
        }
    }

    @Test("Any bytes come back")
    func randomBytes() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            // Half of them near what Unicode's characters begin with and go on with.
            let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                Bool.random(using: &generator)
                    ? UInt8.random(in: 1...255, using: &generator)
                    : [0x41, 0x80, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0x8f, 0xbb, 0xff]
                        .randomElement(
                            using: &generator) ?? 0x41
            }
            #expect(
                FileName.bytes(of: FileName.string(of: bytes)) == bytes, "seed \(seed): \(bytes)")
        }
    }

    @Test("Files of any name are written, read, listed and removed")
    func files() throws {
        let folder = try TemporaryFolder()
        let name = FileName.string(of: [0x61, 0xff, 0xfe, 0x2e])
        try AtomicFile.replace(folder.file(name), with: [[1, 2, 3]])
        #expect(try Folder.names(in: folder.path) == [name])
        #expect(try File.read(folder.file(name), limit: 10) == [1, 2, 3])
        #expect(try SeekableFile(opening: folder.file(name)).size == 3)
        let locked = try LockedFile(folder.file(name), for: .readingAndWriting)
        try locked.replaceEnd(from: 1, with: [9])
        #expect(try File.readRegular(folder.file(name), limit: 10) == [1, 9])
        try File.remove(folder.file(name))
        #expect(try Folder.names(in: folder.path).isEmpty)
        let missing = #expect(throws: FileError.self) {
            try File.read(folder.file(name), limit: 10)
        }
        #expect(missing?.description.contains("a\\xff\\xfe.") == true)
    }
}
