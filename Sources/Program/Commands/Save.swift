internal import ArgumentParser
internal import Machines
internal import VCPUModel

/// `vcpusnap save SOURCE -o FILE`.
struct Save: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Save the complete state of vCPUs into a snapshot file.",
        usage: "vcpusnap save <source> -o <output> [options]",
        discussion: """
            The file appears whole or not at all, and only its owner can read it: it holds
            the guest's pointer authentication keys.

            \(SourceKinds.details(for: .read))

            EXAMPLES
              vcpusnap save kvm: -o cpu.vcpusnap
              vcpusnap save emulated:6.12-neoverse-n1 --vcpus 4 -o four.vcpusnap
              vcpusnap save qmp:/run/vm.qmp -o vm.vcpusnap
              vcpusnap save pid:4711 --settle -o vm.vcpusnap
              vcpusnap save emulated:6.12-max -o - | ssh host vcpusnap restore - kvm:
            """)

    @Argument(help: "What to save: \(SourceKinds.grammar(for: .read)).")
    var source: Location

    @Option(name: .shortAndLong, help: "The snapshot to write; - is standard output.")
    var output: Location

    @Flag(name: .of(.settle), help: ArgumentHelp(of: .settle))
    var settle = false

    @Flag(name: .of(.despiteFilter), help: ArgumentHelp(of: .despiteFilter))
    var despiteFilter = false

    @Option(name: .of(.vcpus), help: ArgumentHelp(of: .vcpus))
    var vcpus: String?

    @Option(name: .of(.gic), help: ArgumentHelp(of: .gic))
    var gic: String?

    @OptionGroup var without: WithoutOption

    @OptionGroup var overwriting: OverwriteOption

    @Flag(name: .shortAndLong, help: "Do not say what was written.")
    var quiet = false

    func validate() throws {
        do throws(SourceError) {
            _ = try (options.vcpuCount, options.gicModel)
            try source.checkOptions(options)
        } catch {
            throw ValidationError(error.description)
        }
    }

    private var options: SourceOptions {
        var options = SourceOptions.commandLine
        options[.vcpus] = vcpus
        options[.gic] = gic
        options.leavesOut = without.categories
        options.set(.settle, if: settle)
        options.set(.despiteFilter, if: despiteFilter)
        return options
    }

    func run() throws {
        try overwriting.check(
            reading: [source], writing: output, .binary,
            keeping: source.lostByItsChange(in: output))
        try source.checkIsKept(in: output, .commandLine)
        try without.rest(of: source.capture(options))
            .keep(in: output, from: source, quietly: quiet)
    }
}
