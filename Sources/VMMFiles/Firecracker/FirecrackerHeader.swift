internal import LinuxSystem
internal import TextFormats

/// What a file of Firecracker begins with (Formats/firecracker-vmstate.md, section 1).
struct FirecrackerHeader {
    /// How the state is written.
    enum Codec: String {
        case versionize = "Versionize"
        case bincode
        case bitcode
    }

    let codec: Codec
    /// `10.0.0`; of a file that Versionize wrote its number.
    let version: String
    /// Where the state begins.
    let end: Int

    private static let arm64: UInt64 = 0x0710_1984_aaaa_0000
    private static let x86: UInt64 = 0x0710_1984_8664_0000
    /// In the low bits of a magic number they say how the state is written.
    private static let formatBits: UInt64 = 0xffff

    /// Which codec a file that begins so is written in; nil for what is no file of Firecracker.
    static func codec(_ prefix: [UInt8]) -> Codec? {
        guard let (magic, isColumn) = magic(prefix) else { return nil }
        switch (magic & formatBits, isColumn) {
        case (0, true): return .bitcode
        case (0, false): return .bincode
        case (1, false): return .versionize
        default: return nil
        }
    }

    /// The magic number, and whether it stands in a column of bitcode, behind its header.
    private static func magic(_ prefix: [UInt8]) -> (UInt64, isColumn: Bool)? {
        for isColumn in [false, true] where !isColumn || prefix.first == 0 {
            let start = isColumn ? 1 : 0
            guard let range = Range(at: start, count: 8, inside: prefix.indices) else { break }
            let magic = prefix.littleEndian(in: range)
            if [arm64, x86].contains(magic & ~formatBits) { return (magic, isColumn) }
        }
        return nil
    }

    /// - Throws: for what is no file of Firecracker on arm64, and where no version follows.
    init(_ bytes: [UInt8]) throws(VMMFileError) {
        guard let (magic, _) = Self.magic(bytes), let codec = Self.codec(bytes) else {
            throw .damaged(
                "its magic number", at: 0, expected: Self.arm64.hex,
                found: "\(bytes.prefix(9).hexadecimal)")
        }
        guard magic & ~Self.formatBits == Self.arm64 else {
            throw .unsupported(
                "a file of Firecracker on x86-64: its vCPUs are no Arm vCPUs; name a file of an arm64 machine"
            )
        }
        var cursor = ByteCursor(bytes, in: bytes.indices, part: "the version")
        self.codec = codec
        guard codec != .versionize else {
            _ = try cursor.take(8)
            version = "\(try cursor.number(2))"
            end = cursor.position
            return
        }
        let shape = StateShape.record([.init("magic", .number(8)), .init("version", .text)])
        let (tree, next) = try Self.read(shape, codec, cursor)
        version = tree["version"]?.text ?? ""
        end = next
        guard version.utf8.allSatisfy({ 0x30..<0x3a ~= $0 || $0 == 0x2e }), !version.isEmpty else {
            throw .damaged(
                "the version", at: next, expected: "digits and points before this byte",
                found: Shown.line(version))
        }
    }

    /// Reads state of a shape.
    func read(_ shape: StateShape, _ cursor: ByteCursor) throws(VMMFileError) -> StateValue {
        try Self.read(shape, codec, cursor).value
    }

    private static func read(
        _ shape: StateShape, _ codec: Codec, _ cursor: ByteCursor
    ) throws(VMMFileError) -> (value: StateValue, end: Int) {
        switch codec {
        case .bincode, .versionize:
            var reader = BincodeReader(cursor)
            return (try reader.read(shape), reader.cursor.position)
        case .bitcode:
            var reader = BitcodeReader(cursor)
            return (try reader.read(shape), reader.cursor.position)
        }
    }

    /// Of a file that Versionize wrote: which release that was, and that it cannot be read.
    var oldVersionText: String {
        let number = UInt64(version) ?? 0
        let release =
            FirecrackerVersion.versionizeReleases[number].map { "release \($0)" }
            ?? "a release before 1.0"
        return
            "version \(version) of Firecracker's files, which \(release) wrote; releases before 1.7 keep their "
            + "state in a format of their own, of which registers are found from 1.5 on: load it there and save the "
            + "VM with a newer release"
    }
}
