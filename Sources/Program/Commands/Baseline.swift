internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Planning
internal import Registers

/// `vcpusnap baseline PROFILE...`.
struct BaselineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline",
        abstract: "Compute what to give a guest so that it can move among several hosts.",
        usage: "vcpusnap baseline <host> <host> ... [options]",
        discussion: """
            The result is a template of Formats/vbaseline-v1.md: the features to make the
            vCPUs with, and the registers to write before the guest's first run. It is
            tried on every pair of hosts; whatever still keeps a guest from moving is an
            obstacle, and the exit code is 1.

            --implementations lists the CPUs that the guest can meet. Its VMM has to tell
            it about them at boot, when it chooses its errata workarounds
            (Documentation/implementations.md).

            --format says for what the template is written: qemu is the option -cpu of
            QEMU with KVM, libvirt elements of a domain, firecracker a custom CPU
            template. Without --output it goes to stdout. What it cannot say goes to
            stderr, and makes the exit code 1, too.

            EXAMPLES
              vcpusnap baseline rack1.vhost rack2.vhost -o racks.vbaseline
              vcpusnap baseline 6.12-neoverse-n1 6.12-neoverse-v1 --format json
              vcpusnap baseline rack1.vhost rack2.vhost --format firecracker -o cpu.json
              vcpusnap baseline rack1.vhost rack2.vhost --format qemu --qemu 11.1
            """)

    @Argument(
        help: "Hosts: each \(SourceKinds.hostGrammar), or - for stdin.",
        completion: Completions.hosts)
    var hosts: [String]

    @Flag(help: "List the CPU implementations of the hosts.")
    var implementations = false

    @Option(name: .shortAndLong, help: "Write the template to this file; - is stdout.")
    var output: Location?

    @OptionGroup var overwriting: OverwriteOption

    @OptionGroup var printing: BaselinePrintingOptions

    @Option(
        help: ArgumentHelp(
            "With --format qemu or libvirt: the QEMU that takes it, \(QEMUVersion.newest) by default.",
            valueName: "version"))
    var qemu: String?

    @Flag(
        help: ArgumentHelp(
            "With these: a QEMU with the properties SYSREG_..., which are of a series of patches and in no release."
        ))
    var qemuSeries = false

    private var format: BaselineFormat { printing.document ?? .vcpusnap }

    func validate() throws {
        guard hosts.count >= 2 else { throw ValidationError("name at least two hosts") }
        guard [.qemu, .libvirt].contains(format) || qemu == nil && !qemuSeries else {
            throw ValidationError(
                "--qemu and --qemu-series are for --format qemu and libvirt: leave them out")
        }
    }

    func run() throws {
        let inputs = hosts.map(Location.init(word:))
        try overwriting.check(reading: inputs, writing: output, .text)
        let profiles = try Hosts(inputs, .commandLine).profiles
        let progress = ProgressLine(total: profiles.count, unit: "hosts")
        let baseline = try Baseline(
            of: profiles, for: format, tellsImplementations: implementations,
            progress: progress.update)
        progress.finish()
        try write(baseline)
    }

    /// Writes the template where it goes, and the report beside it.
    private func write(_ baseline: Baseline) throws {
        let version = try qemu.map { try QEMUVersion(option: $0) }
        let document = baseline.document(
            format, qemu: version ?? .newest, usesSeries: qemuSeries)
        let output = output ?? (printing.document == nil ? nil : .standardStream)
        try output?.write(document.text, of: "--output")
        let report = BaselineOutput(
            baseline: baseline, isComplete: document.shortcomings.isEmpty)
        guard output == .standardStream else {
            sayOnError(document.shortcomings)
            return try report.print(as: printing, besides: output, after: output?.writtenBefore)
        }
        // A baseline of our own has them in it.
        let obstacles = baseline.obstacles.map {
            "a guest with this cannot move everywhere: \($0.register.name): \($0.brief)"
        }
        sayOnError((format == .vcpusnap ? [] : obstacles) + document.shortcomings)
        try report.status.check()
    }

    private func sayOnError(_ sentences: [String]) {
        for sentence in sentences {
            StandardError.write("vcpusnap: \(PrintableText(message: sentence))\n")
        }
    }
}
