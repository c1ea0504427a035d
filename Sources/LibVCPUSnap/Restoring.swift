public import CVCPUSnap
internal import Planning
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// A `vcpusnap_policy`.
final class Policy {
    let value: RestorePolicy

    init(_ value: RestorePolicy) { self.value = value }

    /// That of options, which may leave it out.
    static func value(_ policy: OpaquePointer?) -> RestorePolicy {
        optional(policy, Policy.self)?.value ?? RestorePolicy(.exact)
    }
}

extension Restore.Options {
    fileprivate init(_ given: vcpusnap_restore_options) throws(Failure) {
        self.init()
        isStrict = given.strict != 0
        policy = Policy.value(given.policy)
        clock = try ClockMode(given)
        guard let progress = given.progress else { return }
        let asked = Progress(progress: progress, context: given.progress_context)
        goesOn = { asked.goesOn($0, $1) }
    }
}

/// The caller's function for progress, which is called on the caller's thread.
private struct Progress: @unchecked Sendable {
    let progress: @convention(c) (UnsafeMutableRawPointer?, Int, Int) -> Int32
    let context: UnsafeMutableRawPointer?

    func goesOn(_ done: Int, _ total: Int) -> Bool { progress(context, done, total) == 0 }
}

extension ClockMode {
    fileprivate init(_ given: vcpusnap_restore_options) throws(Failure) {
        switch given.clock {
        case VCPUSNAP_CLOCK_STOP: self = .stop
        case VCPUSNAP_CLOCK_WALL: self = .wall
        case VCPUSNAP_CLOCK_HOST: self = .host
        case VCPUSNAP_CLOCK_COUNT: self = .count(given.clock_count)
        default: throw .argument("clock is \(given.clock.rawValue), which is no VCPUSNAP_CLOCK_")
        }
    }
}

// MARK: - Functions

/// Makes a policy.
@_cdecl("vcpusnap_policy_create")
public func createPolicy(
    _ given: UnsafePointer<CChar>?, _ policy: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(policy, error) { () throws(Failure) in
        let text = try text(given, "the policy")
        if let preset = RestorePolicy.Preset(rawValue: text) {
            return Policy(RestorePolicy(preset))
        }
        return Policy(
            try Failure.passing { try RestorePolicy(parsing: Array(text.utf8), file: "policy") })
    }
}

/// Takes a policy back.
@_cdecl("vcpusnap_policy_destroy")
public func destroyPolicy(_ policy: OpaquePointer?) { destroy(policy, Policy.self) }

/// Restores a snapshot into a machine.
@_cdecl("vcpusnap_restore")
public func restore(
    _ snapshot: OpaquePointer?, _ machine: OpaquePointer?,
    _ given: UnsafePointer<vcpusnap_restore_options>?, _ report: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(report, error) { () throws(Failure) in
        let snapshot = try object(snapshot, SnapshotObject.self).value
        let machine = try object(machine, Machine.self)
        let given = try given.map { (given) throws(Failure) in try options(given) }
        let restore = try given.map(Restore.Options.init) ?? Restore.Options()
        let account = try machine.restore(
            snapshot, restore, hasTables: given.map { $0.has_tables != 0 } ?? false)
        let counter = CounterMismatch(
            of: snapshot.provenance, on: machine.counterFrequency, policy: restore.policy)
        let json = RestoreJSON(
            account: account, counter: counter, policy: restore.policy.name,
            notes: snapshot.noteTextsOfRestore, values: ReportObject.values)
        return ReportObject(account, counter) { json.json }
    }
}

/// Plans the restore of a snapshot on a host.
@_cdecl("vcpusnap_plan")
public func plan(
    _ snapshot: OpaquePointer?, _ host: OpaquePointer?, _ policy: OpaquePointer?,
    _ report: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(report, error) { () throws(Failure) in
        let snapshot = try object(snapshot, SnapshotObject.self).value
        let (host, policy) = (try object(host, Host.self), Policy.value(policy))
        let plan = try Failure.passing {
            try MovePlan(of: snapshot, on: host.profile, policy: policy)
        }
        let json = PlanJSON(notes: snapshot.noteTextsOfRestore, policy: policy.name)
        return ReportObject(plan.units.account, plan.counter) {
            json.json([plan]) { $0.json(ReportObject.values) }
        }
    }
}
