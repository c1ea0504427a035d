internal import LinuxSystem
internal import TextFormats
internal import VCPUModel

extension SnapshotHeader {
    /// `F6 v C S CR LF SUB LF` (`Formats/vcpusnap-v1.md`, section 3, says why).
    fileprivate static let magic: [UInt8] = [0xf6, 0x76, 0x43, 0x53, 0x0d, 0x0a, 0x1a, 0x0a]

    /// What has to be read before the length of the header is known: through `headerSize`.
    static let prefixSize = 14

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(integer: Self.majorVersion)
        writer.append(integer: minorVersion)
        writer.append(integer: UInt16(headerSize))
        writer.append(integer: UInt16(chunkCount))
        writer.append(integer: incompatibleFeatures)
        writer.append(integer: compatibleFeatures)
        writer.append(integer: UInt32(fileSize))
        writer.append(integer: UInt32(contentSize))
        writer.append(integer: UInt32(largestContent))
        writer.append(integer: UInt16(vcpuCount))
        writer.append(integer: UInt16(registerCount))
        writer.append(integer: dictionaryID)
        writer.append(integer: dictionaryDigest)
        writer.append(integer: CRC32C.of(writer.bytes))
        return writer.bytes
    }

    /// Checks magic and major version, the two things that say how to read on.
    /// - Parameter prefix: the first `prefixSize` bytes of the file, fewer when it is shorter.
    /// - Returns: the length of the header.
    static func size(fromPrefix prefix: [UInt8]) throws(SnapshotFormatError) -> Int {
        try checkMagic(prefix)
        guard prefix.count == prefixSize else {
            throw SnapshotFormatError(
                .truncated, offset: prefix.count,
                "the file ends inside its header; get a complete copy of it")
        }
        var reader = ByteReader(prefix, ByteReader.Place(offset: 0))
        _ = try reader.take(magic.count, "magic")
        let major = try reader.integer("major version", as: UInt16.self)
        guard major == majorVersion else {
            throw SnapshotFormatError(
                .unsupportedVersion, offset: magic.count,
                "the format version is \(major), this program reads version \(majorVersion); "
                    + "use a program for that version")
        }
        _ = try reader.integer("minor version", as: UInt16.self)
        let headerSize = Int(try reader.integer("header size", as: UInt16.self))
        guard size...SnapshotLimits.headerSize ~= headerSize else {
            throw SnapshotFormatError(
                .limitExceeded, offset: 12,
                "the header is said to be \(headerSize) bytes long, expected \(size) to "
                    + "\(SnapshotLimits.headerSize)")
        }
        return headerSize
    }

    /// Reads a whole header, whose prefix was checked.
    init(parsing bytes: [UInt8]) throws(SnapshotFormatError) {
        let body = Array(bytes.dropLast(4))
        var end = ByteReader(
            Array(bytes.suffix(4)), ByteReader.Place(offset: body.count))
        let stored = try end.integer("header checksum", as: UInt32.self)
        let computed = CRC32C.of(body)
        guard stored == computed else {
            throw .checksum(chunk: nil, offset: body.count, stored: stored, computed: computed)
        }
        var reader = ByteReader(body, ByteReader.Place(offset: 0))
        _ = try reader.take(Self.magic.count + 2, "magic and major version")
        minorVersion = try reader.integer("minor version")
        headerSize = Int(try reader.integer("header size", as: UInt16.self))
        chunkCount = Int(try reader.integer("chunk count", as: UInt16.self))
        incompatibleFeatures = try reader.integer("incompatible features")
        compatibleFeatures = try reader.integer("compatible features")
        fileSize = Int(try reader.integer("file size", as: UInt32.self))
        contentSize = Int(try reader.integer("content size", as: UInt32.self))
        largestContent = Int(try reader.integer("largest content", as: UInt32.self))
        vcpuCount = Int(try reader.integer("vCPU count", as: UInt16.self))
        registerCount = Int(try reader.integer("register count", as: UInt16.self))
        dictionaryID = try reader.integer("dictionary id")
        dictionaryDigest = try reader.integer("dictionary digest")
    }
}

extension SnapshotHeader {
    /// What a header says that can be refused before a chunk is read.
    func check() throws(SnapshotFormatError) {
        guard incompatibleFeatures == 0 else {
            throw SnapshotFormatError(
                .unsupportedFeature, offset: 16,
                "the file uses features \(incompatibleFeatures.hex) (version "
                    + "\(Self.majorVersion).\(minorVersion)) that this program does not know; "
                    + "use a newer program")
        }
        try checkLimits()
        try checkDictionary()
    }

    private func checkDictionary() throws(SnapshotFormatError) {
        let known = FormatDictionary.all[dictionaryID]
        guard known?.digest != dictionaryDigest else { return }
        let digest = String(dictionaryDigest.byteSwapped, radix: 16)
        let padding = String(repeating: "0", count: 16 - digest.count)
        guard dictionaryID != 0 else {
            throw SnapshotFormatError(
                .unknownDictionary, offset: 44,
                "the file names no dictionary, but the digest \(padding)\(digest) of one: the "
                    + "program that wrote it is at fault")
        }
        throw SnapshotFormatError(
            .unknownDictionary, offset: 40,
            "the file needs dictionary \(dictionaryID.hex) with digest "
                + "\(padding)\(digest), which this program does not have; use a newer program")
    }

    func checkLimits() throws(SnapshotFormatError) {
        let counts = [
            (14, "chunk count", chunkCount, SnapshotLimits.chunks),
            (24, "file size", fileSize, SnapshotLimits.fileSize),
            (28, "content size", contentSize, SnapshotLimits.fileSize),
            (32, "largest content", largestContent, contentSize),
            (36, "vCPU count", vcpuCount, SnapshotLimits.vcpus),
            (38, "register count", registerCount, SnapshotLimits.registers),
            (38, "vCPUs times registers", vcpuCount * registerCount, SnapshotLimits.cells),
        ]
        for (offset, what, value, limit) in counts where value > limit {
            throw SnapshotFormatError(
                .limitExceeded, offset: offset, "the \(what) is \(value), the limit is \(limit)")
        }
    }
}

extension SnapshotHeader {
    private static let lineEndDamage: [(start: [UInt8], cause: String)] = [
        ([0xf6, 0x76, 0x43, 0x53, 0x0a], "CR LF became LF"),
        ([0xf6, 0x76, 0x43, 0x53, 0x0d, 0x0d, 0x0a], "LF became CR LF"),
        ([0xf6, 0x76, 0x43, 0x53, 0x0d, 0x0a, 0x1a, 0x0d], "LF became CR LF"),
        ([0xf6, 0x76, 0x43, 0x53, 0x0d, 0x1a], "LF was removed"),
        ([0x76, 0x76, 0x43, 0x53, 0x0d, 0x0a], "bit 7 of every byte was cleared"),
        ([0xc3, 0xb6, 0x76, 0x43, 0x53], "it was converted from Latin-1 to UTF-8"),
        ([0xef, 0xbf, 0xbd, 0x76, 0x43, 0x53], "it was read as UTF-8 and written again"),
    ]

    private static func checkMagic(_ prefix: [UInt8]) throws(SnapshotFormatError) {
        let start = prefix.prefix(magic.count)
        guard start != magic[...] else { return }
        if let damage = lineEndDamage.first(where: { prefix.starts(with: $0.start) }) {
            throw SnapshotFormatError(
                .textModeDamage, offset: 0,
                "the file was transferred as text: \(damage.cause); transfer it again as binary")
        }
        guard start.count == magic.count || !magic.starts(with: start) else {
            throw SnapshotFormatError(
                .truncated, offset: start.count,
                start.isEmpty
                    ? "the file is empty" : "the file ends inside its header; get a complete copy")
        }
        throw .notASnapshot("found \(start.hexadecimal)")
    }
}

extension SnapshotFormatError {
    /// - Parameter found: what there is instead, in words.
    package static func notASnapshot(_ found: String) -> SnapshotFormatError {
        SnapshotFormatError(
            .notASnapshot, offset: 0,
            "not a vcpusnap file: it should start with \(SnapshotHeader.magic.hexadecimal), \(found)"
        )
    }

    static func checksum(
        chunk: ChunkKind?, offset: Int, stored: UInt32, computed: UInt32
    ) -> SnapshotFormatError {
        SnapshotFormatError(
            .checksumMismatch, chunk: chunk, offset: offset,
            "the \(chunk == nil ? "header's " : "")checksum is \(stored.hex), "
                + "computed \(computed.hex): the file is damaged; "
                + "get another copy of it")
    }
}
