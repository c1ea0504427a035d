internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import Reports
internal import Transfer
internal import VCPUModel

/// `vcpusnap upgrade --to KERNEL SNAPSHOT|STREAM|PROFILE...`.
struct Upgrade: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether guests survive another kernel, and the way back.",
        usage: "vcpusnap upgrade --to <kernel> <guest> ... [options]",
        discussion: """
            Each guest's host is taken as it would be with the kernel of --to, and three
            moves are planned: the guest moves to the new kernel; the guest, as it is by
            then, moves back to the present kernel; and a guest that was started on the new
            kernel moves back. Losses are grouped by cause, as in vcpusnap plan. The exit
            code is 0 unless one of the moves cannot be made.

            Snapshots and profiles are moved the way vcpusnap restore does it. A stream is
            loaded by QEMU, so QEMU's loads of it are what counts: by the version of
            --qemu, else that of the stream's machine type, else the newest known.

            The host is the one that the snapshot describes, or that of --host, which the
            stream of a guest with SVE needs: no stream tells the lengths of vectors. A
            profile is both a host and a fresh guest on it. What a kernel hides of the CPU
            is taken from other recordings of the same CPU, built-in or given with --like;
            otherwise it is guessed, and the guess is reported. No host needs to run the
            new kernel.

            EXAMPLES
              vcpusnap upgrade --to 7.3 *.vcpusnap
              vcpusnap upgrade --to 7.3 vm.mig --host rack1.vhost
              vcpusnap upgrade --to 6.12 6.1-neoverse-n1
            """)

    @Argument(
        help: "The guests: SOURCEs, or profiles by file or built-in name.",
        completion: Completions.guests)
    var guests: [String]

    @Option(
        help: ArgumentHelp(
            "The kernel to upgrade to (uname -r, or a version).", valueName: "kernel"))
    var to: String

    @Option(
        help: ArgumentHelp(
            "The kernel that the hosts run now, where a snapshot does not say.", valueName: "kernel"
        ))
    var from: String?

    @Option(
        help: "The host of the guests: \(SourceKinds.hostGrammar).",
        completion: Completions.hosts)
    var host: String?

    @Option(
        help:
            "The QEMU version that loads the streams (\(QEMUVersion.oldest) to \(QEMUVersion.newest))."
    )
    var qemu: String?

    @OptionGroup var like: LikeOption

    @OptionGroup var policy: PolicyOption

    @OptionGroup var streamOptions: StreamOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard from == nil || host == nil else {
            throw ValidationError("--from and --host: a profile tells the kernel of its host")
        }
    }

    func run() throws {
        let names = guests + like.files + [host].compactMap(\.self)
        try Location.checkInputs(names.map(Location.init(word:)) + [policy.location])
        let given = try policy.load()
        let kernel = try like.otherKernel(to)
        let version = try qemu.map { try QEMUVersion(option: $0) }
        let host = try host.map { try Location(word: $0).host(.commandLine) }
        let report = UpgradeOutput(
            upgrades: try guests.map { name in
                let guest = try guest(name, on: host)
                let plan = try KernelUpgrade(
                    of: guest.snapshot, on: guest.host,
                    to: kernel.profile(of: guest.host, named: "\(guest.host.name)@\(to)"),
                    policy: given.policy)
                return UpgradeOutput.Upgrade(
                    source: name, notes: guest.snapshot.noteTexts, plan: plan,
                    loads: try guest.file.map {
                        try StreamUpgrade(of: $0.stream, by: version, plan, policy: given.policy)
                    }, file: guest.file, words: words(name, isHost: guest.isHost))
            }, kernel: to, policy: given.policy.name, values: output.values)
        guard version == nil || report.upgrades.contains(where: { $0.loads != nil }) else {
            throw CommandError("--qemu is for streams: none of the guests is one")
        }
        try report.print(as: output.printing)
    }

    private func words(_ name: String, isHost: Bool) -> UpgradeWords {
        let source = Location(word: name)
        return UpgradeWords(
            source: FileName.word(source.text),
            guest: FileName.word(isHost ? source.freshGuest.text : source.text),
            host: host.map(FileName.word) ?? (isHost ? FileName.word(source.text) : nil),
            from: from,
            kernel: " --kernel \(FileName.shown(to))\(like.text)",
            policy: FileName.shown(policy.text),
            streamOptions: streamOptions)
    }

    /// A guest, and the host that it is on.
    private func guest(
        _ name: String, on host: HostProfile?
    ) throws -> (snapshot: Snapshot, host: HostProfile, file: StreamFile?, isHost: Bool) {
        let source = Location(word: name)
        let guest = try source.guestOrHost(streamOptions.options)
        let snapshot = guest.capture.reporting(from: source)
        try snapshot.requireVCPUs(of: source, to: "plan")
        let own = try host ?? guest.ownHost(kernel: from, named: source)
        return (snapshot, own, guest.loadedStreamFile, guest.host != nil)
    }
}
