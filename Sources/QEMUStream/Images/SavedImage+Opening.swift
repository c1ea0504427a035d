internal import LinuxSystem

extension SavedImage {
    /// A stream and nothing else.
    /// - Throws: `unsupported` for a version that QEMU has not written since 2009.
    package init(streamIn input: ImageInput) throws(SavedImageError) {
        switch input.content {
        case .file(let file): self.init(stream: try Self.checked(file, at: 0))
        case .pipe(let pipe): self.init(stream: try Self.ends(of: pipe))
        }
    }

    /// The stream in a libvirt image; decompressing it runs the program of the compression.
    /// - Throws: also for a save that did not finish.
    public init(libvirtIn input: ImageInput) throws(SavedImageError) {
        switch input.content {
        case .file(let file): try self.init(libvirtIn: file)
        case .pipe(let pipe): try self.init(libvirtIn: pipe)
        }
    }

    private init(libvirtIn file: SeekableFile) throws(SavedImageError) {
        let save = try LibvirtSave(of: file)
        guard let compression = save.format.compression else {
            let slice = SeekableSlice(of: file, from: save.streamOffset)
            self.init(libvirt: save, stream: try Self.checked(slice, at: save.streamOffset))
            return
        }
        let program = try Decompressor(compression, on: file, from: save.streamOffset)
        let content = SequentialBytes(program, of: file.name)
        self.init(libvirt: save, stream: try Self.ends(of: content))
    }

    private init(libvirtIn pipe: SequentialBytes) throws(SavedImageError) {
        let save: LibvirtSave
        do throws(SavedImageError) {
            save = try LibvirtSave(from: pipe)
        } catch {
            throw error.inside(pipe)
        }
        guard let compression = save.format.compression else {
            self.init(libvirt: save, stream: try Self.ends(of: pipe))
            return
        }
        let program = try Decompressor(compression, on: pipe)
        let content = SequentialBytes(program, of: pipe.name)
        self.init(libvirt: save, stream: try Self.ends(of: content))
    }

    /// The stream of an internal snapshot of a qcow2 image.
    /// - Parameter wanted: the snapshot's id or name; nil for the newest one with the state of a VM.
    /// - Throws: `unsupported` also for an image in a pipe.
    public init(qcow2In input: ImageInput, snapshot wanted: String?) throws(SavedImageError) {
        guard case .file(let file) = input.content else { throw Self.needsAFile(input) }
        let header = try QCOW2Header(of: file)
        let snapshots = try QCOW2Snapshot.all(of: file, header)
        let chosen = try QCOW2Snapshot.choose(wanted, of: snapshots, in: file.name)
        let state = try QCOW2State(of: chosen, in: file, header)
        self.init(
            snapshots: snapshots, snapshot: chosen,
            stream: try Self.checked(state, at: try state.beginning))
    }

    private static func needsAFile(_ input: ImageInput) -> SavedImageError {
        SavedImageError(
            .unsupported, input.name,
            input.compressions > 0
                ? "a qcow2 image is compressed in it, and can only be read in any order: "
                    + "decompress it and name the image itself"
                : "a qcow2 image can be read only in any order, which a pipe cannot be: name the "
                    + "image's file")
    }
}

extension SavedImage {
    private static func checked<Stream: SeekableBytes>(
        _ stream: Stream, at offset: Int64?
    ) throws(SavedImageError) -> Stream {
        let header = try SavedImageError.reading(
            try stream.readWhatIsThere(at: 0, upTo: StreamHeader.start.count))
        try check(header, stream.name, at: offset)
        return stream
    }

    /// Checks that a QEMU stream comes next.
    static func checkStart(of pipe: SequentialBytes) throws(SavedImageError) {
        do throws(SavedImageError) {
            try check(
                try pipe.peek(StreamHeader.start.count), pipe.name, at: pipe.position)
        } catch {
            try pipe.checkProgram()
            throw error.inside(pipe)
        }
    }

    private static func ends(of pipe: SequentialBytes) throws(SavedImageError) -> HeadAndTail {
        try checkStart(of: pipe)
        return try HeadAndTail(of: pipe.name) { () throws(SavedImageError) in
            try pipe.next()
        }
    }

    /// Checks the header of a QEMU stream.
    /// - Parameter offset: where in the file it stands; nil where it does not.
    private static func check(
        _ header: [UInt8], _ file: String, at offset: Int64?
    ) throws(SavedImageError) {
        guard StreamHeader.isBeginning(header) else {
            throw SavedImageError(
                .malformed, file, at: offset,
                "a QEMU stream was expected in it, beginning with \"QEVM\", and "
                    + "\(Shown.bytes(header)) was found: the file is damaged or was changed; take "
                    + "an undamaged copy of it")
        }
        guard header.count == StreamHeader.start.count else {
            throw SavedImageError(
                .malformed, file, at: offset.map { $0 + Int64(header.count) },
                "its QEMU stream ends inside its header: take a complete copy of it")
        }
        let version = header.bigEndian(at: 4, as: UInt32.self)
        guard version == StreamHeader.version else {
            throw SavedImageError(
                .unsupported, file, at: offset.map { $0 + 4 },
                "its QEMU stream has version \(version); this program reads \(StreamHeader.version), "
                    + "which QEMU has written since 2009: save the VM again")
        }
    }
}
