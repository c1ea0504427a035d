internal import ArgumentParser
internal import Machines

/// `vcpusnap verify FILE`.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a file is, and whether it is whole.",
        usage: "vcpusnap verify <file> [options]",
        discussion: """
            Of a snapshot, the header, every chunk, every value and the digest are
            checked; of a QEMU stream, in whatever file, all but its RAM; of a host
            profile, a policy or a baseline, every line. The exit code is 2 where
            anything is wrong.

            EXAMPLES
              vcpusnap verify cpu.vcpusnap
              vcpusnap verify vm.save
              vcpusnap save kvm: -o - | tee cpu.vcpusnap | vcpusnap verify -
            """)

    @Argument(help: "The file; - is standard input.")
    var file: Location

    @OptionGroup var printing: PrintingOptions

    func run() throws {
        switch try file.check(.commandLine) {
        case .snapshot(let report):
            try VerifyOutput(report: report, file: file.text).print(as: printing)
        case .other(let kind, let finding):
            try FileCheckOutput(file: file.text, kind: kind, finding: finding).print(as: printing)
        }
    }
}
