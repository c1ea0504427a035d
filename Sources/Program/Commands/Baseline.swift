internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Planning

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

            EXAMPLES
              vcpusnap baseline rack1.vhost rack2.vhost -o racks.vbaseline
              vcpusnap baseline 6.12-neoverse-n1 6.12-neoverse-v1 --format json
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

    @OptionGroup var printing: PrintingOptions

    func validate() throws {
        guard hosts.count >= 2 else { throw ValidationError("name at least two hosts") }
    }

    func run() throws {
        let inputs = hosts.map(Location.init(word:))
        try overwriting.check(reading: inputs, writing: output, .text)
        let profiles = try Hosts(inputs, .commandLine).profiles
        let progress = ProgressLine(total: profiles.count, unit: "hosts")
        let report = BaselineOutput(
            baseline: try Baseline(
                of: profiles, tellsImplementations: implementations, progress: progress.update))
        progress.finish()
        try output?.write(report.baseline.file, of: "--output")
        guard output != .standardStream else { return try report.status.check() }
        try report.print(as: printing, besides: output, after: output?.writtenBefore)
    }
}
