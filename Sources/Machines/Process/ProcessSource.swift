internal import Attach
internal import LinuxSystem
internal import TextFormats
internal import VCPUModel

/// `pid:PID`: a VM of a running process, reached from outside; with several VMs `pid:PID/FD`.
package struct ProcessSource: NamedSource {
    /// A process id follows, and optionally `/` and the descriptor that the process has of one of its VMs.
    package static let scheme = "pid:"
    /// Reading while the guest runs, restoring and editing while it is stopped.
    package static let summary = SourceSummary(
        grammar: "pid:PID", meaning: "a VM of a running process, whatever VMM it is (arm64)",
        abilities: [.read, .restore, .edit], needs: "arm64; the right to trace the process",
        options: [.settle, .despiteFilter],
        details: [
            .read: """
            pid:PID is a process with a KVM VM, whatever VMM it is (vcpusnap list names
            them). Its threads are stopped, the calls that read the vCPUs are made in it,
            and it goes on as it was, even if this program is killed; standard error says
            how long that took. A process with several VMs needs pid:PID/FD, the descriptor
            of one. A vCPU that was stopped before the VMM answered an MMIO or hypercall
            exit cannot be restored cleanly: that is recorded, and --settle reads again
            until there is none. If the threads have a seccomp filter, no call that it
            forbids is made, and what cannot be read because of that is named.
            """,
            .restore: """
            pid:PID is a VM of a running process, with the same number of vCPUs, none of
            them running: the VM is fresh, or stopped in its VMM.
            """,
        ],
        example: "vcpusnap save pid:4711 --settle -o vm.vcpusnap")

    /// What the command line calls a process, or one of the VMs of a process that has several.
    public static func word(for process: Int, vm descriptor: Int? = nil) -> String {
        "\(scheme)\(process)" + (descriptor.map { "/\($0)" } ?? "")
    }

    fileprivate let process: Int
    /// The descriptor of the VM, where it is named.
    fileprivate let descriptor: Int?

    /// From `PID` or `PID/FD`, both decimal; nil for anything else.
    ///
    /// It does not look whether there is such a process.
    package init?(_ name: String) {
        let numbers = name.split(separator: "/", omittingEmptySubsequences: false).map {
            NumberText.decimal($0).flatMap { Int(exactly: $0) }
        }
        guard 1...2 ~= numbers.count, let process = numbers[0], process > 0 else { return nil }
        self.process = process
        descriptor = numbers.count == 2 ? numbers[1] : nil
        if numbers.count == 2, descriptor == nil { return nil }
    }

    /// `PID` or `PID/FD`, in decimal.
    package var name: String { "\(process)" + (descriptor.map { "/\($0)" } ?? "") }

    /// This machine.
    package var hostOfRestore: String? { KVMSource.scheme }

    /// True: the guest goes on with what was written.
    package var isLasting: Bool { true }

    /// Refuses a trial: its writes would reach the guest.
    package static func objection(to use: RestoreUse) -> String? {
        use == .writing
            ? nil
            : "--dry-run would write to the VM: vcpusnap diff says what differs, vcpusnap plan what a "
                + "restore on such a host would do"
    }

    /// The registers of all vCPUs at one moment.
    ///
    /// The whole process stops for it, and a notice says for how long.
    ///
    /// With `--settle` it reads, at most 100 times, until no vCPU waits for its VMM's answer to an exit. Without it,
    /// each such vCPU gets a warning.
    /// - Throws: when the process has no such VM, may not be traced, or does not settle.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        try RunningProcess(self, options).capture(settling: options.has(.settle))
    }

    /// Stops the process until `letGo`.
    /// - Throws: when the snapshot's vCPU numbers are not those of the VM, or a vCPU runs; as `capture` does.
    package func open(
        _ purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState {
        let vm = try RunningProcess(self, options)
        if case .restore(let snapshot, _) = purpose { try vm.checkHasVCPUs(of: snapshot) }
        return try vm.stop()
    }

    /// The processes on this host that have VMs.
    package static func completions(of beginning: String) -> [String] {
        guard beginning.hasPrefix(scheme), let table = try? ProcessTable.read() else {
            return [scheme]
        }
        return table.vmms.map { word(for: $0.process) }
    }
}

extension SourceOption {
    /// Reads a running VM again until no vCPU is in the middle of an exit.
    public static let settle = ofProcesses(
        "--settle",
        "Read a running process again until no vCPU waits for the answer to an MMIO or hypercall exit."
    )
    /// Goes on although a seccomp filter of the process cannot be read.
    public static let despiteFilter = ofProcesses(
        "--despite-filter",
        "Attach to a process whose seccomp filter cannot be read, which may kill it for our calls.")

    private static func ofProcesses(_ name: String, _ help: String) -> SourceOption {
        SourceOption(
            name, bearer: "running process", subject: "VMs of running processes", help: help)
    }
}

/// The process, looked at.
private struct RunningProcess {
    private let process: Int
    private let vm: VMMProcess.VM
    private let name: String
    private let text: String
    private let options: SourceOptions

    init(_ source: ProcessSource, _ options: SourceOptions) throws(SourceError) {
        let text = Location(source).text
        let process = source.process
        let vmm = try SourceError.passing { try VMMProcess(process: process) }
        guard !vmm.isAmbiguous else {
            throw SourceError(
                "\(text): \(vmm.name) has several VMs, and it is not known which of them a vCPU belongs to: it "
                    + "made a VM's vCPUs after it had opened another VM")
        }
        let matching = vmm.vms.filter {
            source.descriptor == nil || $0.descriptor == source.descriptor
        }
        guard let vm = matching.first, matching.count == 1 else {
            let names = vmm.vms.map { ProcessSource.word(for: process, vm: $0.descriptor) }
            throw SourceError("\(text): name one of its VMs: \(names.joined(separator: ", "))")
        }
        self.process = process
        self.vm = vm
        name = vmm.name
        self.text = text
        self.options = options
    }

    // MARK: Reading

    /// The registers of all its vCPUs at one moment; for how long it stood still is notified.
    func capture(settling: Bool) throws(SourceError) -> StateCapture {
        var tries = 0
        while true {
            let (attached, cost) = try SourceError.passing { try read() }
            let banks = attached.banks
            let unsettled = banks.filter { $0.exit?.isUnfinished == true }
            tries += 1
            if settling, !unsettled.isEmpty, tries < Self.maximumTries { continue }
            report(cost, tries)
            guard unsettled.isEmpty || !settling else { throw notSettled(unsettled) }
            warn(unsettled)
            return try StateCapture(
                of: banks.map(\.open), provenance(of: banks), vm: attached.vm)
        }
    }

    private func read() throws(AttachError) -> (AttachedVM, AttachedVM.Cost) {
        var purpose = AttachedVM.Purpose(assumesFilterAllows: options.has(.despiteFilter))
        purpose.leavesOut = options.leavesOut
        return try AttachedVM.capture(vm, of: process, for: purpose)
    }

    /// Each takes some milliseconds, and a vCPU needs less than one to go on.
    private static let maximumTries = 100

    private func report(_ cost: AttachedVM.Cost, _ tries: Int) {
        let pause = StandstillText.milliseconds(cost.nanoseconds / 1000)
        let way =
            cost.method == .routine
            ? "" : ", by calls through its stack, because it may have no executable memory of ours"
        let again = tries > 1 ? "; read \(tries) times" : ""
        options.notify(
            "\(text): \(name) stood still for \(pause) ms, \(cost.stops) stops of "
                + "\(cost.threads) threads\(way)\(again)")
    }

    private func warn(_ unsettled: [AttachedVCPUBank]) {
        for bank in unsettled {
            options.notify(
                "\(text): warning: vCPU \(bank.vcpu.index) waits for the answer to "
                    + "\(bank.exit?.name ?? "an exit"): its state is complete only after KVM_RUN "
                    + "(--settle tries again)")
        }
    }

    private func notSettled(_ unsettled: [AttachedVCPUBank]) -> SourceError {
        let names = unsettled.map { "vCPU \($0.vcpu.index) (\($0.exit?.name ?? "?"))" }
        return SourceError(
            "\(text): after \(Self.maximumTries) tries still in the middle of an exit: "
                + names.joined(separator: ", ") + "; its VMM may be stopped")
    }

    private func provenance(of banks: [AttachedVCPUBank]) -> Provenance {
        var result = Provenance()
        result[.tool] = options.tool
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

    func checkHasVCPUs(of snapshot: Snapshot) throws(SourceError) {
        let indices = vm.vcpus.map(\.snapshotIndex)
        guard indices == snapshot.vcpus.map(\.index) else {
            throw SourceError(
                "\(text) has \(UnitNumbers(indices).title), the "
                    + "snapshot has \(snapshot.indexText): they must be the same")
        }
    }

    /// Stops the process to write its vCPUs.
    func stop() throws(SourceError) -> StoppedProcess {
        let attached = try SourceError.passing {
            try AttachedVM(vm, of: process, for: .init(writes: true))
        }
        return StoppedProcess(attached, provenance(of: attached.banks)) { report($0, 1) }
    }
}

/// A process that stands still while its vCPUs are written.
private final class StoppedProcess: OpenState {
    let vcpus: [OpenVCPU]
    let provenance: Provenance
    private let attached: AttachedVM
    private let report: (AttachedVM.Cost) -> Void

    init(
        _ vm: AttachedVM, _ provenance: Provenance, _ report: @escaping (AttachedVM.Cost) -> Void
    ) {
        attached = vm
        vcpus = vm.banks.map(\.open)
        self.provenance = provenance
        self.report = report
    }

    var vm: (any RegisterBank)? { attached.vm }

    /// Lets it go on, and says how long it stood still.
    func letGo() throws(SourceError) {
        if let cost = try SourceError.passing({ try attached.letGo() }) { report(cost) }
    }
}

extension VMMProcess.VCPUDescriptor {
    fileprivate var snapshotIndex: UInt32 { UInt32(clamping: index) }
}

extension AttachedVCPUBank {
    /// Nil where it is not known.
    fileprivate var exit: VCPUExit? { exitReason.map { VCPUExit(number: $0) } }

    fileprivate var open: OpenVCPU { OpenVCPU(index: vcpu.snapshotIndex, bank: self) }
}
