internal import ArgumentParser
internal import Emulation
internal import Planning
internal import Policy
internal import QEMULoad
internal import QEMUStream

/// `vcpusnap plan SNAPSHOT --host PROFILE...`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a restore on a host will do, without that host.",
        discussion: """
            The restore is carried out on emulated vCPUs of the host's profile, which vcpusnap host
            records. What will be lost is grouped by cause, with what the guest would notice and what
            can be done about it. The verdict is yes, yes with a policy, or no; the exit code is 0
            unless it is no for some host.

            EXAMPLES
              vcpusnap plan cpu.vcpusnap --host 6.1-neoverse-n1
              vcpusnap plan cpu.vcpusnap --host rack1.vhost --host rack2.vhost --format json
              vcpusnap plan cpu.vcpusnap --host rack1.vhost --policy exact

            With --qemu it says what QEMU of that version does when it loads a migration stream with
            KVM on that host, register by register, with what it does without a word, and the error it
            prints.

              vcpusnap plan vm.mig --host 6.1-neoverse-n1 --qemu 10.0
            """)

    @Argument(
        help: ArgumentHelp(
            "The snapshot or QEMU stream: FILE, -, qmp:SOCKET, kvm: or emulated:NAME.",
            valueName: "source"))
    var words: [Location]

    @Option(
        name: .customLong("host"),
        help: "A host: the name of a built-in profile, or a .vhost file (repeatable).")
    var hostNames: [String] = []

    @Option(help: "What QEMU of this version (7.2 or newer) does with the stream.")
    var qemu: String?

    @OptionGroup var policy: PolicyOption

    @OptionGroup var streamOptions: StreamOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !hostNames.isEmpty else { throw ValidationError("give at least one --host PROFILE") }
        guard !words.isEmpty else { throw ValidationError("name the SOURCE that is to be planned") }
    }

    /// One --host may be followed by several profiles, so what is no profile is the source.
    private var sourcePlace: Int {
        words.firstIndex { !$0.isProfile } ?? 0
    }

    private var source: Location { words[sourcePlace] }

    private var hosts: [String] {
        var others = words
        others.remove(at: sourcePlace)
        return hostNames + others.map(\.argument)
    }

    func run() throws {
        try Location.checkInputs([source, policy.location] + hosts.map { Location(path: $0) })
        let policy = try policy.load()
        let profiles = try ProfileFile.load(hosts)
        if let qemu { return try planLoad(by: try QEMUVersion(option: qemu), profiles, policy) }
        let snapshot = try SnapshotSource(source, streamOptions.choice).snapshot()
        var isPossible = true
        let report = PlanOutput(
            source: source.text, policy: policy.name, profiles: profiles, values: output.values
        ) { profile in
            let plan = try MovePlan(of: snapshot, on: profile, policy: policy)
            isPossible = isPossible && plan.verdict != .no
            return plan
        }
        try report.print(as: output.format)
        guard isPossible else { throw ExitStatus.finding }
    }

    private func planLoad(
        by version: QEMUVersion, _ profiles: [HostProfile], _ policy: RestorePolicy
    ) throws {
        let file = try GuestFile.stream(source, streamOptions.choice)
        file.warn()
        let plans = try profiles.map {
            try LoadPlan(of: file.stream, on: $0, version: version, policy: policy)
        }
        var report = LoadPlanOutput(
            source: source.text, policy: policy.name, plans: plans, values: output.values)
        report.foundBySearch = file.stream.isSearched ? true : nil
        try report.print(as: output.format)
        guard plans.allSatisfy({ $0.verdict == .loads }) else { throw ExitStatus.finding }
    }
}

extension Location {
    /// Whether its name alone says that it is a host profile.
    fileprivate var isProfile: Bool {
        guard case .file(let path) = self else { return false }
        return HostProfile.builtInNames.contains(path) || path.hasSuffix(".vhost")
    }
}

extension QEMUVersion {
    /// From the command line.
    init(option text: String) throws {
        guard let version = QEMUVersion(parsing: text) else {
            throw CommandError("--qemu takes a version such as 10.0, not \(text)")
        }
        guard version >= .oldest else {
            throw CommandError(
                "--qemu \(text): the oldest version that is known here is \(QEMUVersion.oldest)")
        }
        self = version
    }
}
