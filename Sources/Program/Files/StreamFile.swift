internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import VCPUModel

/// Which stream of a file is read, and how much of it must be there.
struct StreamChoice: Equatable {
    /// Of a qcow2 image; nil for the newest.
    var internalSnapshot: String?
    var reading = StreamReading.whole

    /// The options that were given, and mean nothing for what has no stream; nil where none was.
    var misplacedOption: String? {
        if internalSnapshot != nil { return "--snapshot" }
        switch reading {
        case .whole: return nil
        case .undescribed: return "--undescribed"
        case .partial: return "--partial"
        }
    }

    /// - Throws: where an option was given that is about streams.
    func checkUnused(by location: Location, which kind: String) throws {
        guard let option = misplacedOption else { return }
        throw CommandError(
            "\(location.text) is \(kind), and \(option) is about QEMU's streams: leave it out")
    }
}

/// QEMU migration streams, with the file's name in every error.
struct StreamFile {
    let name: String
    let stream: QEMUStream
    private let image: SavedImage?

    init(_ image: SavedImage, _ reading: StreamReading) throws {
        // The table of a qcow2 image says where the state ends.
        let isDelimited = image.kind == .qcow2 && reading == .whole
        try self.init(image.stream, of: image, isDelimited ? .undescribed : reading)
    }

    init(
        _ bytes: any SeekableBytes, of image: SavedImage? = nil, named name: String? = nil,
        _ reading: StreamReading
    ) throws {
        self.name = name ?? bytes.name
        self.image = image
        do throws(QEMUStreamError) {
            stream = try QEMUStream(bytes, reading: reading)
        } catch {
            throw CommandError("\(self.name): \(error)")
        }
    }

    /// Whether it came through a pipe, and cannot be read again.
    var isOfPipe: Bool { stream.bytes is KeptEnds && image?.compression == nil }

    var banks: [QEMUVCPUBank] {
        stream.cpus.map { QEMUVCPUBank($0, origin: stream.origin) }
    }

    /// The vCPUs' numbers, for messages.
    var indexText: String { VCPUNumbers(stream.cpus.map(\.instance).sorted()).title }

    /// The registers of every vCPU, by KVM's ids.
    func snapshot() throws(RegisterBankError) -> (
        snapshot: Snapshot, unreadable: [UnreadableRegister]
    ) {
        var result = try SnapshotSource.capture(
            banks, provenance, indices: stream.cpus.map(\.instance))
        result.snapshot.vcpus.sort { $0.index < $1.index }
        return result
    }

    /// What the stream says of its vCPUs' host, which is little: QEMU and the kernel are not in it.
    private var provenance: Provenance {
        var result = Provenance()
        result[.tool] = Version.text
        result[.source] = name
        result[.qemuMachine] = stream.header.machineType
        result[.accelerator] = stream.origin == .unknown ? nil : stream.origin.rawValue
        let midrs = Set(banks.compactMap { try? $0.read(.midrEL1).description })
        result[.midr] = midrs.count == 1 ? midrs.first : nil
        return result
    }

    /// What is known to be lost, or not to be relied on, goes to standard error.
    func warn() {
        let problem = stream.problem.map { "only a part is read: \($0)" }
        let another = stream.beginningBehindAnother.map {
            "it has more than one stream: the last is read, which begins at byte \($0); QEMU loads the first"
        }
        for warning in [problem, stream.placesText, another].compactMap(\.self) { warn(warning) }
        warnOfLosses()
    }

    /// What is to be said of the vCPUs, and of the stream where QEMU may not load it; nil for nothing.
    func notes(on snapshot: Snapshot) -> [String]? {
        let doubt = stream.misfit == nil ? nil : stream.placesText
        let notes = (snapshot.noteTexts ?? []) + [doubt].compactMap(\.self)
        return notes.isEmpty ? nil : notes
    }

    /// For what is said of QEMU, or made for it.
    /// - Throws: where it is not the first stream of its file.
    func checkIsWhatQEMULoads() throws {
        guard let start = stream.beginningBehindAnother else { return }
        throw CommandError(
            "\(name): it has more than one stream, and QEMU loads the first, which is not read here: make a file of "
                + "each (the last begins at byte \(start): tail -c +\(start + 1)) and name one of them"
        )
    }

    func warnOfLosses() {
        for warning in stream.warnings { warn(warning.description) }
    }

    private func warn(_ text: String) {
        StandardError.write("vcpusnap: \(name): warning: \(text)\n")
    }

    /// The same changes of the file that the stream is part of.
    /// - Throws: where the file has the stream compressed or scattered, and cannot be changed.
    func filePatch(_ patch: FilePatch) throws -> FilePatch {
        if let problem = whyUnchangeable { throw CommandError("\(name): \(problem)") }
        return patch.moved(by: image?.streamOffset ?? 0)
    }

    /// The changes of the stream.
    func patch(replacing sections: [CPUSection]) throws -> FilePatch {
        do throws(QEMUStreamError) {
            return try stream.patch(replacing: sections)
        } catch {
            throw CommandError("\(name): \(error)")
        }
    }

    private var whyUnchangeable: String? {
        guard let image else { return nil }
        if let compression = image.compression {
            let program = compression.program
            return image.libvirt == nil
                ? "the stream is compressed: run \(program) -dc FILE | vcpusnap mend - ... -o - | "
                    + "\(program) -c"
                : "libvirt compressed the stream with \(program), and it cannot be changed where it "
                    + "is: mend the image with --output, which writes it without compression"
        }
        return image.kind == .qcow2
            ? "the stream is the state of an internal snapshot, whose clusters this program does "
                + "not move: load it with the QEMU that made it and use migrate file:"
            : nil
    }
}

extension QEMUStream {
    /// That the description does not fit, or that the vCPUs were searched for; nil where neither is so.
    var placesText: String? {
        guard let misfit else {
            return isSearched
                ? "nothing says where its vCPUs are; they were found by search" : nil
        }
        return
            "by its description \(misfit.device) ends at byte \(misfit.end), and it does not: either the description is "
            + "wrong, or the stream is damaged and QEMU will not load it"
            + (isSearched ? "; its vCPUs were found by search" : "")
    }
}
