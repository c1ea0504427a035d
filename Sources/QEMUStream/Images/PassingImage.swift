internal import LinuxSystem

/// A stream that is read from front to back, with what stands before it in its file.
///
/// It is a stream alone, or a libvirt image, whose stream is decompressed.
package final class PassingImage {
    private let input: SequentialBytes
    private let head: LibvirtSave.Head?
    /// What comes before the stream and has not been taken.
    private var header: [UInt8]
    private var dataSize: Int64
    private var stream: SequentialBytes?

    /// A stream alone.
    package init(streamIn input: ImageInput) {
        self.input = input.sequential
        (head, header, dataSize) = (nil, [], 0)
    }

    /// A libvirt image, whose header is read.
    /// - Throws: where the header is cut off or damaged.
    public init(libvirtIn input: ImageInput) throws(SavedImageError) {
        self.input = input.sequential
        let head = try LibvirtSave.Head(from: self.input)
        (self.head, header, dataSize) = (head, head.header, head.dataSize)
    }

    /// What compresses the stream as it was; nil where it was not compressed.
    /// - Throws: where the program cannot be started.
    package func compressor() throws(SavedImageError) -> Compressor? {
        guard let compression = head?.compression else { return nil }
        return try Compressor(compression, for: name)
    }

    /// The path, or `standard input`.
    package var name: String { input.name }

    /// The next bytes that stand before the stream; none when it begins.
    /// - Throws: where the file cannot be read.
    package func nextBeforeStream() throws(SavedImageError) -> [UInt8] {
        if !header.isEmpty {
            defer { header = [] }
            return header
        }
        guard dataSize > 0 else { return [] }
        let bytes = try input.take(Int(min(dataSize, 1 << 18)))
        guard !bytes.isEmpty else {
            throw SavedImageError(
                .malformed, name, at: input.position,
                "it ends before its QEMU stream begins: take a complete copy of it")
        }
        dataSize -= Int64(bytes.count)
        return bytes
    }

    /// The next bytes of the stream, after everything that stands before it; none at its end.
    /// - Throws: where the file cannot be read or decompressed.
    package func next() throws(SavedImageError) -> [UInt8] {
        if let stream { return try stream.next() }
        let stream =
            if let compression = head?.compression {
                SequentialBytes(try Decompressor(compression, on: input), of: name)
            } else {
                input
            }
        try SavedImage.checkStart(of: stream)
        self.stream = stream
        return try stream.next()
    }
}
