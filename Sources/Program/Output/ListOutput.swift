internal import Attach
internal import Machines
internal import Reports

/// The report of `list`.
struct ListOutput: WholeReport {
    let table: ProcessTable

    var json: JSONObject {
        [
            "hidden": table.unreadableProcesses,
            "processes": table.vmms.json { vmm in
                [
                    // Whether it is not known which VM a vCPU belongs to.
                    "ambiguous": vmm.isAmbiguous ? true : nil, "name": vmm.name,
                    "pid": vmm.process,
                    "vms": vmm.vms.json {
                        ["descriptor": $0.descriptor, "vcpus": $0.vcpus.map(\.index)]
                    },
                ]
            },
        ]
    }

    func text(_ style: TextStyle) -> PrintableText {
        let lines = table.vmms.map { vmm -> PrintableText in
            let list = vmm.vms.map { vm -> PrintableText in
                let count = vm.vcpus.count.of("vCPU")
                return vmm.vms.count == 1
                    ? "\(count)"
                    : "\(ProcessSource.word(for: vmm.process, vm: vm.descriptor)) with \(count)"
            }.joined(separator: ", ")
            let doubt = vmm.isAmbiguous ? " (which vCPU belongs to which VM is not known)" : ""
            return
                "\(style.bold("\(ProcessSource.word(for: vmm.process))"))  \(vmm.name)  \(list)\(doubt)\n"
        }
        let hidden = table.unreadableProcesses
        let none: PrintableText =
            lines.isEmpty ? "no process with a KVM VM can be seen\n" : ""
        let more: PrintableText =
            hidden > 0
            ? "\(hidden) process\(hidden == 1 ? "" : "es") could not be inspected: run as root to see them\n"
            : ""
        return lines.joined() + none + more
    }
}
