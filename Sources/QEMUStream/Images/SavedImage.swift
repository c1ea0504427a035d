package import LinuxSystem

/// A QEMU migration stream, and what is known of the file that it was found in.
///
/// `Formats/saved-images.md` has the details.
package struct SavedImage {
    /// The compression of the stream itself, the innermost one; nil for none.
    package private(set) var compression: Compression?
    /// The compression of the whole file; nil for none.
    package private(set) var fileCompression: Compression?
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
    init(libvirt: LibvirtSave, stream: any SeekableBytes) {
        self.init(
            compression: libvirt.format.compression, libvirt: libvirt, stream: stream,
            streamOffset: libvirt.format.compression == nil ? libvirt.streamOffset : 0)
    }

    /// The same, out of a compressed file.
    public func compressed(by compression: Compression) -> SavedImage {
        var image = self
        image.compression = self.compression ?? compression
        image.fileCompression = compression
        return image
    }
}
