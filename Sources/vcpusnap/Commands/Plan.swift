internal import ArgumentParser
internal import Planning
internal import Policy

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
            """)

    @Argument(help: "The snapshot: FILE, -, kvm: or emulated:NAME.")
    var source: Location

    @Option(
        name: .customLong("host"), parsing: .upToNextOption,
        help: "Host profiles: names of built-in ones, or .vhost files.")
    var hosts: [String]

    @OptionGroup var policy: PolicyOption

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !hosts.isEmpty else { throw ValidationError("give at least one --host PROFILE") }
    }

    func run() throws {
        let snapshot = try SnapshotSource(source).read().snapshot
        let policy = try policy.load()
        let plans = try hosts.map { name in
            try MovePlan(of: snapshot, on: try ProfileFile.load(name), policy: policy)
        }
        let report = PlanOutput(
            source: source.text, policy: policy.name, plans: plans, values: output.values)
        try report.print(as: output.format)
        guard plans.allSatisfy({ $0.verdict != .no }) else { throw ExitStatus.finding }
    }
}
