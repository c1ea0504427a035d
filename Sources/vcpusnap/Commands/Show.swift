internal import ArgumentParser
internal import VCPUModel

/// `vcpusnap show FILE`.
struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the registers of a snapshot.",
        discussion: """
            EXAMPLES
              vcpusnap show cpu.vcpusnap
              vcpusnap show cpu.vcpusnap --register 'ID_AA64*'
              vcpusnap show cpu.vcpusnap --register SCTLR_EL1 --format json
            """)

    @Argument(help: "A snapshot: FILE, -, kvm: or emulated:NAME.")
    var source: Location

    @Option(
        name: .shortAndLong,
        help: "Only registers with this name, id or pattern (* and ?), with their fields.")
    var register: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
        let snapshot = try SnapshotSource(source).read().snapshot
        let pattern = register.map(NamePattern.init)
        let report = ShowOutput(
            snapshot, source: source.text, pattern: pattern, values: output.values)
        try report.print(as: output.format)
        if let register, report.vcpus.allSatisfy(\.registers.isEmpty) {
            throw CommandError(
                "\(source.text) has no register \(register); vcpusnap show lists what it has")
        }
    }
}
