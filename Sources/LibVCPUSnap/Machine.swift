public import CVCPUSnap
internal import KVM
internal import LinuxSystem
internal import Machines
internal import Registers
internal import SnapshotFormat
internal import Transfer
internal import VCPUModel

/// A `vcpusnap_machine`.
final class Machine {
    /// In ascending order of their numbers.
    let vcpus: [OpenVCPU]
    let vm: (any RegisterBank)?
    /// Its devices; nil for one of banks.
    private let lent: KVMMachine?

    init(_ vcpus: [OpenVCPU], vm: (any RegisterBank)?) {
        self.vcpus = vcpus
        self.vm = vm
        lent = nil
    }

    init(_ options: vcpusnap_machine_options) throws(Failure) {
        let given = try array(
            options.vcpus, options.vcpu_count, limit: SnapshotLimits.vcpus, "vcpus")
        try Self.checkOrder(given.map(\.index))
        let controller = try KVMMachine.LentController(options)
        let unknown = UnknownState(options, controller)
        let lent = try Failure.passing {
            try KVMMachine(
                borrowing: options.vm_fd, vcpus: given.map(KVMMachine.LentVCPU.init),
                controller: controller, unknown: unknown)
        }
        self.lent = lent
        vm = lent.vm
        vcpus = lent.vcpus.map { OpenVCPU(index: $0.index, bank: $0) }
    }

    /// - Throws: where there is no vCPU, or one is not above the one before it.
    static func checkOrder(_ indexes: [UInt32]) throws(Failure) {
        guard !indexes.isEmpty else { throw .argument("there is no vCPU: vcpu_count is 0") }
        guard zip(indexes, indexes.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .argument("the vCPUs are not in ascending order of their index, each once")
        }
    }

    /// What is known of where it runs, with the time.
    var provenance: Provenance {
        var provenance = Provenance()
        if let lent {
            provenance = Provenance(
                kernel: HostIdentity.kernelRelease(),
                midr: (try? lent.vcpus.first?.read(.midrEL1))?.bits,
                counterFrequency: HostIdentity.counterFrequency(),
                capabilities: lent.capabilities, tool: Version.text)
        } else {
            provenance[.tool] = Version.text
            provenance[.time] = SystemClock.utcTimestamp()
        }
        return provenance
    }

    func saveTables() throws(Failure) {
        guard let lent else { return }
        try Failure.passing { try lent.saveTables() }
    }

    /// All of its state.
    func snapshot() throws(Failure) -> Snapshot {
        let capture = try Failure.passing { try StateCapture(of: vcpus, provenance, vm: vm) }
        if let unreadable = capture.unreadable.first { throw .unreadable(unreadable.error) }
        return capture.snapshot
    }

    /// Restores into it.
    /// - Parameter hasTables: whether the guest's memory has the tables of its ITSs.
    func restore(
        _ snapshot: Snapshot, _ given: Restore.Options, hasTables: Bool
    ) throws(Failure) -> RestoreAccount {
        var options = given
        // Nothing that this library runs on says which kernel another VM is of.
        options.kernel = lent.flatMap { _ in KernelVersion(parsing: HostIdentity.kernelRelease()) }
        options.hasTables = hasTables && lent == nil
        var failure: KVMError?
        let restoreTables: (() -> Void)? = lent.flatMap { lent in
            guard hasTables else { return nil }
            return {
                do throws(KVMError) { try lent.restoreTables() } catch { failure = error }
            }
        }
        let account = try Failure.passing {
            try Restore.perform(
                snapshot, into: vcpus.map(\.bank), vm: vm, options: options,
                restoreTables: restoreTables)
        }
        if let failure { try Failure.passing { throw failure } }
        return account
    }

    /// CNTFRQ_EL0; nil where that is not known.
    var counterFrequency: UInt64? { lent.map { _ in HostIdentity.counterFrequency() } }
}

extension KVMMachine.LentVCPU {
    fileprivate init(_ vcpu: vcpusnap_vcpu) {
        self.init(
            descriptor: vcpu.fd, index: vcpu.index,
            initializedWith: VCPUInit(
                target: vcpu.target, features: VCPUFeatures(rawValue: vcpu.features)))
    }
}

extension KVMMachine.LentController {
    /// The interrupt controller that options name; nil for none.
    /// - Throws: for what is none, and for ITSs without one.
    fileprivate init?(_ options: vcpusnap_machine_options) throws(Failure) {
        let translators = try array(options.its_fds, options.its_count, limit: 255, "its_fds")
        guard options.gic != VCPUSNAP_GIC_NONE else {
            guard translators.isEmpty else {
                throw .argument("ITSs belong to a GICv3, and gic is none")
            }
            return nil
        }
        guard let model = GICModel(rawValue: options.gic.rawValue) else {
            throw .argument("gic is \(options.gic.rawValue), which is no VCPUSNAP_GIC_")
        }
        self.init(model, descriptor: options.gic_fd, translators: Array(translators))
    }
}

extension UnknownState {
    /// What a VMM does not rule out.
    fileprivate init(
        _ options: vcpusnap_machine_options, _ controller: KVMMachine.LentController?
    ) {
        self = .everything
        for (flag, state) in Self.flags where options.ruled_out & flag.rawValue != 0 {
            subtract(state)
        }
        if controller == nil { subtract(.linesOfEdges) }
        if controller?.model != .v3 { subtract([.lpiPending, .itsTables]) }
    }

    private static var flags: [(vcpusnap_ruled_out, UnknownState)] {
        [
            (VCPUSNAP_NO_COUNTER_OFFSET, .counterOffset), (VCPUSNAP_NO_SMCCC_FILTER, .smcccFilter),
            (VCPUSNAP_NO_PMU_FILTER, .pmuFilter), (VCPUSNAP_NO_PMU_CHOICE, .pmuID),
            (VCPUSNAP_NO_CAPABILITY, .capabilities),
        ]
    }
}

// MARK: - Functions

/// Makes a machine of descriptors.
@_cdecl("vcpusnap_machine_create")
public func createMachine(
    _ given: UnsafePointer<vcpusnap_machine_options>?, _ machine: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(machine, error) { () throws(Failure) in
        try Machine(try options(given))
    }
}

/// Makes a machine of functions.
@_cdecl("vcpusnap_machine_create_from_banks")
public func createMachineFromBanks(
    _ vcpus: UnsafePointer<vcpusnap_bank>?, _ count: Int, _ vm: UnsafePointer<vcpusnap_bank>?,
    _ machine: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(machine, error) { () throws(Failure) in
        let given = try array(vcpus, count, limit: SnapshotLimits.vcpus, "vcpus")
        try Machine.checkOrder(given.map(\.index))
        var banks: [OpenVCPU] = []
        for bank in given {
            banks.append(OpenVCPU(index: bank.index, bank: try CallbackBank(bank)))
        }
        guard let vm else { return Machine(banks, vm: nil) }
        return Machine(banks, vm: try CallbackBank(vm.pointee))
    }
}

/// Has KVM write what it keeps of LPIs and ITSs to the guest's memory.
@_cdecl("vcpusnap_machine_save_tables")
public func saveTables(_ machine: OpaquePointer?, _ error: ErrorPlace?) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        try object(machine, Machine.self).saveTables()
    }
}

/// Takes a machine back.
@_cdecl("vcpusnap_machine_destroy")
public func destroyMachine(_ machine: OpaquePointer?) { destroy(machine, Machine.self) }
