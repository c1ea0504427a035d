internal import ArgumentParser
internal import VCPUModel

/// `vcpusnap save SOURCE -o FILE`.
struct Save: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Save the complete state of vCPUs into a snapshot file.",
        discussion: """
            The file appears whole or not at all, and only its owner can read it: it holds the
            guest's pointer authentication keys.

            qmp:SOCKET is a VM that QEMU runs, with KVM or without: it stops for some milliseconds, how
            many is said on standard error, and QEMU itself makes it go on, whatever becomes of this
            program. Its RAM is not read.

            EXAMPLES
              vcpusnap save kvm: -o cpu.vcpusnap
              vcpusnap save emulated:6.12-neoverse-n1 --vcpus 4 -o four.vcpusnap
              vcpusnap save qmp:/run/vm.qmp -o vm.vcpusnap
              vcpusnap save emulated:6.12-max -o - | ssh host vcpusnap restore - kvm:
            """)

    @Argument(help: "What to save: kvm:, qmp:SOCKET, emulated:NAME or FILE.")
    var source: Location

    @Option(name: .shortAndLong, help: "The snapshot to write; - is standard output.")
    var output: Location

    @Option(help: "The number of vCPUs to create on kvm: or an emulated host (1 to 512).")
    var vcpus = 1

    func validate() throws {
        guard 1...512 ~= vcpus else {
            throw ValidationError("--vcpus takes a number from 1 to 512, not \(vcpus)")
        }
    }

    func run() throws {
        let capture = try SnapshotSource(source).read(vcpus: vcpus)
        for failure in capture.unreadable {
            StandardError.write("vcpusnap: \(source.text): \(failure)\n")
        }
        try SnapshotFile.write(capture.snapshot, to: output)
        guard capture.unreadable.isEmpty else { throw ExitStatus.finding }
    }
}
