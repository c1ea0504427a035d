internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import SnapshotFormat
internal import Transfer
internal import VCPUModel

/// `vcpusnap move SOURCE ssh:HOST TARGET`.
struct Move: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plan a guest's move to another host, and restore it there.",
        usage: "vcpusnap move <source> ssh:<host> <target> [options]",
        discussion: """
            The source is saved, and its restore on that host is planned. If the policy
            counts a loss, that plan is the report, nothing is sent, and the exit code
            is 1. Otherwise the host gets the snapshot and the policy in one piece and
            restores it as vcpusnap restore --strict does: all of it or, on any loss,
            nothing. Its report and exit code become those of this command. The source
            stays as it is.

            TARGET is on that host: pid:PID of a VM whose vCPUs do not run, kvm: for a
            trial, or a FILE that does not exist yet, which gets the snapshot.

            ssh runs the vcpusnap of that host, which must be of the same version. It
            asks for passwords and new keys on the terminal; where there is none, it
            fails instead. If the connection is lost before everything has arrived,
            nothing is done there; if it is lost later, check on that host what was
            done.

            EXAMPLES
              vcpusnap move cpu.vcpusnap ssh:rack1 kvm:
              vcpusnap move qmp:/run/vm.qmp ssh:root@rack1 pid:4711
              vcpusnap move vm.save ssh:rack1 vm.vcpusnap --policy fleet.vpolicy
              vcpusnap move cpu.vcpusnap ssh://root@rack1:2222 kvm: --host rack1.vhost
            """)

    private static let targets = SourceKinds.schemes(for: .restore).joined(separator: ", ")

    @Argument(help: "What to move: \(SourceKinds.grammar(for: .read)).")
    var source: Location

    @Argument(
        help: "The host: \(SSHHost.spellings).",
        completion: .list([SSHHost.scheme]))
    var place: String

    @Argument(
        help: "Where to on that host: \(Self.targets), or a FILE that does not exist yet.",
        completion: .none)
    var target: String

    @Option(
        help: "Plan by this profile of the host instead of one that is recorded there now.",
        completion: Completions.hosts)
    var host: String?

    @OptionGroup var streamOptions: StreamOptions

    @OptionGroup var clock: ClockOption

    @OptionGroup var policy: PolicyOption

    @OptionGroup var report: OutputOptions

    func validate() throws {
        guard let target = Location(argument: target), target != .standardStream else {
            throw ValidationError("a move needs \(Self.targets) or a file as its TARGET")
        }
        if let objection = target.objection(to: .writing) { throw ValidationError(objection) }
        guard clock.clock == .stop || !target.isAtRest else {
            throw ValidationError(
                "--clock: a FILE gets the snapshot as it is; give it to the restore that makes the guest run"
            )
        }
    }

    func run() throws {
        guard let place = try SSHHost(word: place) else {
            throw CommandError(
                "\(FileName.shown(self.place)) is no ssh:HOST; vcpusnap restore is for targets of this host"
            )
        }
        try Location.checkInputs(
            [source, policy.location] + [host].compactMap(\.self).map(Location.init(word:)))
        let policy = try policy.load()
        let snapshot = try source.snapshot(streamOptions.options)
        try snapshot.requireVCPUs(of: source, to: "move")
        try clock.check(snapshot, of: source)
        let order = MoveOrder(
            from: source.argument, to: target,
            options: ["--format", (report.printing.isJSON ? OutputFormat.json : .text).rawValue]
                + (report.showKeys ? ["--show-keys"] : []) + clock.words,
            policyName: self.policy.text, policy: policy,
            snapshot: try SnapshotWriter.encode(snapshot))
        try tell(
            try place.carryOut(order, named: host.map(Location.init(word:)), .commandLine) {
                profile in
                try plan(snapshot, on: profile, by: policy.policy)
            }, of: place)
    }

    /// - Throws: `ExitStatus.finding`, with the plan as the report, where the policy counts a loss.
    private func plan(
        _ snapshot: Snapshot, on profile: HostProfile, by policy: RestorePolicy
    ) throws {
        let guest = PlannedGuest(snapshot, in: nil, clock: clock.clock)
        let moves = GuestMoves(of: guest, to: [profile], policy: policy)
        _ = try moves.plan(on: profile)
        guard !moves.isPossible else { return }
        try PlanOutput(source: source.text, moves: moves, values: report.values)
            .print(as: report.printing)
        StandardError.write("vcpusnap: nothing was sent to \(place)\n")
        throw ExitStatus.finding
    }

    private func tell(_ answer: SSHHost.Answer, of place: SSHHost) throws {
        for message in answer.messages { place.notify(message, .commandLine) }
        do throws(FileError) {
            try StandardOutput.write(
                PrintableText(lines: String(decoding: answer.output, as: UTF8.self)))
        } catch {
            throw CommandError("\(error); \(target) was restored there before that")
        }
        guard answer.status == 0 else { throw ExitStatus.finding }
    }
}
