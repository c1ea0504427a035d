internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
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
        help: "The host of the guests: the name of a built-in profile, or a .vhost file.",
        completion: Completions.hosts)
    var host: String?

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
        try Location.checkInputs(names.map { Location(path: $0) } + [policy.location])
        let policy = try policy.load().policy
        let kernel = try like.otherKernel(to)
        let host = try host.map { try ProfileFile.load($0) }
        let report = UpgradeOutput(
            upgrades: try guests.map { name in
                let guest = try guest(name, on: host)
                return UpgradeOutput.Upgrade(
                    source: name, notes: guest.snapshot.noteTexts,
                    plan: try KernelUpgrade(
                        of: guest.snapshot, on: guest.host,
                        to: kernel.profile(of: guest.host, named: "\(guest.host.name)@\(to)"),
                        policy: policy))
            }, kernel: to, policy: policy.name, values: output.values)
        try report.print(as: output.format)
    }

    /// A guest, and the host that it is on.
    private func guest(
        _ name: String, on host: HostProfile?
    ) throws -> (snapshot: Snapshot, host: HostProfile) {
        let source = Location.ofGuest(name)
        let guest = try source.guestOrHost(streamOptions.options)
        let snapshot = guest.capture.reporting(from: source)
        try snapshot.requireVCPUs(of: source, to: "plan")
        if let host = host ?? guest.host { return (snapshot, host) }
        do throws(HostProfileError) {
            return (snapshot, try HostProfile(from: snapshot, kernel: from))
        } catch {
            let problem =
                switch error {
                case .noKernel, .unusableKernel:
                    "it does not say which kernel its host runs: give that host's uname -r with --from, or its "
                        + "profile with --host"
                default: "\(error); or give the profile of its host with --host"
                }
            throw CommandError("\(source.text): \(problem)")
        }
    }
}
