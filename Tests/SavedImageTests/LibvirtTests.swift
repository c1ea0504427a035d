import LinuxSystem
import SeededRandom
import TestFiles
import Testing

@testable import QEMUStream

@Suite("Images that libvirt saved")
struct LibvirtTests {
    private let folder: TemporaryFolder
    private let stream = Images.stream(3000)

    init() throws {
        folder = try TemporaryFolder()
    }

    private func fails(
        _ code: SavedImageError.Code, _ bytes: [UInt8], at place: Int, saying words: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for name in try folder.both(bytes) {
            let error = try failure(code, sourceLocation: sourceLocation) {
                _ = try SavedImage.open(name)
            }
            #expect(error.description.contains(words), "\(error)", sourceLocation: sourceLocation)
            #expect(error.offset == Int64(place), "\(error)", sourceLocation: sourceLocation)
        }
    }

    @Test(
        "Raw and sparse, in both byte orders, from files and pipes", arguments: [0, 6] as [UInt32])
    func uncompressed(format: UInt32) throws {
        for bigEndian in [false, true] {
            let header = Images.libvirtHeader(
                format: format, bigEndian: bigEndian, running: bigEndian ? 0 : 1)
            for name in try folder.both(header + stream) {
                let image = try SavedImage.open(name)
                let libvirt = try #require(image.libvirt)
                #expect(try image.stream.all() == stream)
                #expect(image.streamOffset == header.count)
                #expect(libvirt.format == (format == 0 ? .raw : .sparse))
                #expect(libvirt.wasRunning == !bigEndian)
                #expect(try libvirt.xml == Images.xml)
                #expect(try libvirt.domainName == "build & test")
            }
        }
    }

    @Test("Version 1 had no formats")
    func versionOne() throws {
        let path = try folder.file(Images.libvirtHeader(format: 7, version: 1) + stream)
        #expect(try SavedImage.open(path).libvirt?.format == .raw)
    }

    @Test("A cookie ends the XML")
    func cookie() throws {
        let text = Array("<a/>".utf8)
        let whole = Images.libvirtHeader(text: text + [0] + text, cookie: 5)
        #expect(try SavedImage.open(try folder.file(whole + stream)).libvirt?.xml == "<a/>")
        let endless = Images.libvirtHeader(text: text + text, cookie: 4)
        let libvirt = try SavedImage.open(try folder.file(endless + stream)).libvirt
        let error = try failure(.malformed) { _ = try libvirt?.xml }
        #expect(error.message.contains("no end"))
        #expect(try SavedImage.open(try folder.file(whole + stream)).libvirt?.domainName == nil)
    }

    @Test("An XML above the limit is an error of its own, and does not hide the stream")
    func longXML() throws {
        let text = [UInt8](repeating: 0x20, count: SavedImageLimits.domainXML + 10)
        let bytes = Images.libvirtHeader(text: text) + stream
        for name in try folder.both(bytes) {
            let image = try SavedImage.open(name)
            #expect(try image.stream.all() == stream)
            let error = try failure(.limitExceeded) { _ = try image.libvirt?.xml }
            #expect(error.message.contains("8388608"))
        }
    }

    @Test("A save that was not finished")
    func unfinished() throws {
        let bytes = Images.libvirtHeader(magic: "LibvirtQemudPart")
        try fails(.unfinished, bytes + stream, at: 0, saying: "did not finish")
        try fails(.unfinished, Array(bytes.prefix(20)), at: 0, saying: "did not finish")
    }

    @Test("Headers that cannot be")
    func headers() throws {
        let header = Images.libvirtHeader()
        try fails(.malformed, Array(header.prefix(91)), at: 91, saying: "at byte 91: ")
        try fails(.malformed, header, at: header.count, saying: "begins at byte \(header.count)")
        try fails(
            .malformed, Array(header.prefix(200)), at: 200, saying: "begins at byte \(header.count)"
        )
        try fails(
            .unsupported, Images.libvirtHeader(version: 0) + stream, at: 16, saying: "version 0")
        try fails(
            .unsupported, Images.libvirtHeader(version: 3) + stream, at: 16, saying: "version")
        try fails(
            .unsupported, Images.libvirtHeader(format: 7) + stream, at: 28, saying: "format 7")
        let noText = Images.libvirtHeader(dataSize: 0)
        try fails(.malformed, noText + stream, at: 20, saying: "0 bytes of XML")
        let cookie = Images.libvirtHeader(cookie: .max)
        try fails(.malformed, cookie + stream, at: 20, saying: "cookie at byte 4294967295")
        let far = Images.libvirtHeader(dataSize: .max)
        try fails(
            .malformed, far + stream, at: far.count + stream.count,
            saying: "begins at byte 4294967387")
        try fails(.malformed, header + [1, 2, 3], at: header.count, saying: "\"QEVM\"")
    }

    @Test("Random damage of the header never crashes or hangs")
    func damage() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("LibvirtTests.damage: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let bytes = Images.libvirtHeader() + stream
        for _ in 0..<200 {
            let damaged = Images.damage(bytes, in: 0..<120, using: &generator)
            let path = try folder.file(damaged)
            guard let image = try? SavedImage.open(path) else { continue }
            _ = try? image.libvirt?.xml
            _ = try? image.stream.all()
        }
    }
}
