public import LinuxSystem
internal import VCPUModel

/// Where state is taken from or put: a SOURCE or TARGET of the command line.
public enum Location: Sendable {
    /// Something with a scheme, such as `kvm:`.
    case named(any NamedSource)
    /// A file by its path.
    case file(String)
    /// `-`: standard input to read from, standard output to write to.
    case standardStream

    /// - Returns: nil for a name that cannot be meant, such as `pid:x`.
    public init?(argument: String) {
        if argument.isEmpty { return nil }
        guard let kind = SourceKinds.named.first(where: { argument.hasPrefix($0.scheme) }) else {
            self.init(path: argument)
            return
        }
        guard let source = kind.init(String(argument.dropFirst(kind.scheme.count))) else {
            return nil
        }
        self = .named(source)
    }

    /// A word that names a source, or else a file or a built-in profile, as `--host` takes it.
    package init(word: String) {
        self = Location(argument: word) ?? Location(path: word)
    }

    /// A file whose name was given, or `-`.
    public init(path: String) {
        self = path == "-" ? .standardStream : .file(path)
    }

    init(_ source: some NamedSource) {
        self = .named(source)
    }

    /// As it was given.
    public var argument: String {
        switch self {
        case .named(let source): type(of: source).scheme + source.name
        case .file(let path): path
        case .standardStream: "-"
        }
    }

    /// For messages.
    public var text: String { FileName.shown(argument) }

    /// The kind of what has a scheme; nil for files.
    public var namedKind: (any NamedSource.Type)? {
        guard case .named(let source) = self else { return nil }
        return type(of: source)
    }
}

extension Location: Equatable {
    /// Whether both are written the same way on a command line.
    public static func == (left: Location, right: Location) -> Bool {
        left.argument == right.argument
    }
}

extension Location {
    /// Where bytes are read or written.
    public enum Place: Sendable {
        /// A file or pipe by its path.
        case path(String)
        /// Standard input to read from, standard output to write to.
        case standardStream
    }

    /// - Parameter advice: what to give instead.
    /// - Throws: for a source that is not a file.
    public func place(orElse advice: String) throws(SourceError) -> Place {
        switch self {
        case .file(let path): return .path(path)
        case .standardStream: return .standardStream
        case .named: throw isNoFile(orElse: advice)
        }
    }

    /// Writes a whole file or nothing; standard output gets the bytes as they are.
    /// - Parameters:
    ///   - access: `kept` for a file that is changed.
    ///   - advice: what to give instead of what is no file.
    /// - Throws: for a source that is not a file, and where the file cannot be written.
    public func write(
        _ bytes: [UInt8], access: AtomicFile.Access, orElse advice: String
    ) throws(SourceError) {
        let place = try place(orElse: advice)
        try SourceError.passing {
            switch place {
            case .standardStream: try StandardStream.output.write(bytes)
            case .path(let path): try AtomicFile.replace(path, access: access, with: [bytes])
            }
        }
    }

    func isNoFile(orElse advice: String) -> SourceError {
        SourceError("\(text) is not a file: \(advice)")
    }

    /// For what runs, and is to be changed register by register.
    var isNotForEditing: SourceError {
        let others = SourceKinds.schemes(thatCan: .edit)
        return SourceError(
            "\(text) cannot be edited: name \(others)a snapshot file or -; vcpusnap save makes one of what runs"
        )
    }

    /// Which file it is; nil where it is no regular file.
    public var identity: FileIdentity? {
        switch self {
        case .file(let path): FileIdentity(of: path)
        case .standardStream: FileIdentity(of: .input)
        case .named: nil
        }
    }

    /// Whether it is that file, or is made from it.
    private func needs(_ file: FileIdentity) -> Bool {
        guard case .named(let source) = self else { return identity == file }
        return source.files.contains(file)
    }

    /// What to say when a command has written here and then cannot print its report; nil where nothing of it lasts.
    package var writtenBefore: String? {
        isLasting ? "\(text) was written before that, and is whole" : nil
    }

    /// The host that a restore into it is planned on, as `--host` takes it; nil for a file.
    package var hostOfRestore: String? {
        guard case .named(let source) = self else { return nil }
        return source.hostOfRestore.map(FileName.shown)
    }

    /// What would be lost if the changed state were written over this: nothing of a file, which is meant to change, but
    /// of an emulated vCPU the profile that it was made from.
    ///
    /// What goes to standard output replaces no file, and would be written into or behind it.
    package func lostByItsChange(in output: Location) -> [Location] {
        if case .file = self, output != .standardStream { return [] }
        return [self]
    }

    /// Whether what is written to it outlives the command.
    package var isLasting: Bool {
        switch self {
        case .file: true
        case .standardStream: false
        case .named(let source): source.isLasting
        }
    }

    /// Whether no time passes for it, as is so of all files, and of some of what has a scheme.
    package var isAtRest: Bool {
        guard case .named(let source) = self else { return true }
        return source.isAtRest
    }

    /// Whether it is a file, or `-`, which is rewritten as a whole to change it.
    package var isFile: Bool { namedKind == nil }

    /// Why no snapshot can be restored into it, or not as a mere trial; nil where one can.
    package func objection(to use: RestoreUse) -> String? { namedKind?.objection(to: use) }
}

// MARK: - Checks before any work is done

/// What a result consists of; binary is not written to a terminal.
package enum OutputContent: Sendable {
    case text, binary
}

extension Location {
    /// Makes sure, before any work is done, that a result can be written here and that nothing is lost by it.
    /// - Parameters:
    ///   - inputs: what the result is made of, which would be lost where this is the same file.
    ///   - advice: what to do then.
    /// - Throws: where it cannot be written, or something would be lost.
    package func checkOutput(
        _ content: OutputContent, keeping inputs: [Location],
        orElse advice: String = "name another file"
    ) throws(SourceError) {
        let identity: FileIdentity?
        switch try place(orElse: "a result goes to a file or -") {
        case .standardStream:
            guard content == .text || !StandardStream.output.isTerminal else {
                throw SourceError(
                    "standard output is a terminal, and the result is binary: send it to a file or a "
                        + "pipe, or name a file with --output")
            }
            identity = FileIdentity(of: .output)
        case .path(let path):
            identity = FileIdentity(of: path)
            try SourceError.passing { try AtomicFile.check(path) }
            guard File.beginning(of: path, count: UndoFile.magic.count) != UndoFile.magic else {
                throw SourceError(
                    "\(text) is an undo file, from which vcpusnap unmend restores another file: name another, "
                        + "or remove it first if nothing is to be restored")
            }
        }
        guard let identity, let input = inputs.first(where: { $0.needs(identity) }) else {
            return
        }
        throw SourceError(
            "\(text) is the same file as \(input.text), whose contents would be lost: \(advice)")
    }

    /// Makes sure that nothing is written over.
    /// - Parameter advice: what to do instead, as it follows the sentence that the file is there.
    /// - Throws: where a file is there already.
    package func checkIsNew(orElse advice: String = ": name another file") throws(SourceError) {
        guard identity == nil else {
            throw SourceError("\(text) already exists\(advice)")
        }
    }

    /// Makes sure that standard input is not to be read twice.
    /// - Throws: where it is named twice.
    package static func checkInputs(_ inputs: [Location]) throws(SourceError) {
        guard inputs.filter({ $0 == .standardStream }).count < 2 else {
            throw SourceError(
                "standard input can be read only once: name files for the others")
        }
    }
}
