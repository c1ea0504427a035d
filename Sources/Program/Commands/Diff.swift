internal import ArgumentParser
internal import Machines
internal import Registers
internal import VCPUModel

/// `vcpusnap diff A B`.
struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what differs between two snapshots, field by field.",
        usage: "vcpusnap diff <left> <right> [--exact] [options]",
        discussion: """
            Registers that move by themselves (counters) are listed separately and do not
            count as differences unless --exact is given; nor does provenance.

            EXAMPLES
              vcpusnap diff before.vcpusnap after.vcpusnap
              vcpusnap diff saved.vcpusnap kvm: --format json
              vcpusnap diff old.vcpusnap new.vcpusnap --vcpu 0 -r 'ID_AA64*'
              vcpusnap diff -q old.vcpusnap new.vcpusnap || echo changed
            """)

    @Argument(help: "A snapshot: \(SourceKinds.grammar(for: .read)).")
    var left: Location

    @Argument(help: "The snapshot to compare it with.")
    var right: Location

    @Flag(help: "Count registers that move by themselves as differences.")
    var exact = false

    @Option(
        name: [.customShort("r"), .customLong("register")],
        help: "Only registers with this name, id or pattern (* and ?) (repeatable).",
        completion: Completions.registers)
    var registers: [String] = []

    @OptionGroup var selection: SelectionOptions

    @OptionGroup var images: ImageOptions

    @OptionGroup var output: OutputOptions

    func run() throws {
        try Location.checkInputs([left, right])
        let options = try images.options(for: [left, right])
        let difference = SnapshotDifference(
            try part(of: left, options[0]), try part(of: right, options[1]))
        let same = exact ? difference.isExactlySame : difference.isSame
        let report = DiffOutput(
            left: left.text, right: right.text, same: same, difference: difference,
            values: output.values)
        try report.print(as: output.printing)
    }

    /// What is compared of a side: all that there is, or what the options name.
    private func part(of side: Location, _ options: SourceOptions) throws -> Snapshot {
        var snapshot = try selection.selected(of: try side.snapshot(options), named: side.text)
        guard !registers.isEmpty else { return snapshot }
        let patterns = registers.map(RegisterPattern.init(spelled:))
        snapshot.provenance = Provenance()
        return snapshot.filtered { id in patterns.contains { $0.matches(id) } }
    }
}
