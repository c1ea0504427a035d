internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import TextFormats
internal import Transfer
internal import VCPUModel
internal import VMMFiles

/// `vcpusnap plan SNAPSHOT --host PROFILE...`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a restore on a host will do, without that host.",
        usage: """
            vcpusnap plan <source> (--host <host> ... | --hosts <folder>) [options]
            vcpusnap plan <source> --qemu <qemu> --tcg <cpu>
            vcpusnap plan <source> --to <stream> [--qemu <qemu>]
            """,
        discussion: """
            The restore is carried out on emulated vCPUs of the host's profile, which
            vcpusnap host records. What will be lost is grouped by cause, with what the
            guest would notice and what can be done about it. The verdict is yes, yes with
            a policy, or no; the exit code is 1 if it is no for any of the hosts.

            EXAMPLES
              vcpusnap plan cpu.vcpusnap --host 6.1-neoverse-n1
              vcpusnap plan cpu.vcpusnap --host rack1.vhost rack2.vhost --format json
              vcpusnap plan cpu.vcpusnap --hosts fleet/
              vcpusnap plan cpu.vcpusnap --host rack1.vhost --policy exact
              vcpusnap plan cpu.vcpusnap --host ssh:root@rack1
              vcpusnap plan cpu.vcpusnap --host rack1.vhost --kernel 7.3
              vcpusnap plan rack3.vhost --baseline racks.vbaseline

            With --qemu it says what that version of QEMU does when it loads a migration
            stream with KVM on that host, register by register, including what it does
            silently, and the error it prints. The verdict is loads, loads with losses, or
            fails; the exit code is 0 if every host loads it without losses. A loss that
            the policy pardons does not count, so with --policy force the exit code is 1
            only for what fails. Without --qemu the plan of a stream is that of vcpusnap
            restore, which goes on where QEMU gives up; QEMU's verdicts are shown
            beside it.

              vcpusnap plan vm.mig --host 6.1-neoverse-n1 --qemu 10.0
              vcpusnap plan vm.mig --host rack1.vhost --qemu 10.0 --policy force &&
                scp vm.mig rack1:
              vcpusnap plan qmp:/run/vm.qmp --host rack1.vhost --qemu 10.0

            Of a state file of Firecracker it says what Firecracker does when it loads it
            there: at which register it gives up, with the error it prints, and what is
            lost silently. --restore says what vcpusnap restore does instead. Of files of
            other VMMs it says that alone.

              vcpusnap plan vm.vmstate --host rack1.vhost
              vcpusnap plan vm.vmstate --host rack1.vhost --restore

            --tcg and --to say the same of a QEMU without KVM, which emulates the vCPUs.

              vcpusnap plan vm.mig --qemu 11.1 --tcg neoverse-n1
              vcpusnap plan vm.mig --to qmp:/run/other.qmp
              vcpusnap plan vm.mig --to other.mig

            --write-policy writes the rules that would pardon what counts, each with what
            it means to the guest, for its owner to decide on.
            """)

    @Argument(
        help: ArgumentHelp(
            "The snapshot or QEMU stream: \(SourceKinds.grammar(for: .read)).",
            valueName: "source"))
    var words: [Location]

    @Option(
        name: .customLong("host"),
        help: "A host: \(SourceKinds.hostGrammar) (repeatable).",
        completion: Completions.hosts)
    var hostNames: [String] = []

    @Option(
        name: .customLong("hosts"), help: "A folder of host profiles (*.vhost): each is a host.",
        completion: .directory)
    var folder: String?

    @OptionGroup var kernel: KernelOption

    @Option(
        help:
            "Say what this version of QEMU (\(QEMUVersion.oldest) to \(QEMUVersion.newest)) does with the stream."
    )
    var qemu: String?

    @OptionGroup var destination: DestinationOptions

    @OptionGroup var clock: ClockOption

    @OptionGroup var start: BaselineOption

    @OptionGroup var policy: PolicyOption

    @OptionGroup var streamOptions: StreamOptions

    @Flag(
        help:
            "Say of a file of Firecracker what vcpusnap restore does, in place of what Firecracker does."
    )
    var restore = false

    @Option(help: "Write the rules that would pardon the losses that count to this file.")
    var writePolicy: Location?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        try destination.check(with: qemu)
        let isOfKVM = !hostNames.isEmpty || folder != nil || start.location != nil
        guard isOfKVM != destination.isGiven else {
            throw destination.isGiven
                ? destination.isNotOfKVM
                : ValidationError(
                    "give at least one --host PROFILE, or --hosts DIR; vcpusnap host --built-in names profiles"
                )
        }
        guard start.location == nil || (qemu == nil && !destination.isGiven) else {
            throw ValidationError("--baseline is about restores: leave out --qemu")
        }
        guard words.count < 2 || !destination.isGiven else {
            throw ValidationError("name one SOURCE: --tcg and --to are one destination")
        }
        guard !words.isEmpty else { throw ValidationError("name the SOURCE to plan for") }
        guard clock.clock == .stop || qemu == nil && !destination.isGiven else {
            throw ValidationError(
                "--clock is for a restore: QEMU sets the clock as its stream has it")
        }
    }

    /// One --host may be followed by several profiles, so what is no profile is the source.
    private var sourcePlace: Int {
        words.firstIndex { !$0.isHostFile } ?? 0
    }

    private var source: Location { words[sourcePlace] }

    /// Those of the baseline where none are named.
    private func hosts(_ baseline: BaselineTemplate?) throws -> [Location] {
        var others = words
        others.remove(at: sourcePlace)
        let named =
            hostNames.map(Location.init(word:)) + others
            + (try folder.map(Hosts.files(in:)) ?? [])
        return named.isEmpty ? try start.hosts(of: baseline) : named
    }

    func run() throws {
        let baseline = try start.load()
        let hosts = try hosts(baseline)
        let kept = [source, destination.machine, start.location].compactMap(\.self) + hosts
        try Location.checkInputs(kept + [policy.location])
        try writePolicy.map {
            try PolicyFile.checkOutput($0, keeping: kept, addingTo: policy.location)
        }
        let given = try policy.load()
        let named = try Hosts(hosts, .commandLine)
        let profiles = try kernel.applied(to: named.profiles)
        if destination.isGiven || qemu != nil {
            return try planLoads(named.locations, profiles, given)
        }
        let opened = try start.guest(of: source, baseline, streamOptions.options) {
            try $0.guest($1)
        }
        if let state = opened.vmmState, isOfItsVMM, VMMLoad.knows(state.vmm) {
            return try planLoads(of: state, profiles, named.locations, given)
        }
        try planRestores(of: opened, profiles, named.locations, given)
    }

    /// What a restore by vcpusnap does.
    private func planRestores(
        of opened: Guest, _ profiles: [HostProfile], _ hosts: [Location],
        _ given: LoadedPolicy
    ) throws {
        let guest = PlannedGuest(
            opened.capture.reporting(from: source), in: opened.stream, clock: clock.clock)
        try guest.snapshot.requireVCPUs(of: source, to: "plan")
        try clock.check(guest.snapshot, of: source)
        guest.snapshot.warnOfIdleOverrides(of: given.policy, from: source)
        let moves = GuestMoves(
            of: guest, to: profiles, policy: given.policy, proposesRules: writePolicy != nil)
        let report = PlanOutput(
            source: source.text, moves: moves, values: output.values,
            hosts: hosts.map(\.text),
            isFixable: source.isFixable(with: opened.loadedStreamFile))
        // What is printed is planned then.
        if output.printing.style.quiet { try moves.planAll() }
        try report.print(as: output.printing)
        try write(moves.proposal, given, whereNeeded: !moves.isPossible)
        if writePolicy != nil, let warning = try moves.unreachable().warning {
            StandardError.write(warning)
        }
        guard moves.isPossible else { throw ExitStatus.finding }
    }

    /// Whether nothing was given that only a restore knows.
    private var isOfItsVMM: Bool {
        !restore && start.location == nil && clock.clock == .stop && writePolicy == nil
    }

    /// What the VMM does whose file it is.
    private func planLoads(
        of state: VMMState, _ profiles: [HostProfile], _ hosts: [Location], _ given: LoadedPolicy
    ) throws {
        let loads = profiles.compactMap { VMMLoad(of: state, on: $0, policy: given.policy) }
        let report = VMMLoadOutput(
            source: source.text, vmm: state.vmm, policy: given.policy.name, loads: loads,
            hosts: hosts.map(\.text), values: output.values)
        try report.print(as: output.printing)
    }

    /// What QEMU does with the stream.
    private func planLoads(
        _ hosts: [Location], _ profiles: [HostProfile], _ given: LoadedPolicy
    ) throws {
        let version = try destination.isGiven ? nil : qemu.map { try QEMUVersion(option: $0) }
        let options = streamOptions.options
        let file = try source.openStreamOfMachine(options).file
        try file.checkIsWhatQEMULoads()
        let snapshot = try file.capture(options).snapshot
        guard let place = try place(of: file, by: version, on: profiles) else { return }
        let loads = try LoadRemedies.loads(of: file.stream, snapshot, on: place, given.policy)
        let isFile = source.isFile
        let words =
            version.map { version in
                hosts.map { "--host \(FileName.word($0.text)) --qemu \(version)\(kernel.text)" }
            } ?? [destination.text(for: qemu)]
        let report = LoadPlanOutput(
            source: source.text, remarks: StreamRemarks(on: file, snapshot),
            policy: given.policy.name,
            answers: zip(loads, words).map { remedies, words in
                LoadAnswer(
                    remedies: remedies,
                    mend: MendWords(
                        isFile ? source.text : "STREAM", isFile ? file : nil, streamOptions,
                        to: words,
                        policy: FileName.shown(policy.text)))
            }, isFixable: source.isFixable(with: file) && kernel.text.isEmpty, values: output.values
        )
        try write(PolicyProposal(loads), given, whereNeeded: report.status != .success)
        try report.print(as: output.printing)
    }

    private func place(
        of file: StreamFile, by version: QEMUVersion?, on profiles: [HostProfile]
    ) throws -> LoadPlace? {
        if let version { return .hosts(profiles, by: version) }
        return try destination.destination(qemu, for: file.stream, named: source.text)
            .map { .emulation($0) }
    }

    private func write(
        _ proposal: PolicyProposal, _ given: LoadedPolicy, whereNeeded isNeeded: Bool
    ) throws {
        guard let writePolicy else { return }
        if !proposal.proposed.isEmpty {
            return try policy.write(proposal, after: given, to: writePolicy, output.values)
        }
        StandardError.write(
            "vcpusnap: \(writePolicy.text) was not written: "
                + (isNeeded
                    ? "there is no rule that would pardon what is lost\n"
                    : "the policy pardons all that is lost\n"))
    }
}
