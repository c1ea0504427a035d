internal import ArgumentParser
internal import Machines
internal import VCPUModel

/// `vcpusnap diff A B`.
struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what differs between two snapshots, field by field.",
        usage: "vcpusnap diff <left> <right> [--exact] [options]",
        discussion: """
            Registers that move by themselves (counters) are listed apart and do not count
            as a difference unless --exact is given; neither does provenance.

            EXAMPLES
              vcpusnap diff before.vcpusnap after.vcpusnap
              vcpusnap diff saved.vcpusnap kvm: --format json
            """)

    @Argument(help: "A snapshot: \(SourceKinds.grammar(for: .read)).")
    var left: Location

    @Argument(help: "The snapshot to compare it with.")
    var right: Location

    @Flag(help: "Count registers that move by themselves as differences.")
    var exact = false

    @OptionGroup var images: ImageOptions

    @OptionGroup var output: OutputOptions

    func run() throws {
        try Location.checkInputs([left, right])
        let options = try images.options(for: [left, right])
        let difference = SnapshotDifference(
            try left.snapshot(options[0]),
            try right.snapshot(options[1]))
        let same = exact ? difference.isExactlySame : difference.isSame
        let report = DiffOutput(
            left: left.text, right: right.text, same: same, difference: difference,
            values: output.values)
        try report.print(as: output.format)
    }
}
