public import VCPUModel

/// Why `KVM_RUN` returned last (`KVM_EXIT_*`, `include/uapi/linux/kvm.h`).
struct VCPUExit {
    let number: UInt32

    /// As in the kernel's header without its prefix; the number where it is none of arm64's.
    var name: String { Self.names[number] ?? "exit reason \(number)" }

    /// Whether the guest's state is complete only once `KVM_RUN` is called again
    /// (Documentation/virt/kvm/api.rst, 5, "struct kvm_run").
    var isUnfinished: Bool { Self.unfinished.contains(name) }

    static let unfinished: Set = ["HYPERCALL", "MMIO", "ARM_NISV"]

    private static let names: [UInt32: String] = [
        0: "UNKNOWN", 3: "HYPERCALL", 4: "DEBUG", 6: "MMIO", 7: "IRQ_WINDOW_OPEN", 8: "SHUTDOWN",
        9: "FAIL_ENTRY", 10: "INTR", 17: "INTERNAL_ERROR", 24: "SYSTEM_EVENT", 28: "ARM_NISV",
        31: "DIRTY_RING_FULL", 39: "MEMORY_FAULT",
    ]
}

extension Snapshot {
    /// The vCPUs that were saved in the middle of an exit, each with the exit's name.
    ///
    /// A restore does not complete what was under way.
    public var unfinishedExits: [(vcpu: UInt32, exit: String)] {
        vcpus.compactMap { vcpu in
            guard let exit = provenance[.exitReason(Int(vcpu.index))],
                VCPUExit.unfinished.contains(exit)
            else { return nil }
            return (vcpu.index, exit)
        }
    }
}
