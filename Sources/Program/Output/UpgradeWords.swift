internal import LinuxSystem
internal import Machines
internal import Planning

/// Commands about a guest of `upgrade`, as they are typed.
struct UpgradeWords {
    /// The guest as given on the command line.
    let source: String
    /// The same as a SOURCE of other commands.
    let guest: String
    /// The profile of its host; nil where one has to be recorded first.
    let host: String?
    /// The kernel of that host, where it was given.
    let from: String?
    /// The options that name the new kernel, with a space before each.
    let kernel: String
    /// As given on the command line.
    let policy: String
    let streamOptions: StreamOptions

    private var profile: String { host ?? "HOST.vhost" }

    /// Makes the profile of the guest's host, where there is none.
    private var recording: String {
        guard host == nil else { return "" }
        let option = from.map { " --kernel \(FileName.shown($0))" } ?? ""
        return "vcpusnap host --from \(source)\(option) -o \(profile)"
    }

    /// Proposes the rules with which the guest goes up.
    var planning: String {
        (recording.isEmpty ? "" : recording + " && ")
            + "vcpusnap plan \(guest) --host \(profile)\(kernel) --write-policy FILE"
    }

    /// - Parameter file: of the guest's stream; nil where the stream of this move is not there yet.
    func mend(
        _ file: StreamFile?, _ move: KernelUpgrade.Move, by version: QEMUVersion
    ) -> MendWords {
        let kernel = move == .up ? kernel : ""
        var mend = MendWords(
            file == nil ? "STREAM" : source, file, streamOptions,
            to: "--host \(profile) --qemu \(version)\(kernel)", policy: policy)
        mend.proposing = "vcpusnap plan --qemu \(version) --write-policy"
        mend.preparation = recording
        return mend
    }
}
