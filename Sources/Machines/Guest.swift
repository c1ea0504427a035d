public import Emulation
public import QEMUStream
public import VCPUModel

/// A guest as a word of the command line names it: the state of a source, or the fresh guest of a host.
public struct Guest {
    /// Its state, at one moment.
    public let capture: StateCapture
    /// The stream that the state came in; nil where it came in none.
    public let stream: QEMUStream?
    /// The host whose fresh guest it is; nil where the source is no host profile.
    public let host: HostProfile?

    init(_ capture: StateCapture, from file: (any StateFile)? = nil) {
        self.capture = capture
        stream = (file as? StreamFile)?.stream
        host = (file as? HostProfileFile)?.profile
    }
}

extension Location {
    /// The guest of whatever this is.
    public func guest(_ options: SourceOptions) throws(SourceError) -> Guest {
        guard namedKind == nil else { return Guest(try capture(options)) }
        let file = try openFile(options)
        return Guest(try file.capture(options), from: file)
    }

    /// The same where the name of a built-in profile means its host, as `--host` has it.
    ///
    /// Of a profile the options say nothing.
    public func guestOrHost(_ options: SourceOptions) throws(SourceError) -> Guest {
        guard isProfile else { return try guest(options) }
        let file = HostProfileFile(profile: try ProfileFile.load(argument))
        return Guest(try file.capture(options), from: file)
    }

    /// Whether it is a host profile: by the name of a built-in one, or as a file by its name or else its content.
    public var isProfile: Bool {
        guard case .file(let path) = self else { return false }
        return HostProfile.builtInNames.contains(path) || path.hasPrefix(SSHHost.scheme)
            || fileKind.map { $0 == HostProfileFile.self } ?? false
    }
}

extension Snapshot {
    /// Throws for a snapshot without vCPUs, which a file may be.
    /// - Parameter verb: what was to be done with it.
    public func requireVCPUs(of location: Location, to verb: String) throws(SourceError) {
        if vcpus.isEmpty { throw Self.hasNoVCPU(location, to: verb) }
    }

    static func hasNoVCPU(_ location: Location, to verb: String) -> SourceError {
        SourceError("\(location.text) holds no vCPU: there is nothing to \(verb)")
    }
}
