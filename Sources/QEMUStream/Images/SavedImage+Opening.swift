package import LinuxSystem

extension SavedImage {
    /// Finds the stream in a file or named pipe.
    /// - Parameter snapshot: the id or name of a qcow2 image's internal snapshot; nil for the newest
    ///   one with the state of a VM.
    package static func open(
        _ path: String, snapshot: String? = nil
    ) throws(SavedImageError) -> SavedImage {
        try open(try ImageInput(opening: path), snapshot: snapshot)
    }

    /// Finds the stream in what a standard stream is connected to.
    ///
    /// A regular file is read from its beginning, wherever the stream stands.
    package static func open(
        _ stream: StandardStream, snapshot: String? = nil
    ) throws(SavedImageError) -> SavedImage {
        try open(try ImageInput(stream), snapshot: snapshot)
    }

    /// Finds the stream in a pipe from which the first bytes were read already.
    package static func open(
        prefix: [UInt8], rest: ByteStream, name: String = StandardStream.input.name,
        snapshot: String? = nil
    ) throws(SavedImageError) -> SavedImage {
        try open(
            try ImageInput(prefix: prefix, rest: rest, name: name), snapshot: snapshot)
    }

    /// Finds the stream in what was opened already; decompressing runs the program of the compression.
    /// - Parameter snapshot: the id or name of a qcow2 image's internal snapshot; nil for the newest one with the
    ///   state of a VM.
    /// - Throws: `noSuchSnapshot` also when a snapshot is named and it is not a qcow2 image; `unsupported` also for a
    ///   qcow2 image in a pipe.
    package static func open(
        _ input: ImageInput, snapshot: String? = nil
    ) throws(SavedImageError) -> SavedImage {
        if snapshot != nil, let kind = input.kind, kind != .qcow2 {
            throw SavedImageError(
                .noSuchSnapshot, input.name,
                "it is \(kind), and only qcow2 images have internal snapshots to choose from: "
                    + "leave the choice out")
        }
        switch input.content {
        case .file(let file): return try open(file, input.prefix, snapshot)
        case .pipe(let pipe): return try open(pipe, compressions: 0)
        }
    }
}

extension SavedImage {
    private static func open(
        _ file: SeekableFile, _ prefix: [UInt8], _ snapshot: String?
    ) throws(SavedImageError) -> SavedImage {
        switch detect(prefix) {
        case .stream: return SavedImage(kind: .stream, stream: try checked(file, at: 0))
        case .libvirt: return try openLibvirt(file)
        case .qcow2: return try openQCOW2(file, snapshot)
        case .compressed(let compression):
            let program = try Decompressor(compression, on: file, from: 0)
            return try open(SequentialBytes(program, of: file.name), compressions: 1)
                .compressed(by: compression)
        case .snapshot, nil: throw notAStream(prefix, file.name)
        }
    }

    private static func openLibvirt(
        _ file: SeekableFile
    ) throws(SavedImageError) -> SavedImage {
        let save = try LibvirtSave(of: file)
        guard let compression = save.format.compression else {
            let slice = SeekableSlice(of: file, from: save.streamOffset)
            return SavedImage(libvirt: save, stream: try checked(slice, at: save.streamOffset))
        }
        let program = try Decompressor(compression, on: file, from: save.streamOffset)
        let content = SequentialBytes(program, of: file.name)
        return SavedImage(libvirt: save, stream: try ends(of: content))
    }

    private static func openQCOW2(
        _ file: SeekableFile, _ wanted: String?
    ) throws(SavedImageError) -> SavedImage {
        let header = try QCOW2Header(of: file)
        let snapshots = try QCOW2Snapshot.all(of: file, header)
        let chosen = try QCOW2Snapshot.choose(wanted, of: snapshots, in: file.name)
        let state = try QCOW2State(of: chosen, in: file, header)
        return SavedImage(
            kind: .qcow2, snapshots: snapshots, snapshot: chosen,
            stream: try checked(state, at: try state.beginning))
    }

    /// - Parameter compressions: how many were removed to get here.
    private static func open(
        _ pipe: SequentialBytes, compressions: Int
    ) throws(SavedImageError) -> SavedImage {
        let prefix = try pipe.peek(prefixSize)
        switch detect(prefix) {
        case .stream: return SavedImage(kind: .stream, stream: try ends(of: pipe))
        case .libvirt: return try openLibvirt(pipe)
        case .qcow2: throw needsAFile(pipe.name, isCompressed: pipe.isDecompressed)
        case .compressed(let compression):
            guard compressions < SavedImageLimits.compressions else {
                throw SavedImageError(
                    .limitExceeded, pipe.name,
                    "it was compressed more than \(SavedImageLimits.compressions) times: "
                        + "decompress it first")
            }
            let program = try Decompressor(compression, on: pipe)
            return try open(
                SequentialBytes(program, of: pipe.name), compressions: compressions + 1
            ).compressed(by: compression)
        case .snapshot, nil:
            try pipe.checkProgram()
            throw notAStream(prefix, pipe.name, isCompressed: pipe.isDecompressed)
        }
    }

    private static func openLibvirt(
        _ pipe: SequentialBytes
    ) throws(SavedImageError) -> SavedImage {
        let save: LibvirtSave
        do throws(SavedImageError) {
            save = try LibvirtSave(from: pipe)
        } catch {
            throw error.inside(pipe)
        }
        guard let compression = save.format.compression else {
            return SavedImage(libvirt: save, stream: try ends(of: pipe))
        }
        let program = try Decompressor(compression, on: pipe)
        let content = SequentialBytes(program, of: pipe.name)
        return SavedImage(libvirt: save, stream: try ends(of: content))
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
        guard detect(header) == .stream else {
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

    private static func needsAFile(_ file: String, isCompressed: Bool) -> SavedImageError {
        SavedImageError(
            .unsupported, file,
            isCompressed
                ? "a qcow2 image is compressed in it, and can only be read in any order: "
                    + "decompress it and name the image itself"
                : "a qcow2 image can be read only in any order, which a pipe cannot be: name the "
                    + "image's file")
    }

    private static func notAStream(
        _ prefix: [UInt8], _ file: String, isCompressed: Bool = false
    ) -> SavedImageError {
        let accepted =
            "a QEMU migration stream, an image of \"virsh save\" or \"managedsave\", either "
            + "compressed by gzip, bzip2, xz, lzop or zstd, or a qcow2 image with an internal "
            + "snapshot (\"savevm\")"
        let decompressed = isCompressed ? "decompressed, " : ""
        let found =
            if detect(prefix) == .snapshot {
                "\(decompressed)it is a snapshot of vcpusnap, in which there is no QEMU stream"
            } else if prefix.isEmpty {
                "\(decompressed)it is empty"
            } else {
                "\(decompressed)it begins with \(Shown.bytes(prefix))"
            }
        return SavedImageError(
            .notRecognized, file, "\(found); expected is \(accepted)\(advice(prefix))")
    }

    /// For what people have when they mean a saved image.
    private static func advice(_ prefix: [UInt8]) -> String {
        let dumps: [[UInt8]] = [[0x7f, 0x45, 0x4c, 0x46], Array("KDUMP   ".utf8)]
        guard dumps.contains(where: { prefix.starts(with: $0) }) else { return "" }
        return ": if this is a memory dump (\"virsh dump\", \"dump-guest-memory\"), save the VM "
            + "with \"virsh save\" or \"migrate\" instead"
    }
}
