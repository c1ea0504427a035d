import VCPUSnap

/// Moves the state of a vCPU into a fresh one by a file, unless a plan says that the host, its profile, cannot take it.
/// - Returns: whether the fresh vCPU now holds what was saved.
func move(
    _ vcpu: some RegisterBank, to fresh: some RegisterBank, on host: HostProfile, by path: String
) throws -> Bool {
    var saved = Snapshot(provenance: Provenance(), vcpus: [])
    saved.vcpus = [VCPUState(index: 0, registers: try Capture(of: vcpu).registers)]
    try SnapshotFile.write(saved, to: Location(path: path))

    let snapshot = try Location(path: path).capture(SourceOptions()).snapshot
    var options = Restore.Options()
    options.policy = RestorePolicy(.safe)
    let plan = try MovePlan(of: snapshot, on: host, policy: options.policy)
    guard plan.verdict != .no else { return false }
    let reports = try Restore.run(snapshot.units, into: [fresh], options: options)

    saved.vcpus[0].registers = try Capture(of: fresh).registers
    return reports.allSatisfy(\.isComplete) && SnapshotDifference(snapshot, saved).isSame
}
