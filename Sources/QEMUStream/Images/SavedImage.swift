package import LinuxSystem
internal import VCPUModel

/// A file that holds a QEMU migration stream, and the stream inside it.
///
/// What kind of file it is follows from its content alone. `Formats/saved-images.md` has the details.
package struct SavedImage {
    /// What the file as a whole is.
    package private(set) var kind: Kind
    /// The compression of the stream itself, the innermost one; nil for none.
    package private(set) var compression: Compression?
    /// The libvirt header, where libvirt made the image.
    package private(set) var libvirt: LibvirtSave?
    /// The snapshots of a qcow2 image.
    package private(set) var snapshots: [QCOW2Snapshot] = []
    /// The one of them whose VM state the stream is.
    package private(set) var snapshot: QCOW2Snapshot?

    /// The stream, its first byte at offset 0.
    ///
    /// Of one that came through a pipe or a program only the beginning and the end are kept
    /// (`HeadAndTail`).
    package let stream: any SeekableBytes
    /// Where the stream begins in the file, or in the decompressed one if the file is compressed; in bytes.
    ///
    /// Offsets inside a stream with QEMU's mapped-ram capability count from the beginning of the file.
    package private(set) var streamOffset: Int64 = 0
}

extension SavedImage {
    /// What a file is, by its first bytes.
    package enum Kind: Hashable, Sendable {
        /// A snapshot of vcpusnap; it holds no stream.
        case snapshot
        /// A stream and nothing else.
        case stream
        /// Of `virsh save`, `virsh managedsave`, or an external snapshot of libvirt with memory.
        case libvirt
        /// A compressed file as a whole; what is in it shows only when it is decompressed.
        case compressed(Compression)
        /// A qcow2 image, with internal snapshots.
        case qcow2
    }

    /// How many bytes `detect` looks at, at most.
    package static let prefixSize = 16

    /// What a file is that begins with these bytes; nil when this program does not know it.
    package static func detect(_ prefix: [UInt8]) -> Kind? {
        if prefix.starts(with: FileMagic.snapshot) { return .snapshot }
        if prefix.starts(with: FileMagic.stream) { return .stream }
        if prefix.starts(with: qcow2Magic) { return .qcow2 }
        if prefix.starts(with: LibvirtSave.magic) || prefix.starts(with: LibvirtSave.partialMagic) {
            return .libvirt
        }
        return Compression.allCases.first { prefix.starts(with: $0.magic) }.map { .compressed($0) }
    }

    private static let qcow2Magic: [UInt8] = [0x51, 0x46, 0x49, 0xfb]
}

extension SavedImage {
    init(libvirt: LibvirtSave, stream: any SeekableBytes) {
        self.init(
            kind: .libvirt, compression: libvirt.format.compression, libvirt: libvirt,
            stream: stream,
            streamOffset: libvirt.format.compression == nil ? libvirt.streamOffset : 0)
    }

    /// The same, out of a compressed file.
    func compressed(by compression: Compression) -> SavedImage {
        var image = self
        image.kind = .compressed(compression)
        image.compression = self.compression ?? compression
        return image
    }
}

extension SavedImage.Kind: CustomStringConvertible {
    /// In words: `a file compressed by zstd`.
    package var description: String {
        switch self {
        case .snapshot: "a vcpusnap snapshot"
        case .stream: "a QEMU migration stream"
        case .libvirt: "a saved image of libvirt"
        case .compressed(let compression): "a file compressed by \(compression.program)"
        case .qcow2: "a qcow2 image"
        }
    }
}
