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

    @Flag(
        help:
            "Of a running process: read again until no vCPU waits for the answer to an MMIO or hypercall exit."
    )
    var settle = false

    @Flag(
        help:
            "Attach to a process whose seccomp filter cannot be read, which may kill it for our calls."
    )
    var despiteFilter = false

    @Option(
        help: """
            The number of vCPUs to create on kvm: or an emulated host \
            (\(SourceOptions.vcpuCounts.lowerBound) to \(SourceOptions.vcpuCounts.upperBound); 1).
            """)
    var vcpus: String?

    func validate() throws {
        do throws(SourceError) {
            _ = try options.vcpuCount
        } catch {
            throw ValidationError(error.description)
        }
        for option in [SourceOption.vcpus, .settle, .despiteFilter]
        where options.has(option) && source.namedKind?.takes(option) != true {
            let takers = SourceKinds.named.filter { $0.takes(option) }
            let names = takers.map { $0.summary.grammar }.joined(separator: " and ")
            let reason = option == .vcpus ? ": \(source.text) has the vCPUs it has" : ""
            throw ValidationError("\(option.name) goes with \(names) only\(reason)")
        }
    }

    private var options: SourceOptions {
        var options = SourceOptions.commandLine
        options[.vcpus] = vcpus
        options.set(.settle, if: settle)
        options.set(.despiteFilter, if: despiteFilter)
        return options
    }

    func run() throws {
        try output.checkOutput(.binary, keeping: source.lostByItsChange(in: output))
        try source.checkIsKept(in: output, .commandLine)
        try source.capture(options).keep(in: output, from: source)
    }
}
