public import LinuxSystem
public import QEMUStream
public import SnapshotFormat
public import VCPUModel

/// A snapshot of vcpusnap.
public struct SnapshotFile: StateFileKind, StateFile {
    /// What error messages call such a file.
    public static let phrase = "a snapshot of vcpusnap"
    /// The same in short.
    public static let shortPhrase = "a snapshot"
    /// Where a snapshot was expected.
    public static let meets: ExpectedFile? = .snapshot
    /// Reading, restoring into it and editing.
    public static let summary = SourceSummary(
        grammar: "snapshot", meaning: "what vcpusnap save wrote",
        abilities: [.read, .restore, .edit], example: "vcpusnap diff cpu.vcpusnap other.vcpusnap")

    private let snapshot: Snapshot
    private let location: Location
    /// What the file has that a file written by this program does not.
    private let unknown: UnknownContent

    /// Whether it begins as a snapshot does, or did before it was damaged, for example by a transfer as text.
    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        var reader = SnapshotReader(prefix)
        do throws(SnapshotFormatError) {
            _ = try reader.readHeader()
            return true
        } catch {
            return error.code != .notASnapshot
        }
    }

    /// How a host profile is made of one.
    public static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        expected == .text(.profile)
            ? "; vcpusnap host --from \(FileName.word(file)) -o HOST.vhost makes one of its host"
            : nil
    }

    /// Decodes the whole file (Formats/vcpusnap-v1.md).
    /// - Throws: for a file that is cut off or damaged, or of a format that this program cannot read.
    public static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        try reading(location, input.read) { reader throws(SnapshotFormatError) in
            let snapshot = try reader.decode()
            return SnapshotFile(
                snapshot: snapshot, location: location, unknown: reader.unknown)
        }
    }

    /// Whether it would be lost with the file that this program does not know it.
    public var hasUnknownContent: Bool { !unknown.isEmpty }

    /// What was read; a notice says what this program does not know and leaves out.
    public func capture(_ options: SourceOptions) -> StateCapture {
        if hasUnknownContent {
            options.notify("\(unknown.loss(of: location)) and leaves out")
        }
        return StateCapture(snapshot)
    }
}

// MARK: - Reading

extension SnapshotFile {
    /// Reads a snapshot to change it and write it again.
    ///
    /// A file that is to be rewritten stays locked meanwhile.
    /// - Throws: for a restore, unless the file has the same vCPU numbers as the snapshot; when it cannot be decoded.
    public static func open(
        _ location: Location, for purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState {
        switch purpose {
        case .edit(let keeps): return try openToChange(location, keeps, options)
        case .restore(let wanted, let keeps):
            let file = try openToChange(location, keeps, options)
            guard file.vcpus.map(\.index) == wanted.vcpus.map(\.index) else {
                throw SourceError(
                    "\(location.text) has \(file.snapshot.indexText), but what is to be restored has "
                        + "\(wanted.indexText): restore into a snapshot with the same vCPUs")
            }
            return file
        }
    }

    private static func openToChange(
        _ location: Location, _ keeps: Bool, _ options: SourceOptions
    ) throws(SourceError) -> OpenSnapshot {
        var locked: LockedFile?
        if keeps, case .file(let path) = location {
            locked = try LockedFile(waitingFor: path, .reading, options)
        }
        let next = if let locked { locked.read } else { try bytes(of: location).read }
        return try reading(location, next) { reader throws(SnapshotFormatError) in
            let snapshot = try reader.decode()
            return OpenSnapshot(snapshot, location, reader.unknown, locked, options)
        }
    }

    /// Checks a file: header, every chunk, every value, the digest.
    /// - Throws: where the file cannot be read or its header is damaged; whatever else is wrong
    ///   stands in the report.
    public static func verify(_ location: Location) throws(SourceError) -> VerificationReport {
        try verify(location, try bytes(of: location).read)
    }

    /// The same of one that is open already.
    static func verify(
        _ location: Location, _ next: @escaping (Int) throws(Errno) -> [UInt8]
    ) throws(SourceError) -> VerificationReport {
        try reading(location, next) { reader throws(SnapshotFormatError) in
            try reader.verify()
        }
    }

    /// Reads from front to back, so that what is no snapshot is refused by its first bytes, which say what it is.
    private static func reading<Result>(
        _ location: Location, _ next: @escaping (Int) throws(Errno) -> [UInt8],
        _ body: (inout SnapshotReader) throws(SnapshotFormatError) -> Result
    ) throws(SourceError) -> Result {
        var start: [UInt8] = []
        var reader = SnapshotReader { count throws(Errno) in
            let bytes = try next(count)
            start += bytes.prefix(ImageInput.prefixSize - start.count)
            return bytes
        }
        return try SourceError.naming(location.text) { () throws(SnapshotFormatError) in
            do throws(SnapshotFormatError) {
                return try body(&reader)
            } catch {
                guard error.code == .notASnapshot else { throw error }
                // The reader stops before the first byte that it has no need of.
                start += (try? next(ImageInput.prefixSize - start.count)) ?? []
                let other = OtherFile(location.text, beginning: start, insteadOf: .snapshot)
                throw other.map { .notASnapshot("this is \($0.name)\($0.advice)") } ?? error
            }
        }
    }

    private static func bytes(of location: Location) throws(SourceError) -> ByteStream {
        let place = try location.place(
            orElse: "name a snapshot file or -; vcpusnap save makes one of what runs")
        return try SourceError.passing {
            switch place {
            case .standardStream: try ByteStream(.input)
            case .path(let path): try ByteStream(opening: path)
            }
        }
    }
}

// MARK: - Writing

extension Location {
    /// Makes sure that nothing is lost where a snapshot of this is written over it.
    ///
    /// A snapshot that takes its own place has lost nothing, if all of it is known; a stream would have, and all that is
    /// not of its vCPUs, and any other file is one no longer.
    /// - Throws: where something would be lost.
    public func checkIsKept(
        in output: Location, _ options: SourceOptions
    ) throws(SourceError) {
        guard let identity, identity == output.identity else { return }
        let snapshot = try openGuestFile(options) as? SnapshotFile
        guard snapshot?.hasUnknownContent != false else { return }
        try output.checkOutput(.binary, keeping: [self])
    }
}

extension SnapshotFile {
    /// Writes a whole file or nothing; standard output gets the bytes as they are.
    /// - Parameter access: who may read the file; `kept` for a file that is changed.
    /// - Throws: for a snapshot that the format cannot hold, and what `Location.write` throws.
    public static func write(
        _ snapshot: Snapshot, to location: Location, access: AtomicFile.Access = .secret
    ) throws(SourceError) {
        let bytes = try SourceError.naming(location.text) { () throws(SnapshotFormatError) in
            try SnapshotWriter.encode(snapshot)
        }
        try location.write(bytes, access: access, orElse: "a snapshot goes to a file or -")
    }
}

/// A snapshot that was read to be changed and written again.
private final class OpenSnapshot: OpenState {
    let snapshot: Snapshot
    let vcpus: [OpenVCPU]
    let vm: (any RegisterBank)?
    private let location: Location
    /// What the file has that a file written by this program does not.
    private let unknown: UnknownContent
    /// The file itself, where it will be changed and nobody else is to change it meanwhile.
    private let locked: LockedFile?
    private let options: SourceOptions

    init(
        _ snapshot: Snapshot, _ location: Location, _ unknown: UnknownContent,
        _ locked: LockedFile?, _ options: SourceOptions
    ) {
        self.snapshot = snapshot
        vcpus = snapshot.vcpus.map { OpenVCPU(index: $0.index, bank: SnapshotBank($0.registers)) }
        vm = snapshot.vm.count > 0 ? SnapshotBank(snapshot.vm) : nil
        self.location = location
        self.unknown = unknown
        self.locked = locked
        self.options = options
    }

    var provenance: Provenance { snapshot.provenance }

    /// Not over a file that holds more than what is known of it.
    func write(_ result: Snapshot, to output: Location) throws(SourceError) {
        if !unknown.isEmpty { try checkLoss(in: output) }
        let isChange = locked != nil && isOf(output)
        // The lock goes with its owner.
        try withExtendedLifetime(locked) { () throws(SourceError) in
            try SnapshotFile.write(result, to: output, access: isChange ? .kept : .secret)
        }
    }

    private func checkLoss(in output: Location) throws(SourceError) {
        let loss = unknown.loss(of: location)
        guard !isOf(output) else {
            throw SourceError(
                "\(loss): it is not replaced; give --output another file, which will be "
                    + "without, or use a newer program")
        }
        options.notify("\(loss): \(output.text) is without")
    }

    /// Whether that is the file which was read.
    private func isOf(_ other: Location) -> Bool {
        other == location || locked.map { FileIdentity(of: $0.path) == other.identity } ?? false
    }
}

extension UnknownContent {
    /// `FILE is of a newer version of the format and has 1 chunk (NOTE), which this program does not know`.
    fileprivate func loss(of location: Location) -> String {
        "\(location.text) is of a newer version of the format and has \(self), which this program does "
            + "not know"
    }
}
