internal import ArgumentParser
internal import Machines
internal import SnapshotFormat

/// `vcpusnap verify FILE`.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a snapshot file: header, every chunk, every value, the digest.",
        discussion: """
            EXAMPLES
              vcpusnap verify cpu.vcpusnap
              vcpusnap save kvm: -o - | tee cpu.vcpusnap | vcpusnap verify -
            """)

    @Argument(help: "The snapshot file; - is standard input.")
    var file: Location

    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    func run() throws {
        try VerifyOutput(report: try SnapshotFile.verify(file), file: file.text).print(as: format)
    }
}
