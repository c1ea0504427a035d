internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import Transfer
internal import VCPUModel

/// `vcpusnap upgrade --to KERNEL SNAPSHOT|STREAM|PROFILE...`.
struct Upgrade: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether guests survive another kernel, and the way back.",
        usage: "vcpusnap upgrade --to <kernel> <guest> ... [options]",
        discussion: """
            Each guest's host is taken as it would be with the kernel of --to. Three moves
            are planned: the guest goes up to it; the guest, as it is then, goes back to
            today's kernel; and a guest that was started on the new kernel goes back.
            Losses are grouped by cause, as in vcpusnap plan. The exit code is 0 unless one
            of the moves cannot be made.

            Snapshots and profiles are moved as vcpusnap restore does it. A stream is for
            QEMU, so that what counts are QEMU's loads of it: by the version of --qemu, or
            else of the stream's machine type, or else the newest known.

            A host is what the snapshot tells of it, or that of --host; a profile is a host
            and a fresh guest of it. What a kernel hides of the CPU is taken from other
            recordings of the same CPU, built-in or given with --like; otherwise it is
            guessed, and the guess is reported. No host needs to have the kernel.

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
            "The kernel that the hosts get (uname -r, or a version).", valueName: "kernel"))
    var to: String

    @Option(
        help: ArgumentHelp(
            "The kernel that they have now, where a snapshot does not tell it.", valueName: "kernel"
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
                    loads: try guest.file.map { try loads(of: $0, by: version, name, plan, given) })
            }, kernel: to, policy: given.policy.name, values: output.values)
        guard version == nil || report.upgrades.contains(where: { $0.loads != nil }) else {
            throw CommandError("--qemu is for streams: none of the guests is one")
        }
        try report.print(as: output.printing)
    }

    private func loads(
        of file: StreamFile, by version: QEMUVersion?, _ name: String, _ plan: KernelUpgrade,
        _ given: LoadedPolicy
    ) throws -> UpgradeOutput.StreamLoads {
        let upgrade = try StreamUpgrade(
            of: file.stream, by: version, plan, policy: given.policy)
        let profile = host.map(FileName.shown) ?? "HOST.vhost"
        return UpgradeOutput.StreamLoads(
            upgrade: upgrade,
            answers: upgrade.loads.map { what, remedies in
                let isUp = what == .up
                let kernel = isUp ? " --kernel \(FileName.shown(to))\(like.text)" : ""
                var mend = MendWords(
                    isUp ? FileName.shown(name) : "STREAM", isUp ? file : nil, streamOptions,
                    to: "--host \(profile) --qemu \(upgrade.version)\(kernel)",
                    policy: FileName.shown(policy.text))
                mend.proposing = "vcpusnap plan --qemu \(upgrade.version) --write-policy"
                if host == nil { mend.preparation = Self.recording(name, from: from, to: profile) }
                return (what, LoadAnswer(remedies: remedies, mend: mend))
            })
    }

    /// Makes the profile of a stream's host.
    private static func recording(_ name: String, from kernel: String?, to file: String) -> String {
        let option = kernel.map { " --kernel \(FileName.shown($0))" } ?? ""
        return "vcpusnap host --from \(FileName.shown(name))\(option) -o \(file)"
    }

    /// A guest, and the host that it is on.
    private func guest(
        _ name: String, on host: HostProfile?
    ) throws -> (snapshot: Snapshot, host: HostProfile, file: StreamFile?) {
        let source = Location(word: name)
        let guest = try source.guestOrHost(streamOptions.options)
        let snapshot = guest.capture.reporting(from: source)
        try snapshot.requireVCPUs(of: source, to: "plan")
        let own = try host ?? guest.ownHost(kernel: from, named: source)
        return (snapshot, own, guest.loadedStreamFile)
    }
}
