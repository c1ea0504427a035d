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

            qmp:SOCKET is a VM that QEMU runs, with or without KVM. It stops for some
            milliseconds (standard error says how many), and QEMU itself resumes it,
            whatever becomes of this program. Its RAM is not read.

            pid:PID is a process with a KVM VM, whatever VMM it is (vcpusnap list names
            them). Its threads are stopped, the calls that read the vCPUs are made in it,
            and it is let go as it was, even if this program is killed; standard error says
            how long that took. A process with several VMs needs pid:PID/FD, the descriptor
            of one. A vCPU that was stopped before the VMM answered an MMIO or hypercall
            exit cannot be restored cleanly: that is recorded, and --settle reads again
            until there is none. Where the threads have a seccomp filter, no call that it
            forbids is made, and what cannot be read then is named.

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

    @Option(help: "The number of vCPUs to create on kvm: or an emulated host (1 to 512; 1).")
    var vcpus: Int?

    func validate() throws {
        if let vcpus, !(1...512 ~= vcpus) {
            throw ValidationError("--vcpus takes a number from 1 to 512, not \(vcpus)")
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
        options[.vcpus] = vcpus.map { String($0) }
        options.set(.settle, if: settle)
        options.set(.despiteFilter, if: despiteFilter)
        return options
    }

    func run() throws {
        try output.checkOutput(.binary, keeping: source.lostByItsChange(in: output))
        try checkSourceIsKept()
        try source.capture(options).keep(in: output, from: source)
    }

    /// A snapshot that takes its own place has lost nothing, if all of it is known; a stream would have, and all that is
    /// not of its vCPUs, and any other file is one no longer.
    private func checkSourceIsKept() throws {
        guard let identity = source.identity, identity == output.identity else { return }
        let snapshot = try source.openGuestFile(.commandLine) as? SnapshotFile
        guard snapshot?.hasUnknownContent != false else { return }
        try output.checkOutput(.binary, keeping: [source])
    }
}
