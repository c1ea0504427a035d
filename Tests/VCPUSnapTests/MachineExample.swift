import VCPUSnap

/// Saves a VM with its interrupt controller and clock, from descriptors that its VMM has open; its vCPUs are stopped.
func save(
    _ vm: Int32, _ vcpus: [KVMMachine.LentVCPU], _ gic: KVMMachine.LentController, to path: String
) throws {
    let machine = try KVMMachine(borrowing: vm, vcpus: vcpus, controller: gic)
    try machine.saveTables()
    let banks = zip(vcpus, machine.vcpus).map { OpenVCPU(index: $0.index, bank: $1) }
    let capture = try StateCapture(of: banks, Provenance(), vm: machine.vm)
    if let unreadable = capture.unreadable.first { throw unreadable.error }
    try SnapshotFile.write(capture.snapshot, to: Location(path: path))
}

/// Restores it into a VM that was made like the first, has never run, and has the guest's memory.
/// - Returns: whether nothing was lost.
func restore(
    _ vm: Int32, _ vcpus: [KVMMachine.LentVCPU], _ gic: KVMMachine.LentController,
    from path: String
) throws -> Bool {
    let machine = try KVMMachine(borrowing: vm, vcpus: vcpus, controller: gic)
    let snapshot = try Location(path: path).capture(SourceOptions()).snapshot
    var failure: KVMError?
    let account = try Restore.perform(snapshot, into: machine.vcpus, vm: machine.vm) {
        do throws(KVMError) { try machine.restoreTables() } catch { failure = error }
    }
    if let failure { throw failure }
    return account.isComplete
}
