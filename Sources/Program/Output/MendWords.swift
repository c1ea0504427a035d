internal import LinuxSystem
internal import Machines

/// `vcpusnap mend` as it is typed for a stream and a destination.
struct MendWords {
    /// The stream as given on the command line, and the options that say which stream of the file it is.
    let source: String
    let streamOptions: String
    /// What decompresses the stream, and what compresses it again; nil where mend does so itself.
    let compression: String?
    /// The options that name the destination.
    let destination: String
    /// As given on the command line.
    let policy: String
    /// What has to be done first, as it is typed; empty for nothing.
    var preparation = ""
    /// What writes the rules that a mend needs.
    var proposing = "--write-policy"

    /// - Parameter file: of the stream; nil where it is not there yet.
    init(
        _ source: String, _ file: StreamFile?, _ options: StreamOptions, to destination: String,
        policy: String
    ) {
        (self.source, self.destination) = (FileName.word(source), destination)
        self.policy = FileName.word(policy)
        streamOptions = file == nil ? "" : options.text
        compression = file?.fileCompression
    }

    private var givenPolicy: String { policy == "safe" ? "" : " --policy \(policy)" }

    /// The command that asks about each thing in the way instead.
    var fixing: String { "vcpusnap fix \(source)\(streamOptions) \(destination)\(givenPolicy)" }

    /// The command; the stream that it writes is MENDED where a policy is named FILE.
    /// - Parameter policy: in place of the one of the command line.
    func typed(as policy: String?) -> String {
        let options =
            streamOptions + " " + destination + (policy.map { " --policy \($0)" } ?? givenPolicy)
        let target = policy == nil ? "FILE" : "MENDED"
        let first = preparation.isEmpty ? "" : "\(preparation) && "
        guard let compression else {
            return "\(first)vcpusnap mend \(source)\(options) -o \(target)"
        }
        let input = source == "-" ? "" : " \(source)"
        return
            "\(first)\(compression) -dc\(input) | vcpusnap mend -\(options) -o - | \(compression) -c > \(target)"
    }
}
