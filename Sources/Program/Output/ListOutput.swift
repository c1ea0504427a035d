internal import Attach

/// The report of `list`.
struct ListOutput: WholeReport {
    struct Process: Encodable {
        var pid: Int
        var name: String
        var vms: [VM]
        /// Whether which VM a vCPU is of cannot be told.
        var ambiguous: Bool?
    }

    struct VM: Encodable {
        var descriptor: Int
        /// The numbers of the vCPUs.
        var vcpus: [Int]
    }

    var processes: [Process]
    /// Processes that this user may not look into.
    var hidden: Int

    init(_ table: ProcessTable) {
        hidden = table.hidden
        processes = table.vmms.map { vmm in
            Process(
                pid: vmm.process, name: vmm.name,
                vms: vmm.vms.map { VM(descriptor: $0.descriptor, vcpus: $0.vcpus.map(\.index)) },
                ambiguous: vmm.isAmbiguous ? true : nil)
        }
    }

    func text(_ style: TextStyle) -> PrintableText {
        let lines = processes.map { process -> PrintableText in
            let list = process.vms.map { vm -> PrintableText in
                let count = vm.vcpus.count.of("vCPU")
                return process.vms.count == 1
                    ? "\(count)" : "pid:\(process.pid)/\(vm.descriptor) with \(count)"
            }.joined(separator: ", ")
            let doubt = process.ambiguous == true ? " (which vCPU is whose cannot be told)" : ""
            return "\(style.bold("pid:\(process.pid)"))  \(process.name)  \(list)\(doubt)\n"
        }
        let none: PrintableText =
            lines.isEmpty ? "no process with a KVM VM can be seen\n" : ""
        let more: PrintableText =
            hidden > 0
            ? "\(hidden) process\(hidden == 1 ? "" : "es") could not be looked into: run as root to see them\n"
            : ""
        return lines.joined() + none + more
    }
}
