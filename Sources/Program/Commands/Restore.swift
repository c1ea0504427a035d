internal import ArgumentParser
internal import Machines
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// `vcpusnap restore FILE TARGET`.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Restore a snapshot, read every register back, and account for each.",
        usage: "vcpusnap restore <source> <target> [options]",
        discussion: """
            Exit code 0 means that everything that had to be restored was restored, or is
            pardoned by the policy. A failure does not stop the restore; the report names
            every register that was lost, and why.

            \(SourceKinds.details(for: .restore))

            EXAMPLES
              vcpusnap restore cpu.vcpusnap kvm:
              vcpusnap restore cpu.vcpusnap emulated:6.1-neoverse-n1 -o result.vcpusnap
              vcpusnap restore new.vcpusnap old.vcpusnap --strict
              vcpusnap restore cpu.vcpusnap kvm: --policy fleet.vpolicy
              vcpusnap restore cpu.vcpusnap pid:4711
            """)

    private static let targets = SourceKinds.schemes(for: .restore)

    @Argument(help: "What to restore: \(SourceKinds.grammar(for: .read)).")
    var source: Location

    @Argument(
        help:
            "Where to: \(targets.joined(separator: ", ")), or the FILE of a snapshot to overwrite.")
    var target: Location

    @Flag(help: "On any loss, put every register back as it was, and report that.")
    var strict = false

    @Flag(help: "Report what would happen; change no file.")
    var dryRun = false

    @OptionGroup var image: ImageOption

    @OptionGroup var policy: PolicyOption

    @Option(
        help:
            "Leave out registers with this name, id or pattern, as the policy's ignore does (repeatable).",
        completion: Completions.registers)
    var exclude: [String] = []

    @OptionGroup var without: WithoutOption

    @OptionGroup var clock: ClockOption

    @Flag(name: .of(.counterOffset), help: ArgumentHelp(of: .counterOffset))
    var counterOffset = false

    @Option(name: .shortAndLong, help: "Save what the target holds afterward; - is stdout.")
    var output: Location?

    @OptionGroup var overwriting: OverwriteOption

    @OptionGroup var report: OutputOptions

    func validate() throws {
        guard !dryRun || output == nil else {
            throw ValidationError("--dry-run writes nothing, so --output means nothing with it")
        }
        guard target != .standardStream else {
            throw ValidationError(
                "a restore needs \(Self.targets.joined(separator: ", ")) or a file as its TARGET")
        }
        if let objection = target.objection(to: dryRun ? .trying : .writing) {
            throw ValidationError(objection)
        }
    }

    func run() throws {
        let lost = output.map(target.lostByItsChange) ?? []
        try overwriting.check(
            reading: [source, policy.location], writing: output, .binary,
            keeping: (source == target ? [] : [source]) + lost + [policy.location])
        try restore(
            without.rest(of: try source.snapshot(image.options(for: source))))
    }

    /// Restores what was read from the source.
    /// - Parameter given: the policy, where it is not that of `--policy`.
    func restore(_ snapshot: Snapshot, by given: RestorePolicy? = nil) throws {
        try snapshot.requireVCPUs(of: source, to: "restore")
        try clock.check(snapshot, of: source)
        try clock.check(target: target)
        warnOfUnfinishedExits(in: snapshot)
        var ofTarget = SourceOptions.commandLine
        ofTarget.set(.counterOffset, if: counterOffset)
        try target.checkOptions(ofTarget)
        let destination = try RestoreTarget(
            target, for: snapshot, output: output, keeps: !dryRun, ofTarget)
        var options = Restore.Options()
        options.isStrict = strict
        options.clock = clock.clock
        options.hasTables = target.isLasting
        options.policy = try (given ?? policy.load().policy).ignoring(
            try exclude.map(RegisterPattern.naming))
        snapshot.warnOfIdleOverrides(of: options.policy, from: source)
        let account = try destination.restore(snapshot, options)
        let result = RestoreOutput(
            source: source.text, target: target.text, dryRun: dryRun,
            policy: options.policy.name, notes: snapshot.noteTextsOfRestore,
            host: given == nil ? target.hostOfRestore : nil, account: account,
            counter: CounterMismatch(
                of: snapshot.provenance, on: destination.provenance.counterFrequency,
                policy: options.policy),
            values: report.values)
        try result.print(
            as: report.printing, besides: destination.file,
            after: destination.writtenBefore(account))
    }

    /// Says which vCPUs were saved in the middle of an exit, which no restore finishes.
    private func warnOfUnfinishedExits(in snapshot: Snapshot) {
        var folded = Folded<String, Void>()
        for (vcpu, exit) in snapshot.unfinishedExits { folded.add(exit, of: .vcpu(vcpu)) }
        for entry in folded.entries {
            let verb = entry.units.count == 1 ? "was saved while it" : "were saved while they"
            StandardError.write(
                "vcpusnap: \(source.text): warning: \(entry.units.title) \(verb) waited for the "
                    + "answer to \(entry.subject): the guest goes on without one\n")
        }
    }
}
