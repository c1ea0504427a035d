public import CVCPUSnap
internal import Machines
internal import Registers
internal import VCPUModel

/// A `vcpusnap_capture`: what is to be read of a machine, and memory for it.
final class PreparedCapture {
    private struct Unit {
        let memory: RegisterMemory
        let read: any BulkRead

        init(_ bank: any RegisterBank) throws(RegisterBankError) {
            memory = try RegisterMemory(for: try bank.list())
            read = try bank.bulkRead(into: memory)
        }
    }

    private let machine: Machine
    private let units: [Unit]
    private let vm: Unit?
    private var provenance: Provenance
    private var isRead = false

    init(_ machine: Machine) throws(Failure) {
        self.machine = machine
        provenance = machine.provenance
        (units, vm) = try Failure.passing {
            (try machine.vcpus.map { try Unit($0.bank) }, try machine.vm.map(Unit.init))
        }
        // What fails only the first time, and memory that is taken only then, is not left for the stop.
        try read()
        isRead = false
    }

    /// Reads everything, and takes no memory as long as nothing fails.
    func read() throws(Failure) {
        do throws(RegisterBankError) {
            try vm?.read.perform()
            for unit in units { try unit.read.perform() }
        } catch {
            throw .unreadable(error)
        }
        isRead = true
    }

    func finish() throws(Failure) -> Snapshot {
        guard isRead else {
            throw .argument("nothing was captured: call vcpusnap_capture_read first")
        }
        let vcpus = zip(machine.vcpus, units).map { vcpu, unit in
            VCPUState(index: vcpu.index, registers: unit.memory.registers)
        }
        provenance[.time] = machine.provenance[.time]
        return Snapshot(
            provenance: provenance, vcpus: vcpus, vm: vm?.memory.registers ?? RegisterList())
    }
}

/// Takes a snapshot of a machine.
@_cdecl("vcpusnap_save")
public func save(
    _ machine: OpaquePointer?, _ snapshot: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(snapshot, error) { () throws(Failure) in
        SnapshotObject(try object(machine, Machine.self).snapshot())
    }
}

/// Finds what is to be read, and takes memory for it.
@_cdecl("vcpusnap_prepare")
public func prepare(
    _ machine: OpaquePointer?, _ capture: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(capture, error) { () throws(Failure) in
        try PreparedCapture(try object(machine))
    }
}

/// Reads it.
@_cdecl("vcpusnap_capture_read")
public func readCapture(_ capture: OpaquePointer?, _ error: ErrorPlace?) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        try object(capture, PreparedCapture.self).read()
    }
}

/// Makes a snapshot of what was read.
@_cdecl("vcpusnap_capture_finish")
public func finishCapture(
    _ capture: OpaquePointer?, _ snapshot: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(snapshot, error) { () throws(Failure) in
        SnapshotObject(try object(capture, PreparedCapture.self).finish())
    }
}

/// Takes a capture back.
@_cdecl("vcpusnap_capture_destroy")
public func destroyCapture(_ capture: OpaquePointer?) { destroy(capture, PreparedCapture.self) }
