package import LinuxSystem
public import QEMUStream
internal import QMP
internal import Registers
internal import VCPUModel

extension SourceOption {
    /// Takes the internal snapshot of a qcow2 image with this name or id; without it, the newest with a VM's state.
    public static let internalSnapshot = ofStreams(
        "--snapshot", value: "name",
        "The internal snapshot of a qcow2 image with this name or id (default: the newest).")
    /// Takes a stream that has no description for whole when it ends with its end mark.
    public static let undescribed = ofStreams(
        "--undescribed",
        """
        The stream was written without a description (-machine suppress-vmdesc=on); without this \
        option a stream that ends at its end mark is taken to be cut off.
        """)
    /// Reads what there is of a stream that was cut off or is damaged.
    public static let partial = ofStreams(
        "--partial",
        "Show what is there of a stream that was cut off or is damaged, and say what is wrong.")

    private static func ofStreams(
        _ name: String, value: String? = nil, _ help: String
    ) -> SourceOption {
        SourceOption(
            name, value: value, bearer: "file with a stream", subject: "QEMU's streams", help: help)
    }
}

extension SourceOptions {
    /// How much of a stream must be there.
    var reading: StreamReading {
        has(.partial) ? .partial : has(.undescribed) ? .undescribed : .whole
    }
}

/// A kind of file that holds a QEMU migration stream, whatever is around it.
package protocol StreamFileKind: StateFileKind {
    /// Whether it is to be chosen which of several streams is meant (`--snapshot`).
    static var hasInternalSnapshots: Bool { get }

    /// Finds the stream in what was recognized as such a file.
    /// - Parameter snapshot: nil for the newest one; always for a kind without.
    /// - Throws: where there is no such stream, or the file around it is damaged.
    static func image(
        in input: ImageInput, snapshot: String?
    ) throws(SavedImageError) -> SavedImage

    /// The same to be changed while it is read from front to back; nil where it can be changed at any place, and where
    /// such a file does not pass.
    /// - Throws: where the file around the stream is damaged.
    static func passing(_ input: ImageInput) throws(SavedImageError) -> PassingImage?
}

extension ImageInput {
    /// The stream in it, whatever kind of file it is.
    /// - Parameter snapshot: the id or name of an internal snapshot; nil for the newest one with the state of a VM.
    /// - Throws: also where a snapshot is named and there are none to choose from.
    func image(snapshot: String?) throws(SavedImageError) -> SavedImage {
        guard let kind = SourceKinds.file(beginning: prefix) as? any StreamFileKind.Type else {
            throw try hasNoStream
        }
        guard snapshot == nil || kind.hasInternalSnapshots else {
            throw hasNoSnapshots(but: kind.shortPhrase)
        }
        return try kind.image(in: self, snapshot: snapshot)
    }

    var hasNoStream: SavedImageError {
        get throws(SavedImageError) {
            try notAStream(
                but: SourceKinds.file(beginning: prefix)?.phrase,
                expected: SourceKinds.phrases(
                    of: SourceKinds.files.filter { $0 is any StreamFileKind.Type }))
        }
    }
}

extension SourceSummary {
    /// Of a kind of file with a QEMU stream.
    init(
        ofStreamsIn grammar: String, _ meaning: String,
        abilities: SourceAbilities = [.read, .convert, .load, .mend],
        needs: String = "", example: String
    ) {
        self.init(
            grammar: grammar, meaning: meaning, abilities: abilities, needs: needs,
            options: [.internalSnapshot, .undescribed, .partial], example: example)
    }
}

extension StreamFileKind {
    /// By default there is one stream.
    public static var hasInternalSnapshots: Bool { false }

    /// By default such files do not pass.
    /// - Throws: never by itself.
    public static func passing(_ input: ImageInput) throws(SavedImageError) -> PassingImage? { nil }

    /// How to read it as it is, or to make of it what was expected.
    package static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        expected.adviceForGuests(in: file)
    }

    /// Finds the stream in the file and parses it, except its RAM.
    ///
    /// A qcow2 image needs no description in its stream, because its table says where the state ends.
    /// - Throws: when there is no stream, or it is cut off or damaged and `--partial` was not given.
    package static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        let image = try SourceError.passing {
            try input.image(snapshot: options[.internalSnapshot])
        }
        return try StreamFile(image, options.reading)
    }
}

/// A QEMU migration stream in a file; every error names the file.
public struct StreamFile: StateFile {
    /// For messages.
    package let name: String
    /// The parsed stream.
    ///
    /// Places in it count from its own first byte, not from that of the file.
    public let stream: QEMUStream
    private let image: SavedImage?
    /// Whether QEMU wrote it just now, and said that it is whole.
    private let isOfRunningVM: Bool

    /// `virt-10.0, vCPUs 0-1, saved with KVM; its RAM is not read`.
    public var content: String {
        let machine = stream.machineType.map { "\($0), " } ?? ""
        return "\(machine)\(indexText), written with \(stream.origin.text); its RAM is not read"
    }

    /// Where its parts are not where it says.
    public var flaw: String? { stream.misfit == nil ? nil : stream.placesText }

    /// Itself.
    public var streamFile: StreamFile? { self }

    init(_ image: SavedImage, _ reading: StreamReading) throws(SourceError) {
        // The table of a qcow2 image says where the state ends.
        let isDelimited = image.snapshot != nil && reading == .whole
        try self.init(image.stream, of: image, isDelimited ? .undescribed : reading)
    }

    init(
        _ bytes: any SeekableBytes, of image: SavedImage? = nil, named name: String? = nil,
        _ reading: StreamReading, ofVM machine: MachineFacts? = nil
    ) throws(SourceError) {
        isOfRunningVM = machine != nil
        self.name = name ?? bytes.name
        self.image = image
        stream = try SourceError.naming(self.name) { () throws(QEMUStreamError) in
            try QEMUStream(bytes, reading: reading, machineType: machine?.machineName)
        }
    }

    /// Whether it came through a pipe, and cannot be read again.
    package var isOfPipe: Bool { stream.bytes is HeadAndTail && image?.compression == nil }

    /// Whether it was passed on while it was read, so that it cannot be tried again.
    package var hasPassed: Bool { image == nil && stream.bytes is HeadAndTail }

    /// A bank for each vCPU, in the stream's order.
    ///
    /// Each call makes new ones: writes change neither the stream nor the banks of another call.
    package var banks: [QEMUVCPUBank] { stream.banks }

    /// The vCPUs' numbers, for messages.
    package var indexText: String { UnitNumbers(stream.cpus.map(\.instance).sorted()).title }

    /// Its registers; notices name the known losses.
    /// - Throws: never: what cannot be read is told in the result.
    public func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        warn(options)
        return try stateCapture(options)
    }

    /// The registers of every vCPU, in ascending order of vCPU number, and of the VM, by KVM's ids, without notices.
    /// - Throws: where the registers of a vCPU cannot be listed.
    package func stateCapture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        var result = try StateCapture(
            of: banks.map { OpenVCPU(index: $0.section.instance, bank: $0) },
            provenance(options), vm: stream.vmBank)
        result.snapshot.vcpus.sort { $0.index < $1.index }
        return result
    }

    /// What the stream says of its vCPUs' host, which is little: QEMU and the kernel are not in it.
    private func provenance(_ options: SourceOptions) -> Provenance {
        var result = Provenance()
        result[.tool] = options.tool
        result[.source] = name
        result[.qemuMachine] = stream.machineType
        result[.accelerator] = stream.origin == .unknown ? nil : stream.origin.rawValue
        let midrs = Set(banks.compactMap { try? $0.read(.midrEL1).description })
        result[.midr] = midrs.count == 1 ? midrs.first : nil
        return result
    }

    /// Notifies of what is known to be lost or cannot be relied on.
    func warn(_ options: SourceOptions) {
        let problem = stream.problem.map { "only a part is read: \($0)" }
        let another = stream.beginningBehindAnother.map {
            "it has more than one stream: the last is read, which begins at byte \($0); QEMU loads the first"
        }
        // Such a stream has no description, and nothing else is in it.
        let places = isOfRunningVM ? flaw : stream.placesText
        for warning in [problem, places, another].compactMap(\.self) {
            warn(warning, options)
        }
        warnOfLosses(options)
    }

    /// Makes sure that this is the stream QEMU would load, before anything is said about QEMU or made for it.
    /// - Throws: when it is not the first stream of its file.
    package func checkIsWhatQEMULoads() throws(SourceError) {
        guard let start = stream.beginningBehindAnother else { return }
        throw SourceError(
            "\(name): it has more than one stream, and QEMU loads the first, which is not read here: make a file of "
                + "each (the last begins at byte \(start): tail -c +\(start + 1)) and name one of them"
        )
    }

    private func warnOfLosses(_ options: SourceOptions) {
        for warning in stream.warnings { warn(warning.description, options) }
        if let problem = stream.interruptProblem {
            warn("its interrupt controller is left out: \(problem)", options)
        }
    }

    private func warn(_ text: String, _ options: SourceOptions) {
        options.notify("\(name): warning: \(text)")
    }

    /// What to change in the file so that its stream has these sections.
    /// - Throws: when the stream is compressed, or a qcow2 image cannot be changed there.
    package func changes(to sections: [CPUSection]) throws(SourceError) -> FilePatch {
        let patch = try patch(replacing: sections)
        try checkCanBeChanged()
        return try SourceError.passing { try image?.changes(for: patch) ?? patch }
    }

    /// Finds out whether `changes(to:)` can be asked for.
    /// - Throws: when the stream is compressed.
    package func checkCanBeChanged() throws(SourceError) {
        if let problem = whyUnchangeable { throw SourceError("\(name): \(problem)") }
    }

    /// Whether `checkCanBeChanged` throws nothing.
    package var canBeChanged: Bool { whyUnchangeable == nil }

    /// What to change in the stream so that it has these sections.
    func patch(replacing sections: [CPUSection]) throws(SourceError) -> FilePatch {
        try SourceError.naming(name) { () throws(QEMUStreamError) in
            try stream.patch(replacing: sections)
        }
    }

    /// The program that compressed the whole file; nil where none did.
    package var fileCompression: String? { image?.fileCompression?.program }

    private var whyUnchangeable: String? {
        if let program = fileCompression {
            return
                "the stream is compressed: unpack it first (\(program) -dc \(FileName.word(name)) > FILE), and name FILE"
        }
        return image?.compression.map {
            "libvirt compressed the stream with \($0.program), and it cannot be changed where it "
                + "is: mend the image with --output, which compresses it again"
        }
    }
}

extension QEMUStream {
    /// Says that the description does not fit, or that the vCPUs were found by search; nil where neither is so.
    public var placesText: String? {
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
