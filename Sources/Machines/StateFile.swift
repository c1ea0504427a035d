public import Emulation
internal import LinuxSystem
public import QEMUStream
internal import SnapshotFormat
internal import VCPUModel

/// A kind of file that holds the state of vCPUs.
public protocol StateFileKind: StateSource {
    /// What error messages call such a file: `a QEMU migration stream`.
    static var phrase: String { get }

    /// What a message calls one that is there in the place of another file: `a qcow2 image`.
    static var shortPhrase: String { get }

    /// What to do with such a file or instead, as that message ends: `; decompress it first`; nil for the usual.
    static func advice(for file: String, insteadOf expected: ExpectedFile) -> String?

    /// Where such a file is what was expected; nil where it never is.
    static var meets: ExpectedFile? { get }

    /// Whether the name says that a file is of this kind, where its content is of no kind that is known.
    static func claims(_ location: Location) -> Bool

    /// Whether a file that begins with these bytes is of this kind; there are at most
    /// `ImageInput.prefixSize`.
    static func recognizes(_ prefix: [UInt8]) -> Bool

    /// Opens a file that was claimed by its name.
    /// - Throws: where it cannot be opened or read.
    static func open(
        _ location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile

    /// Opens a file whose first bytes were read already.
    /// - Throws: where it cannot be read, or is damaged.
    static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile

    /// The file by which a folder is recognized that such a file is in; nil for a kind that is in none.
    static var nameInFolder: String? { get }

    /// Opens such a folder.
    /// - Throws: where a file in it cannot be read, or is damaged.
    static func open(
        folder: String, named name: String, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile

    /// Opens it so that its registers can be written.
    /// - Throws: for a kind that can only be read, and where its vCPUs do not suit the purpose.
    static func open(
        _ location: Location, for purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState
}

/// A file or pipe that was opened, with the state of vCPUs.
public protocol StateFile {
    /// Its registers; notices name the known losses.
    /// - Throws: where it turns out to be damaged, or an option asks for what it does not have.
    func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture

    /// What it says of the host whose fresh guest it is; nil where it is no host.
    var host: HostProfile? { get }

    /// The QEMU stream that the state is in; nil where it is in none.
    var streamFile: StreamFile? { get }

    /// The file of a VMM that it is; nil where it is none.
    var vmmFile: VMMFile? { get }

    /// What is in it, in few words.
    var content: String { get }

    /// What is wrong with it although it can be read; nil for nothing.
    var flaw: String? { get }
}

extension StateFile {
    /// By default it is no host.
    public var host: HostProfile? { nil }

    /// By default it is in none.
    public var streamFile: StreamFile? { nil }

    /// By default it is none.
    public var vmmFile: VMMFile? { nil }

    /// By default nothing is said.
    public var content: String { "" }

    /// By default nothing is wrong.
    public var flaw: String? { nil }
}

extension StateFileKind {
    /// The same by default.
    public static var shortPhrase: String { phrase }

    /// By default the usual.
    public static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? { nil }

    /// By default it is always another one that was expected.
    public static var meets: ExpectedFile? { nil }

    /// By default the content tells, not the name.
    public static func claims(_ location: Location) -> Bool { false }

    /// By default it is in none.
    public static var nameInFolder: String? { nil }

    /// By default there is none.
    /// - Throws: that the name is that of a folder.
    public static func open(
        folder: String, named name: String, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        throw SourceError(FileError(.read, name, .isDirectory))
    }

    /// By default the file is opened and read like one that is recognized by its content.
    /// - Throws: where the file cannot be opened, and what reading it throws.
    public static func open(
        _ location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        try open(try location.input(), of: location, options)
    }

    /// By default it is read as a snapshot; anything else is refused with the words of the snapshot reader.
    /// - Throws: for what is no snapshot, and one that is damaged or whose vCPUs do not suit the
    ///   purpose.
    public static func open(
        _ location: Location, for purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState {
        try SourceKinds.ofResults.open(location, for: purpose, options)
    }
}

extension Location {
    /// The state at one moment of whatever this is.
    /// - Throws: for options that are of no use with it, and where it cannot be reached, recognized
    ///   or read.
    public func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        guard case .named(let source) = self else {
            return try openFile(options).capture(options)
        }
        try checkOptions(options, of: type(of: source))
        return try source.capture(options)
    }

    /// Opens it so that its registers can be written.
    /// - Throws: for what can only be read, and where it cannot be reached, or its vCPUs do not
    ///   suit the purpose.
    public func open(
        _ purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState {
        switch self {
        case .named(let source): return try source.open(purpose, options)
        case .file(let path):
            return try (Self.kind(ofFile: path) ?? SourceKinds.ofResults)
                .open(self, for: purpose, options)
        case .standardStream:
            return try SourceKinds.ofResults.open(self, for: purpose, options)
        }
    }

    /// The file, whatever its kind.
    /// - Throws: for a source that is not a file, options that are of no use with it, and a file
    ///   that cannot be read or recognized.
    public func openFile(_ options: SourceOptions) throws(SourceError) -> any StateFile {
        guard kindOfFolder == nil, let kind = kindByName else { return try openGuestFile(options) }
        try checkOptions(options, of: kind)
        return try kind.open(self, options)
    }

    /// The file, of a kind that is recognized by its content.
    /// - Throws: as `openFile` does.
    public func openGuestFile(_ options: SourceOptions) throws(SourceError) -> any StateFile {
        guard let kind = kindOfFolder else { return try openGuestFile(try input(), options) }
        try checkOptions(options, of: kind)
        return try kind.open(folder: argument, named: text, options)
    }

    func openGuestFile(
        _ input: ImageInput, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        guard let kind = SourceKinds.file(beginning: input.prefix) else {
            throw Self.unknownKind(input)
        }
        try checkOptions(options, of: kind)
        return try kind.open(input, of: self, options)
    }

    /// The kind of a folder; nil for what is none, or one of no kind that is known.
    var kindOfFolder: (any StateFileKind.Type)? {
        guard case .file(let path) = self else { return nil }
        return SourceKinds.files.first { kind in
            guard let name = kind.nameInFolder else { return false }
            return File.beginning(of: "\(path)/\(name)", count: 1) != nil
        }
    }

    /// The kind that the name tells, unless the content is that of another one.
    var kindByName: (any StateFileKind.Type)? {
        guard case .file(let path) = self,
            let claimed = SourceKinds.files.first(where: { $0.claims(self) })
        else { return nil }
        return Self.kind(ofFile: path).map { $0 == claimed } ?? true ? claimed : nil
    }

    /// The kind of a file by its name or else its content; nil for what is no regular file, or none that is known.
    var fileKind: (any StateFileKind.Type)? {
        guard case .file(let path) = self else { return nil }
        return kindOfFolder ?? kindByName ?? Self.kind(ofFile: path)
    }

    private static func kind(ofFile path: String) -> (any StateFileKind.Type)? {
        SourceKinds.file(
            beginning: File.beginning(of: path, count: ImageInput.prefixSize) ?? [])
    }

    /// A file or pipe with its first bytes looked at.
    func input() throws(SourceError) -> ImageInput {
        let place = try place(orElse: "name a file or -")
        return try SourceError.passing {
            switch place {
            case .standardStream: try ImageInput(.input)
            case .path(let path): try ImageInput(opening: path)
            }
        }
    }

    /// Makes sure, before anything is opened, that each option means something to a kind that is known by its name.
    /// - Throws: for an option that only other kinds take.
    public func checkOptions(_ options: SourceOptions) throws(SourceError) {
        if let kind = namedKind { return try checkOptions(options, of: kind) }
        let takers = SourceKinds.files
        guard
            let option = options.given.first(where: { option in
                !takers.contains { $0.takes(option) }
            })
        else { return }
        throw hasNoUse(option, as: "no \(option.bearer)")
    }

    private func checkOptions(
        _ options: SourceOptions, of kind: any StateSource.Type
    ) throws(SourceError) {
        guard let option = options.misplaced(in: kind).first else { return }
        let found = (kind as? any StateFileKind.Type)?.phrase ?? "no \(option.bearer)"
        throw hasNoUse(option, as: found)
    }

    func hasNoUse(_ option: SourceOption, as found: String) -> SourceError {
        SourceError(
            "\(text) is \(found), and \(option.name) is about \(option.subject): leave it out")
    }

    private static func unknownKind(_ input: ImageInput) -> SourceError {
        SourceError(
            "\(input.name): not a file that is read here: it begins with "
                + "\(input.prefix.prefix(ImageInput.shownSize).hexadecimal); expected "
                + SourceKinds.phrases(of: SourceKinds.files))
    }
}
