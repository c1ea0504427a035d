internal import LinuxSystem
internal import QEMUStream

/// What a result is, for those who look at it by themselves.
enum OutputContent {
    case text, binary
}

extension Location {
    /// Makes sure, before any work is done, that a result can be written here and that nothing is lost by it.
    /// - Parameters:
    ///   - inputs: what the result is made of, which would be lost where this is the same file.
    ///   - advice: what to do then.
    func checkOutput(
        _ content: OutputContent, keeping inputs: [Location],
        orElse advice: String = "name another file"
    ) throws {
        let identity: FileIdentity?
        switch try place(orElse: "a result goes to a file or -") {
        case .standardStream:
            guard content == .text || !StandardStream.output.isTerminal else {
                throw CommandError(
                    "standard output is a terminal, and this is no text: send it to a file or a "
                        + "pipe, or name a file with --output")
            }
            identity = FileIdentity(of: .output)
        case .path(let path):
            identity = FileIdentity(of: path)
            try AtomicFile.check(path)
            guard File.beginning(of: path, count: UndoFile.magic.count) != UndoFile.magic else {
                throw CommandError(
                    "\(text) is an undo file, with which vcpusnap unmend restores another: name another file, "
                        + "or remove it first if nothing is to be restored")
            }
        }
        guard let identity, let input = inputs.first(where: { $0.identity == identity }) else {
            return
        }
        throw CommandError(
            "\(text) is the same file as \(input.text), whose contents would be lost: \(advice)")
    }

    /// What is lost where the changed state of this is written over it: nothing of a file, whose new state that is, but
    /// a profile that a CPU was made from.
    var lostByItsChange: [Location] {
        if case .file = self { return [] }
        return [self]
    }

    /// Which file it is; nil for what is none.
    var identity: FileIdentity? {
        switch self {
        case .file(let path), .emulated(let path): FileIdentity(of: path)
        case .standardStream: FileIdentity(of: .input)
        case .kvm, .qmp, .process: nil
        }
    }

    /// Makes sure that standard input is not to be read twice.
    static func checkInputs(_ inputs: [Location]) throws {
        guard inputs.filter({ $0 == .standardStream }).count < 2 else {
            throw CommandError(
                "standard input can be read only once: name files for the others")
        }
    }

    /// A file whose name was given, or `-`.
    init(path: String) {
        self = path == "-" ? .standardStream : .file(path)
    }
}
