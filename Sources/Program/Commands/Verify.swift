internal import ArgumentParser
internal import Machines
internal import SnapshotFormat

/// `vcpusnap verify FILE`.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a snapshot file: header, every chunk, every value, the digest.",
        usage: "vcpusnap verify <file> [options]",
        discussion: """
            EXAMPLES
              vcpusnap verify cpu.vcpusnap
              vcpusnap save kvm: -o - | tee cpu.vcpusnap | vcpusnap verify -
            """)

    @Argument(help: "The snapshot file; - is standard input.")
    var file: Location

    @OptionGroup var printing: PrintingOptions

    func run() throws {
        try VerifyOutput(report: try SnapshotFile.verify(file), file: file.text).print(as: printing)
    }
}
