import CLinux
import LinuxSystem
import SeededRandom
import TestFiles
import Testing

@testable import QEMUStream

/// One of the programs; tests are skipped where it is not installed.
private func needs(_ compression: Compression) -> ConditionTrait {
    .enabled(if: Programs.has(compression.program), "needs \(compression.program)")
}

@Suite("Compressed files")
struct CompressionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test(needs(.gzip)) func gzip() throws { try check(.gzip, 1) }
    @Test(needs(.bzip2)) func bzip2() throws { try check(.bzip2, 2) }
    @Test(needs(.xz)) func xz() throws { try check(.xz, 3) }
    @Test(needs(.lzop)) func lzop() throws { try check(.lzop, 4) }
    @Test(needs(.zstd)) func zstd() throws { try check(.zstd, 5) }

    /// All of it for one program: as a file of its own and in libvirt's image, from files and pipes,
    /// sound, cut off and damaged.
    private func check(_ compression: Compression, _ format: UInt32) throws {
        let stream = Images.stream(300_000) + [UInt8](repeating: 0, count: 100_000)
        let packed = try Programs.run(compression.program, ["-c"], input: stream)
        let header = Images.libvirtHeader(format: format, bigEndian: true)
        for (bytes, isOfLibvirt) in [(packed, false), (header + packed, true)] {
            try reads(bytes, stream, isOfLibvirt, compression)
            try fails(Array(bytes.dropLast(20)), compression)
            var damaged = bytes
            for place in (bytes.count * 3 / 4)..<(bytes.count * 3 / 4 + 50) {
                damaged[place] ^= 0x55
            }
            try fails(damaged, compression)
        }
        let text = try Programs.run(
            compression.program, ["-c"], input: [UInt8](repeating: 0x41, count: 1_000_000))
        try refuses(text, .notRecognized, saying: "decompressed, it begins with 41 41")
        try refuses(
            header + text, .malformed, saying: "at byte 0, decompressed: a QEMU stream was expected"
        )
    }

    private func reads(
        _ bytes: [UInt8], _ stream: [UInt8], _ isOfLibvirt: Bool,
        _ compression: Compression
    ) throws {
        for name in try folder.both(bytes) {
            let image = try SavedImage.open(name)
            #expect(image.compression == compression)
            #expect(image.streamOffset == 0)
            #expect(try image.stream.all() == stream)
            #expect(try image.libvirt?.xml == (isOfLibvirt ? Images.xml : nil))
        }
    }

    private func fails(_ bytes: [UInt8], _ compression: Compression) throws {
        try refuses(bytes, .programFailed, saying: "\(compression.program), which decompresses it")
    }

    private func refuses(
        _ bytes: [UInt8], _ code: SavedImageError.Code, saying words: String
    ) throws {
        for name in try folder.both(bytes) {
            let error = try failure(code) { _ = try SavedImage.open(name) }
            #expect(error.description.contains(words), "\(error)")
            if code == .programFailed { #expect(error.isDecompressed && error.offset != nil) }
        }
    }

    @Test("A program whose output is of no use is stopped", needs(.gzip))
    func stopped() throws {
        let bytes = [UInt8](repeating: 0x41, count: 20_000_000)
        try refuses(
            try Programs.run("gzip", ["-1", "-c"], input: bytes), .notRecognized, saying: "41 41")
    }

    @Test("libvirt's image can be compressed once more", needs(.gzip))
    func twice() throws {
        let stream = Images.stream(100_000)
        func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
            try Programs.run("gzip", ["-c"], input: bytes)
        }
        let image = Images.libvirtHeader(format: 1) + (try gzip(stream))
        let raw = try gzip(Images.libvirtHeader() + stream)
        for name in try folder.both(raw) {
            let image = try SavedImage.open(name)
            #expect(image.compression == .gzip && image.libvirt?.format == .raw)
            #expect(image.streamOffset == Images.libvirtHeader().count)
            #expect(try image.libvirt?.xml == Images.xml)
            #expect(try image.stream.all() == stream)
        }
        let opened = try SavedImage.open(try folder.file(try gzip(image)))
        #expect(try opened.stream.all() == stream)
        #expect(opened.libvirt?.format == .gzip)
        try refuses(
            try gzip(try gzip(try gzip(stream))), .limitExceeded, saying: "decompress it first")
        try refuses(
            try gzip([0x51, 0x46, 0x49, 0xfb]), .unsupported, saying: "qcow2 image is compressed")
    }

    @Test("A program that is not there is an error of starting it")
    func missingProgram() {
        var child = clinux_child()
        #expect(clinux_spawn("vcpusnap-no-such-program\0-dc", 2, 0, -1, &child) == -2)
        let error = Decompressor.startError(.xz, "vm.save", .noEntry)
        #expect(error.code == .programMissing)
        #expect(
            error.description
                == "\"vm.save\": it is compressed by xz, and there is no program xz on the PATH: "
                + "install it (Debian's package is xz-utils)")
    }

    @Test("Random damage of compressed files never crashes or hangs", needs(.gzip))
    func damage() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("CompressionTests.damage: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let packed = try Programs.run("gzip", ["-c"], input: Images.stream(20_000))
        for bytes in [packed, Images.libvirtHeader(format: 1) + packed] {
            for _ in 0..<40 {
                let damaged = Images.damage(bytes, in: bytes.indices, using: &generator)
                guard let image = try? SavedImage.open(try folder.file(damaged)) else { continue }
                _ = try? image.stream.all()
            }
        }
    }
}
