internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// `vcpusnap plan SNAPSHOT --host PROFILE...`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a restore on a host will do, without that host.",
        usage: """
            vcpusnap plan <source> --host <host> [--host <host> ...] [options]
            vcpusnap plan <source> --qemu <qemu> (--tcg <cpu> | --to <stream>)
            """,
        discussion: """
            The restore is carried out on emulated vCPUs of the host's profile, which
            vcpusnap host records. What will be lost is grouped by cause, with what the
            guest would notice and what can be done about it. The verdict is yes, yes with
            a policy, or no; the exit code is 1 if it is no for one of the hosts.

            EXAMPLES
              vcpusnap plan cpu.vcpusnap --host 6.1-neoverse-n1
              vcpusnap plan cpu.vcpusnap --host rack1.vhost rack2.vhost --format json
              vcpusnap plan cpu.vcpusnap --host rack1.vhost --policy exact
              vcpusnap plan cpu.vcpusnap --host ssh:root@rack1
              vcpusnap plan cpu.vcpusnap --host rack1.vhost --kernel 7.3

            With --qemu it says what QEMU of that version does when it loads a migration
            stream with KVM on that host, register by register, including what it does
            silently, and the error it prints. The verdict is loads, loads with losses, or
            fails; the exit code is 0 if every host loads it without losses. A loss that
            the policy pardons does not count, so with --policy force the exit code is 1
            only for what fails. Without --qemu the plan of a stream is that of vcpusnap
            restore, which goes on where QEMU gives up; the verdicts of QEMU are shown
            beside it.

              vcpusnap plan vm.mig --host 6.1-neoverse-n1 --qemu 10.0
              vcpusnap plan vm.mig --host rack1.vhost --qemu 10.0 --policy force &&
                scp vm.mig rack1:

            --tcg and --to say the same of a QEMU without KVM, which emulates the vCPUs.

              vcpusnap plan vm.mig --qemu 11.1 --tcg neoverse-n1
              vcpusnap plan vm.mig --to qmp:/run/other.qmp

            --write-policy writes the rules that would pardon what counts, each with what
            it means to the guest, for its owner to decide about.
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

    @OptionGroup var kernel: KernelOption

    @Option(
        help:
            "What QEMU of this version (\(QEMUVersion.oldest) to \(QEMUVersion.newest)) does with the stream."
    )
    var qemu: String?

    @OptionGroup var destination: DestinationOptions

    @OptionGroup var policy: PolicyOption

    @OptionGroup var streamOptions: StreamOptions

    @Option(help: "Write the rules that would pardon the losses that count to this file.")
    var writePolicy: Location?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        try destination.check(with: qemu)
        guard hostNames.isEmpty == destination.isGiven else {
            throw destination.isGiven
                ? destination.isNotOfKVM : ValidationError("give at least one --host PROFILE")
        }
        guard words.count < 2 || !destination.isGiven else {
            throw ValidationError("name one SOURCE: --tcg and --to are one destination")
        }
        guard !words.isEmpty else { throw ValidationError("name the SOURCE to plan for") }
    }

    /// One --host may be followed by several profiles, so what is no profile is the source.
    private var sourcePlace: Int {
        words.firstIndex { !$0.isHostFile } ?? 0
    }

    private var source: Location { words[sourcePlace] }

    private var hosts: [Location] {
        var others = words
        others.remove(at: sourcePlace)
        return hostNames.map(Location.init(word:)) + others
    }

    func run() throws {
        let inputs = [source, policy.location] + hosts
        try Location.checkInputs(inputs + [destination.machine].compactMap(\.self))
        let policy = try policy.load()
        let named = try Hosts(hosts, .commandLine)
        let profiles = try kernel.applied(to: named.profiles)
        let kept = [source, destination.machine].compactMap(\.self) + hosts
        try writePolicy.map {
            try PolicyFile.checkOutput($0, keeping: kept, addingTo: self.policy.location)
        }
        if destination.isGiven { return try planEmulatedLoad(policy) }
        if let qemu {
            return try planLoad(
                by: try QEMUVersion(option: qemu), named.locations, profiles, policy)
        }
        let opened = try source.guest(streamOptions.options)
        let guest = PlannedGuest(opened.capture.reporting(from: source), in: opened.stream)
        try guest.snapshot.requireVCPUs(of: source, to: "plan")
        guest.snapshot.warnOfIdleOverrides(of: policy.policy, from: source)
        let moves = GuestMoves(
            of: guest, to: profiles, policy: policy.policy, proposesRules: writePolicy != nil)
        let report = PlanOutput(
            source: source.text, moves: moves, values: output.values,
            hosts: named.locations.map(\.text), isFile: source.namedKind == nil)
        try report.print(as: output.printing)
        try write(moves.proposal, policy, whereNeeded: !moves.isPossible)
        if writePolicy != nil { try warn(of: moves.unreachable()) }
        guard moves.isPossible else { throw ExitStatus.finding }
    }

    private func planLoad(
        by version: QEMUVersion, _ hosts: [Location], _ profiles: [HostProfile],
        _ given: LoadedPolicy
    ) throws {
        let (file, snapshot) = try openLoaded()
        let answers = try zip(hosts, profiles).map { host, profile in
            let move = try MovePlan(of: snapshot, on: profile, policy: given.policy)
            return LoadAnswer(
                remedies: try LoadRemedies(
                    of: file.stream, move, on: profile, by: version, given.policy),
                mend: mend(file, to: "--host \(host.text) --qemu \(version)\(kernel.text)"))
        }
        try report(answers, StreamRemarks(on: file, snapshot), given)
    }

    /// The stream that QEMU is to load, and what it holds.
    private func openLoaded() throws -> (file: StreamFile, snapshot: Snapshot) {
        let options = streamOptions.options
        let file = try source.openStream(options)
        try file.checkIsWhatQEMULoads()
        return (file, try file.capture(options).snapshot)
    }

    private func planEmulatedLoad(_ given: LoadedPolicy) throws {
        let (file, snapshot) = try openLoaded()
        guard
            let place = try destination.destination(qemu, for: file.stream, named: source.text)
        else { return }
        let answer = LoadAnswer(
            remedies: try LoadRemedies(of: file.stream, on: place, given.policy),
            mend: mend(file, to: destination.text(for: qemu)))
        try report([answer], StreamRemarks(on: file, snapshot), given)
    }

    private func mend(_ file: StreamFile, to destination: String) -> MendWords {
        MendWords(
            source.text, file, streamOptions, to: destination, policy: FileName.shown(policy.text))
    }

    private func report(
        _ answers: [LoadAnswer], _ remarks: StreamRemarks, _ given: LoadedPolicy
    ) throws {
        let report = LoadPlanOutput(
            source: source.text, remarks: remarks, policy: given.policy.name, answers: answers,
            values: output.values)
        try write(
            PolicyProposal(answers.map(\.remedies)), given, whereNeeded: report.status != .success)
        try report.print(as: output.printing)
    }

    /// Says of which hosts the proposed rules do not make it possible.
    private func warn(of unreachable: UnreachableHosts) {
        guard !unreachable.hosts.isEmpty else { return }
        StandardError.write(
            "vcpusnap: even with every rule that can be proposed it may not go to "
                + "\(unreachable.hosts.map(\.name).listed(atMost: 3)): choose another host (vcpusnap matrix)"
                + (unreachable.areForced
                    ? "; --policy force lets it go, whatever is lost\n" : "\n"))
    }

    private func write(
        _ proposal: PolicyProposal, _ policy: LoadedPolicy, whereNeeded isNeeded: Bool
    ) throws {
        guard let writePolicy else { return }
        guard !proposal.proposed.isEmpty else {
            let reason =
                isNeeded
                ? "there is no rule that would pardon what is lost"
                : "the policy pardons all that is lost"
            return StandardError.write(
                "vcpusnap: \(writePolicy.text) was not written: \(reason)\n")
        }
        try PolicyFile.write(
            proposal.file(after: policy, output.values), to: writePolicy, after: policy,
            from: self.policy.location)
    }
}

extension QEMUVersion {
    /// From the command line.
    init(option text: String, of option: String = "--qemu") throws {
        guard let version = QEMUVersion(parsing: text) else {
            throw CommandError("\(option) takes a version such as 10.0, not \(text)")
        }
        guard version >= .oldest else {
            throw CommandError(
                "\(option) \(text): the oldest version known here is \(QEMUVersion.oldest)")
        }
        if version > .newest {
            StandardError.write(
                "vcpusnap: QEMU \(version) is newer than any known here: "
                    + "this is what QEMU \(QEMUVersion.newest) does\n")
        }
        self = min(version, .newest)
    }
}
