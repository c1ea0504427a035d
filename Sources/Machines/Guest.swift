public import Emulation
public import QEMUStream
public import VCPUModel
public import VMMFiles

/// A guest as a word of the command line names it: the state of a source, or the fresh guest of a host.
public struct Guest {
    /// Its state, at one moment.
    public let capture: StateCapture
    /// The file of the stream that the state came in; nil where it came in none.
    package let streamFile: StreamFile?
    /// The host whose fresh guest it is; nil where the source is no host profile.
    public let host: HostProfile?

    /// What the file of a VMM told; nil where it came in none.
    public let vmmState: VMMState?

    /// The stream itself.
    public var stream: QEMUStream? { streamFile?.stream }

    /// The same where QEMU loads it: of a file with several streams it loads the first.
    package var loadedStreamFile: StreamFile? {
        stream?.beginningBehindAnother == nil ? streamFile : nil
    }

    init(_ capture: StateCapture, from file: (any StateFile)? = nil) {
        self.capture = capture
        streamFile = file?.streamFile
        vmmState = file?.vmmFile?.state
        host = file?.host
    }
}

extension Guest {
    /// A guest which is started on a host in a way of its own.
    package init(of host: HostProfile, started snapshot: Snapshot) {
        capture = StateCapture(snapshot)
        (streamFile, vmmState) = (nil, nil)
        self.host = host
    }

    /// The host that it is on: the one whose fresh guest it is, or what its state tells of its host.
    /// - Parameters:
    ///   - kernel: of that host, where the state does not tell it; nil for none.
    ///   - source: for errors.
    /// - Throws: where that is too little, or another kernel than that one.
    package func ownHost(
        kernel: String?, named source: Location
    ) throws(SourceError) -> HostProfile {
        do throws(HostProfileError) {
            guard let host else { return try HostProfile(from: capture.snapshot, kernel: kernel) }
            _ = try HostProfile.release(told: host.kernelRelease, given: kernel)
            return host
        } catch {
            let problem =
                switch error {
                case .noKernel, .unusableKernel:
                    "it does not say which kernel its host runs: give that host's uname -r with --from, or its "
                        + "profile with --host"
                case .noVersion: throw SourceError("\(error)")
                default: "\(error); or give the profile of its host with --host"
                }
            throw SourceError("\(source.text): \(problem)")
        }
    }
}

extension Location {
    /// The guest of whatever this is.
    /// - Throws: what `capture` throws.
    public func guest(_ options: SourceOptions) throws(SourceError) -> Guest {
        guard isFile else { return Guest(try capture(options)) }
        let file = try openFile(options)
        return Guest(try file.capture(options), from: file)
    }

    /// The same where the name of a built-in profile means its host, as `--host` has it.
    ///
    /// Of a host the options say nothing.
    /// - Throws: what `capture` throws.
    public func guestOrHost(_ options: SourceOptions) throws(SourceError) -> Guest {
        guard isHostFile else { return try guest(options) }
        let file = try openHostFile(options)
        return Guest(try file.capture(options), from: file)
    }
}

extension Snapshot {
    /// Makes sure that there are vCPUs: a file may have none.
    /// - Parameter verb: what was to be done with it.
    /// - Throws: where there are none.
    public func requireVCPUs(of location: Location, to verb: String) throws(SourceError) {
        if vcpus.isEmpty { throw Self.hasNoVCPU(location, to: verb) }
    }

    static func hasNoVCPU(_ location: Location, to verb: String) -> SourceError {
        SourceError("\(location.text) holds no vCPU: there is nothing to \(verb)")
    }
}
