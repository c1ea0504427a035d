internal import Attach
internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// A VM of a running process, reached from outside.
struct RunningProcess {
    private let process: Int
    private let vm: VMM.VM
    private let name: String
    private let text: String
    private let takesFilterRisk: Bool

    /// - Parameters:
    ///   - descriptor: of the VM, where there are several.
    ///   - text: as on the command line.
    ///   - takesFilterRisk: whether a seccomp filter that cannot be read is no reason to leave it alone.
    init(
        _ process: Int, vm descriptor: Int?, _ text: String, takesFilterRisk: Bool = false
    ) throws {
        let vmm = try VMM(process: process)
        guard !vmm.isAmbiguous else {
            throw CommandError(
                "\(text): \(vmm.name) has several VMs, and which of them a vCPU is of cannot be told: it "
                    + "made a VM's vCPUs after it had opened another VM")
        }
        let matching = vmm.vms.filter { descriptor == nil || $0.descriptor == descriptor }
        guard let vm = matching.first, matching.count == 1 else {
            let names = vmm.vms.map { "pid:\(process)/\($0.descriptor)" }.joined(separator: ", ")
            throw CommandError("\(text): name one of its VMs: \(names)")
        }
        self.process = process
        self.vm = vm
        name = vmm.name
        self.text = text
        self.takesFilterRisk = takesFilterRisk
    }

    // MARK: Reading

    /// The registers of all its vCPUs at one moment; for how long it stood still is said on standard
    /// error.
    func capture(
        settling: Bool
    ) throws -> (snapshot: Snapshot, unreadable: [UnreadableRegister]) {
        var tries = 0
        while true {
            let (banks, cost) = try AttachedVM.capture(
                vm.vcpus, of: process, for: .init(takesFilterRisk: takesFilterRisk))
            let unsettled = banks.filter { $0.exit?.isUnfinished == true }
            tries += 1
            if settling, !unsettled.isEmpty, tries < Self.mostTries { continue }
            report(cost, tries)
            guard unsettled.isEmpty || !settling else { throw notSettled(unsettled) }
            warn(unsettled)
            return try SnapshotSource.capture(
                banks, provenance(of: banks), indices: banks.map { $0.vcpu.snapshotIndex })
        }
    }

    /// Each takes some milliseconds, and a vCPU needs less than one to go on.
    private static let mostTries = 100

    private func report(_ cost: AttachedVM.Cost, _ tries: Int) {
        let pause = RunningVM.milliseconds(cost.nanoseconds / 1000)
        let way =
            cost.method == .routine
            ? "" : ", by calls through its stack, because it may have no executable memory of ours"
        let again = tries > 1 ? "; read \(tries) times" : ""
        StandardError.write(
            "vcpusnap: \(text): \(name) stood still for \(pause) ms, \(cost.stops) stops of "
                + "\(cost.threads) threads\(way)\(again)\n")
    }

    private func warn(_ unsettled: [AttachedVCPUBank]) {
        for bank in unsettled {
            StandardError.write(
                "vcpusnap: \(text): warning: vCPU \(bank.vcpu.index) waits for the answer to "
                    + "\(bank.exit?.name ?? "an exit"): its state is complete only after KVM_RUN "
                    + "(--settle tries again)\n")
        }
    }

    private func notSettled(_ unsettled: [AttachedVCPUBank]) -> CommandError {
        let names = unsettled.map { "vCPU \($0.vcpu.index) (\($0.exit?.name ?? "?"))" }
        return CommandError(
            "\(text): after \(Self.mostTries) tries still in the middle of an exit: "
                + names.joined(separator: ", ") + "; its VMM may be stopped")
    }

    private func provenance(of banks: [AttachedVCPUBank]) -> Provenance {
        var result = Provenance()
        result[.tool] = Version.text
        result[.time] = SystemClock.utcTimestamp()
        result[.source] = text
        result[.vmm] = name
        result[.kernel] = HostIdentity.kernelRelease()
        result[.counterFrequency] = String(HostIdentity.counterFrequency())
        for bank in banks {
            result[.exitReason(bank.vcpu.index)] = bank.exit?.name
        }
        return result
    }

    // MARK: Writing

    /// A process that stands still while its vCPUs are written.
    final class Stopped {
        let banks: [AttachedVCPUBank]
        let provenance: Provenance
        private let vm: AttachedVM
        private let report: (AttachedVM.Cost) -> Void

        fileprivate init(
            _ vm: AttachedVM, _ provenance: Provenance,
            _ report: @escaping (AttachedVM.Cost) -> Void
        ) {
            self.vm = vm
            banks = vm.banks
            self.provenance = provenance
            self.report = report
        }

        /// Lets it go on, and says how long it stood still.
        func letGo() throws {
            if let cost = try vm.letGo() { report(cost) }
        }
    }

    /// Stops the process to write the vCPUs of a snapshot.
    func stop(for snapshot: Snapshot) throws -> Stopped {
        let indices = vm.vcpus.map(\.snapshotIndex)
        guard indices == snapshot.vcpus.map(\.index) else {
            throw CommandError(
                "\(text) has \(VCPUNumbers(indices).title), the "
                    + "snapshot has \(snapshot.indexText): they must be the same")
        }
        let attached = try AttachedVM(vm.vcpus, of: process, for: .init(writes: true))
        return Stopped(attached, provenance(of: attached.banks)) { report($0, 1) }
    }
}

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
    /// Says on standard error which vCPUs were saved in the middle of an exit, of which restoring makes no more.
    func warnOfUnfinishedExits(from source: Location) {
        for vcpu in vcpus {
            guard let exit = provenance[.exitReason(Int(vcpu.index))],
                VCPUExit.unfinished.contains(exit)
            else { continue }
            StandardError.write(
                "vcpusnap: \(source.text): warning: vCPU \(vcpu.index) was saved while it waited for the "
                    + "answer to \(exit): the guest goes on without one\n")
        }
    }
}

extension VMM.VCPU {
    fileprivate var snapshotIndex: UInt32 { UInt32(clamping: index) }
}

extension AttachedVCPUBank {
    /// Nil where it is not known.
    fileprivate var exit: VCPUExit? { exitReason.map { VCPUExit(number: $0) } }
}
