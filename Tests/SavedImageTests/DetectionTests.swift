import LinuxSystem
import TestFiles
import Testing

@testable import Machines
@testable import QEMUStream

@Suite("What a file is follows from its first bytes")
struct DetectionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test(
        "Every kind",
        arguments: [
            ("QEVM", "QEMU stream"), ("QFI\u{fb}", "qcow2 image"),
            ("LibvirtQemudSave", "libvirt image"), ("LibvirtQemudPart", "libvirt image"),
            ("BZh9", "compressed stream"), ("\u{1f}\u{8b}\u{8}", "compressed stream"),
            ("\u{fd}7zXZ\0", "compressed stream"),
            ("\u{89}LZO\0\r\n\u{1a}\n", "compressed stream"),
            ("(\u{b5}/\u{fd}", "compressed stream"), ("\u{f6}vCS\r\n\u{1a}\n", "snapshot"),
            ("vhost 1\n", "host profile"), ("vhost 2\r\n", "host profile"),
            ("\u{ef}\u{bb}\u{bf}vhost 1", "host profile"),
        ])
    func kinds(_ text: String, _ kind: String) {
        func found(_ bytes: [UInt8]) -> String? {
            SourceKinds.file(beginning: bytes)?.summary.grammar
        }
        let magic = text.unicodeScalars.map { UInt8($0.value) }
        #expect(found(magic + [1, 2, 3]) == kind)
        #expect(found(magic) == kind)
        #expect(magic.count <= ImageInput.prefixSize)
        // Less of a snapshot is one that was cut off.
        for count in 1..<3 where kind != "snapshot" {
            #expect(found(Array(magic.prefix(count))) == nil)
        }
    }

    @Test("The input of a snapshot can be read from its beginning, from files and pipes")
    func inputGoesOn() throws {
        let bytes: [UInt8] =
            [0xf6, 0x76, 0x43, 0x53, 0x0d, 0x0a, 0x1a, 0x0a] + Images.stream(300_000)
        for path in try folder.both(bytes) {
            let input = try ImageInput(opening: path)
            #expect(input.prefix == Array(bytes.prefix(ImageInput.prefixSize)))
            var read: [UInt8] = []
            while true {
                let piece = try input.read(upTo: 1000)
                #expect(piece.count <= 1000)
                if piece.isEmpty { break }
                read += piece
            }
            #expect(read == bytes)
        }
    }

    @Test("A stream alone: the file itself")
    func stream() throws {
        let bytes = Images.stream(5000)
        let image = try SavedImage.open(try folder.file(bytes))
        #expect(image.streamOffset == 0)
        #expect(image.compression == nil && image.libvirt == nil && image.snapshot == nil)
        #expect(image.stream is SeekableFile)
        #expect(try image.stream.all() == bytes)
    }

    @Test("A stream in a pipe: its ends")
    func pipe() throws {
        let bytes = Images.stream(400_000)
        let image = try SavedImage.open(try folder.pipe(bytes))
        #expect(image.stream is HeadAndTail)
        #expect(try image.stream.all() == bytes)
    }

    @Test("A pipe of which the first bytes were read")
    func prefix() throws {
        let bytes = Images.stream(100_000)
        for count in [0, 1, 16, 64] {
            let rest = try ByteStream(opening: try folder.pipe(bytes))
            let prefix = try rest.read(upTo: count)
            let image = try ImageInput(prefix: prefix, rest: rest, name: "pipe")
                .image(snapshot: nil)
            #expect(image.stream.name == "pipe")
            #expect(try image.stream.all() == bytes)
        }
    }

    @Test("What is no saved image says what it is")
    func unknown() throws {
        for (bytes, words) in [
            ([], "it is empty"), ([0x41], "it begins with 41 (\"A\")"),
            (Array("just some text that goes on".utf8), "6a 75 73 74"),
            ([0x7f, 0x45, 0x4c, 0x46, 2, 1], "virsh dump"),
            ([0xf6, 0x76, 0x43, 0x53, 0x0d, 0x0a, 0x1a, 0x0a], "a snapshot of vcpusnap"),
        ] as [([UInt8], String)] {
            for name in try folder.both(bytes) {
                let error = try failure(.notRecognized) { _ = try SavedImage.open(name) }
                #expect(error.description.contains(words), "\(error)")
                #expect(error.description.contains("\"\(name)\""), "\(error)")
                #expect(error.description.contains("QEMU migration stream"), "\(error)")
            }
        }
    }

    @Test("Another version of QEMU's stream, and the beginning of one")
    func streamVersion() throws {
        let old = try folder.file(Array("QEVM".utf8) + [0, 0, 0, 2] + [0])
        #expect(try failure(.unsupported) { _ = try SavedImage.open(old) }.offset == 4)
        let short = try folder.file(Array("QEVM".utf8) + [0, 0])
        #expect(try failure(.malformed) { _ = try SavedImage.open(short) }.offset == 6)
    }

    @Test("Files that cannot be opened, and a choice where there is none")
    func openErrors() throws {
        let missing = folder.path + "/missing"
        #expect(try failure(.readFailed) { _ = try SavedImage.open(missing) }.errno == .noEntry)
        let directory = try failure(.readFailed) { _ = try SavedImage.open(folder.path) }
        #expect(directory.errno == .isDirectory)
        let stream = try folder.file(Images.stream(100))
        let error = try failure(.noSuchSnapshot) { _ = try SavedImage.open(stream, snapshot: "a") }
        #expect(error.message.contains("qcow2"))
    }
}
