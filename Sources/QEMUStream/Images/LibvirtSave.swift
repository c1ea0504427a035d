internal import LinuxSystem

/// The header of an image that libvirt saved: `virsh save`, `virsh managedsave`, and external snapshots
/// with memory.
///
/// libvirt's `src/qemu/qemu_saveimage.h`.
package struct LibvirtSave {
    /// How the stream is stored; the numbers are those of the file.
    package enum Format: UInt32, Hashable, Sendable {
        /// Not compressed.
        case raw = 0
        case gzip, bzip2, xz, lzop, zstd
        /// Not compressed, and written with QEMU's mapped-ram capability.
        case sparse

        /// Nil for a stream that is not compressed.
        package var compression: Compression? {
            Self.compressions[self]
        }

        private static let compressions: [Format: Compression] = [
            .gzip: .gzip, .bzip2: .bzip2, .xz: .xz, .lzop: .lzop, .zstd: .zstd,
        ]
    }

    /// Whether the stream is compressed, and by which program.
    package var format: Format { fields.format }
    /// Whether the VM ran when it was saved, and will when it is restored.
    package var wasRunning: Bool { fields.wasRunning }
    /// Where the stream begins in the file, in bytes, compressed or not.
    package var streamOffset: Int64 { fields.streamOffset }
    private let fields: Fields
    private let textSource: TextSource

    private enum TextSource {
        case file(any SeekableBytes)
        case kept([UInt8], of: String)
    }
}

extension LibvirtSave {
    private static let magic = Array("LibvirtQemudSave".utf8)
    /// Of an image that is being written, or never was finished.
    private static let partialMagic = Array("LibvirtQemudPart".utf8)
    private static let headerSize = 92
    private static let newestVersion: UInt32 = 2

    /// Whether a file that begins with these bytes is such an image, finished or not.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        prefix.starts(with: magic) || prefix.starts(with: partialMagic)
    }

    /// Whether the image is a file, not a pipe, and its stream compressed.
    /// - Throws: for an image that is not whole.
    public static func isCompressedFile(_ input: ImageInput) throws(SavedImageError) -> Bool {
        guard case .file(let file) = input.content else { return false }
        return try LibvirtSave(of: file).format.compression != nil
    }

    /// Reads the header of a file.
    init(of file: any SeekableBytes) throws(SavedImageError) {
        let bytes = try SavedImageError.reading(
            try file.readWhatIsThere(at: 0, upTo: Self.headerSize))
        let fields = try Fields(bytes, file.name)
        guard fields.streamOffset < file.size else { throw fields.endsEarly(at: file.size) }
        self.init(fields: fields, textSource: .file(file))
    }

    /// Takes the header and everything else in front of the stream.
    init(from pipe: SequentialBytes) throws(SavedImageError) {
        let fields = try Fields(try pipe.take(Self.headerSize), pipe.name)
        let text = try pipe.take(fields.textSize)
        let rest = fields.streamOffset - Int64(Self.headerSize) - Int64(text.count)
        guard try pipe.skip(max(0, rest)), try !pipe.peek(1).isEmpty else {
            throw fields.endsEarly(at: pipe.position)
        }
        self.init(fields: fields, textSource: .kept(text, of: pipe.name))
    }
}

extension LibvirtSave {
    /// What stands before the stream.
    struct Head {
        let header: [UInt8]
        /// How many bytes follow it up to the stream.
        let dataSize: Int64
        /// What the stream is compressed with.
        let compression: Compression?

        /// Takes the header.
        init(from input: SequentialBytes) throws(SavedImageError) {
            header = try input.take(headerSize)
            let fields = try Fields(header, input.name)
            compression = fields.format.compression
            dataSize = Int64(fields.dataSize)
        }
    }
}

extension LibvirtSave {
    /// The numbers of the header, in the byte order of the host that wrote it.
    private struct Fields {
        let file: String
        let format: Format
        let wasRunning: Bool
        let dataSize: UInt32
        /// How many bytes the XML and its NUL can have.
        let textSize: Int

        /// A header and at most 2^32 bytes.
        var streamOffset: Int64 { Int64(headerSize) + Int64(dataSize) }

        init(_ bytes: [UInt8], _ file: String) throws(SavedImageError) {
            try Self.check(bytes, file)
            let version = bytes.bigEndian(at: 16, as: UInt32.self)
            let isBigEndian = 1...newestVersion ~= version
            func field(_ offset: Int) -> UInt32 {
                let number = bytes.bigEndian(at: offset, as: UInt32.self)
                return isBigEndian ? number : number.byteSwapped
            }
            guard 1...newestVersion ~= field(16) else {
                throw SavedImageError(
                    .unsupported, file, at: 16,
                    "its libvirt header has version \(field(16)); this program reads 1 and "
                        + "\(newestVersion): look for a newer vcpusnap")
            }
            self.file = file
            dataSize = field(20)
            wasRunning = field(24) != 0
            // Version 1 had no formats.
            format = try Self.format(field(16) == 1 ? 0 : field(28), file)
            textSize = try Self.textSize(dataSize, cookie: field(32), file)
        }

        private static func check(_ bytes: [UInt8], _ file: String) throws(SavedImageError) {
            guard !bytes.starts(with: partialMagic) else {
                throw SavedImageError(
                    .unfinished, file, at: 0,
                    "libvirt did not finish this save: wait until the save has ended, or save the "
                        + "VM again")
            }
            guard bytes.count == headerSize else {
                throw SavedImageError(
                    .malformed, file, at: Int64(bytes.count),
                    "it ends inside libvirt's header of \(headerSize) bytes: take a complete copy of it"
                )
            }
        }

        private static func format(
            _ number: UInt32, _ file: String
        ) throws(SavedImageError) -> Format {
            guard let format = Format(rawValue: number) else {
                throw SavedImageError(
                    .unsupported, file, at: 28,
                    "its libvirt header has the format \(number); this program reads 0 to 6: look "
                        + "for a newer vcpusnap, or save the VM in the format raw")
            }
            return format
        }

        private static func textSize(
            _ dataSize: UInt32, cookie: UInt32, _ file: String
        ) throws(SavedImageError) -> Int {
            guard dataSize > 0, cookie < dataSize else {
                throw SavedImageError(
                    .malformed, file, at: 20,
                    "its libvirt header has \(dataSize) bytes of XML and the cookie at byte "
                        + "\(cookie) of them: the file is damaged; take an undamaged copy of it")
            }
            let size = Int(cookie == 0 ? dataSize : cookie)
            return min(size, SavedImageLimits.domainXML + 1)
        }

        func endsEarly(at end: Int64) -> SavedImageError {
            SavedImageError(
                .malformed, file, at: end,
                "its QEMU stream begins at byte \(streamOffset), and the file ends here: take a "
                    + "complete copy of it")
        }
    }
}

extension LibvirtSave {
    /// The domain XML; it is read when it is asked for.
    /// - Throws: `malformed` when it has no end, `limitExceeded` when that is too far away.
    package var xml: String {
        get throws(SavedImageError) {
            switch textSource {
            case .kept(let bytes, let name):
                guard let end = bytes.firstIndex(of: 0) else { throw endless(name) }
                return String(decoding: bytes[..<end], as: UTF8.self)
            case .file(let file):
                return String(decoding: try text(in: file), as: UTF8.self)
            }
        }
    }

    /// Reads up to the NUL; most of what follows is padding.
    private func text(in file: any SeekableBytes) throws(SavedImageError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < fields.textSize {
            let piece = try SavedImageError.reading(
                try file.read(
                    at: Int64(Self.headerSize + bytes.count),
                    count: min(1 << 16, fields.textSize - bytes.count)))
            if let end = piece.firstIndex(of: 0) { return bytes + piece[..<end] }
            bytes += piece
        }
        throw endless(file.name)
    }

    private func endless(_ file: String) -> SavedImageError {
        guard fields.textSize <= SavedImageLimits.domainXML else {
            return SavedImageError(
                .limitExceeded, file, at: Int64(Self.headerSize),
                "its domain XML is longer than \(SavedImageLimits.domainXML) bytes")
        }
        return SavedImageError(
            .malformed, file, at: Int64(Self.headerSize),
            "its domain XML has no end: the file is damaged; take an undamaged copy of it")
    }

    /// The domain's name; nil when the XML does not say it.
    /// - Throws: where the XML is damaged.
    package var domainName: String? {
        get throws(SavedImageError) {
            // libvirt writes it as the first element inside <domain>.
            let text = try Array(xml.utf8.prefix(1 << 16))
            guard let start = text.firstIndex(after: "<name>"),
                let length = text[start...].firstIndex(of: UInt8(ascii: "<"))
            else { return nil }
            return XMLText.withoutEntities(
                String(decoding: text[start..<length], as: UTF8.self))
        }
    }
}

extension [UInt8] {
    /// The index after the first occurrence of a text.
    fileprivate func firstIndex(after text: String) -> Int? {
        let wanted = Array(text.utf8)
        return indices.first { self[$0...].starts(with: wanted) }.map { $0 + wanted.count }
    }
}

/// The little of XML that a name needs.
private enum XMLText {
    /// The text with the five predefined entities replaced; libvirt writes no other.
    static func withoutEntities(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let ampersand = rest.firstIndex(of: "&") {
            result += rest[..<ampersand]
            rest = rest[ampersand...]
            let entity = entities.first { rest.hasPrefix($0.key) }
            result += entity?.value ?? "&"
            rest = rest.dropFirst(entity?.key.count ?? 1)
        }
        return result + rest
    }

    private static let entities = [
        "&lt;": "<", "&gt;": ">", "&amp;": "&", "&apos;": "'", "&quot;": "\"",
    ]
}
