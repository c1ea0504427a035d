internal import ArgumentParser
internal import Machines
internal import Reports
internal import Transfer
internal import VCPUModel

/// `vcpusnap convert SOURCE -o FILE`.
struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn a VMM's file into a snapshot, or a snapshot into a QEMU stream.",
        usage: "vcpusnap convert <source> [--into <stream>] -o <output> [options]",
        discussion: """
            With --into the registers of the snapshot replace those of a stream's vCPUs;
            everything else in the stream stays as it is. What the stream cannot hold is
            named, and the exit code is 1. This way, state saved on KVM can be examined in
            QEMU's own emulation.

            EXAMPLES
              vcpusnap convert vm.mig -o vm.vcpusnap
              vcpusnap convert disk.qcow2 --snapshot before-upgrade -o vm.vcpusnap
              vcpusnap convert vm.vcpusnap --into template.mig -o new.mig
            """)

    @Argument(
        help:
            "A QEMU stream, saved image or other VMM's file, or with --into a snapshot: FILE or -.")
    var source: Location

    @Option(help: "The stream whose vCPUs get the registers.")
    var into: Location?

    @Option(name: .shortAndLong, help: "The file to write.")
    var output: Location

    @OptionGroup var overwriting: OverwriteOption

    @OptionGroup var streamOptions: StreamOptions

    @OptionGroup var policy: PolicyOption

    @OptionGroup var report: OutputOptions

    func validate() throws {
        guard into != nil || policy.text == RestorePolicy.Preset.safe.rawValue else {
            throw ValidationError(
                "--policy is for --into: a snapshot is made of all that the stream has")
        }
    }

    func run() throws {
        let inputs = [source, policy.location] + [into].compactMap(\.self)
        try overwriting.check(reading: inputs, writing: output, .binary)
        guard let into else { return try makeSnapshot() }
        let snapshot = try source.openGuestFile(.commandLine).capture(.commandLine).snapshot
        try snapshot.requireVCPUs(of: source, to: "convert")
        var options = Restore.Options()
        options.policy = try policy.load().policy
        let (account, patch) = try into.restoring(
            snapshot, from: source, options, streamOptions.options)
        try output.write(patch, of: into)
        // QEMU's own lists have hundreds of AArch32 registers beside those of the snapshot.
        let result = RestoreOutput(
            source: source.text, target: into.text, dryRun: false, policy: options.policy.name,
            notes: snapshot.noteTexts, listsDestinationOnly: false, account: account, counter: nil,
            values: report.values)
        try result.print(as: report.printing, besides: output, after: output.writtenBefore)
    }

    private func makeSnapshot() throws {
        let options = streamOptions.options
        try source.openToConvert(options).capture(options).keep(
            in: output, from: source, quietly: report.printing.style.quiet || report.printing.isJSON
        )
    }
}
