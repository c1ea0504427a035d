public import CVCPUSnap
internal import LinuxSystem
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// A `vcpusnap_report`.
final class ReportObject {
    /// As the command line prints them unless it is told otherwise.
    static let values = ValueText(showsKeys: false)

    private let account: RestoreAccount
    let counter: CounterMismatch?
    private let json: () -> JSONObject
    private var jsonText: CText?

    private var units: RestoreAccount.Iterator
    private var unit: RestoreReport?
    /// How many units were begun, and how many registers of the last one were given.
    private var (unitCount, registerCount) = (0, 0)
    /// What the caller was given last.
    private var entry: Entry?

    init(
        _ account: RestoreAccount, _ counter: CounterMismatch?, json: @escaping () -> JSONObject
    ) {
        self.account = account
        self.counter = counter
        self.json = json
        units = account.makeIterator()
    }

    var isComplete: Bool { account.isComplete && counter?.isLoss != true }
    var lossCount: Int { account.losses().count }
    var isUndone: Bool { account.isUndone }

    func text() throws(Failure) -> CText {
        if let jsonText { return jsonText }
        var text = ""
        try Failure.passing {
            try (JSONObject.ofThisVersion + json()).write(to: JSONWriter { text += $0 })
        }
        let kept = CText(text)
        jsonText = kept
        return kept
    }

    /// The next register; nil after the last, and the next call begins anew.
    func next() -> vcpusnap_outcome? {
        while unit == nil || registerCount == unit?.registers.count {
            unit = units.next()
            guard unit != nil else {
                units = account.makeIterator()
                (unitCount, registerCount, entry) = (0, 0, nil)
                return nil
            }
            (unitCount, registerCount) = (unitCount + 1, 0)
        }
        guard let unit else { return nil }
        let guest = account.guest(at: unitCount - 1)
        let entry = Entry(unit.registers[registerCount], isAArch32: guest.hasAArch32AtEL1)
        registerCount += 1
        self.entry = entry
        return entry.outcome(of: unit.unit)
    }

    func nextField() -> vcpusnap_field_difference? { entry?.nextField() }

    /// A register with all that the caller's struct points to.
    private final class Entry {
        private let register: RegisterRestore
        private let name: CText
        private let wanted, found: CBytes?
        private let reason, rule, proof: CText?
        private let fields: [(name: CText, difference: FieldDifference)]
        private var fieldCount = 0

        init(_ register: RegisterRestore, isAArch32: Bool) {
            self.register = register
            name = CText(register.id.name)
            wanted = register.wanted.map { CBytes($0.littleEndianBytes) }
            found = register.found.map { CBytes($0.littleEndianBytes) }
            reason = register.reason.map(CText.init)
            rule = register.pardon.map { CText($0.rule) }
            proof = register.pardon?.proof.map(CText.init)
            let difference = RegisterDifference(
                register.id, register.wanted, register.found, isAArch32: isAArch32)
            fields = difference.fields.map { (CText($0.field.name), $0) }
        }

        func outcome(of unit: UnitID) -> vcpusnap_outcome {
            vcpusnap_outcome(
                unit: unit.number, id: register.id.rawValue, name: name.start,
                result: register.outcome.result, os_error: register.outcome.refusal?.rawValue ?? 0,
                is_loss: register.isLoss ? 1 : 0, wanted: wanted?.start, found: found?.start,
                value_size: register.id.size ?? 0, reason: reason?.start, pardon_rule: rule?.start,
                pardon_proof: proof?.start)
        }

        func nextField() -> vcpusnap_field_difference? {
            guard fieldCount < fields.count else { return nil }
            let (name, difference) = fields[fieldCount]
            fieldCount += 1
            return vcpusnap_field_difference(
                name: name.start, wanted: difference.left, found: difference.right)
        }
    }
}

extension UnitID {
    /// As C functions name it.
    var number: Int64 { index.map(Int64.init) ?? Self.numberOfVM }

    /// What stands for the VM in the place of a vCPU's number.
    static var numberOfVM: Int64 { Int64(VCPUSNAP_VM) }
}

extension RegisterOutcome {
    fileprivate var result: vcpusnap_result {
        switch self {
        case .taken: VCPUSNAP_RESTORED
        case .alreadyEqual: VCPUSNAP_ALREADY_EQUAL
        case .keptButMasked: VCPUSNAP_MASKED
        case .acceptedThenChanged: VCPUSNAP_CHANGED
        case .refused: VCPUSNAP_REFUSED
        case .absent: VCPUSNAP_ABSENT
        case .untouched: VCPUSNAP_NOT_IN_SNAPSHOT
        case .missing: VCPUSNAP_MISSING
        case .volatile: VCPUSNAP_VOLATILE
        case .skipped: VCPUSNAP_SKIPPED
        }
    }

    fileprivate var refusal: Errno? {
        if case .refused(let errno) = self { errno } else { nil }
    }
}

// MARK: - Functions

/// Whether nothing was lost that the policy does not pardon.
@_cdecl("vcpusnap_report_is_complete")
public func isComplete(_ report: OpaquePointer?) -> Int32 {
    optional(report, ReportObject.self)?.isComplete == true ? 1 : 0
}

/// How many registers were lost that the policy does not pardon.
@_cdecl("vcpusnap_report_loss_count")
public func lossCount(_ report: OpaquePointer?) -> Int {
    optional(report, ReportObject.self)?.lossCount ?? 0
}

/// Whether a strict restore put back what it had written.
@_cdecl("vcpusnap_report_is_undone")
public func isUndone(_ report: OpaquePointer?) -> Int32 {
    optional(report, ReportObject.self)?.isUndone == true ? 1 : 0
}

/// How the counters' frequencies differ.
@_cdecl("vcpusnap_report_counter")
public func counter(
    _ report: OpaquePointer?, _ difference: UnsafeMutablePointer<vcpusnap_counter_difference>?
) -> Int32 {
    guard let counter = optional(report, ReportObject.self)?.counter else { return 0 }
    difference?.pointee = vcpusnap_counter_difference(
        guest: counter.guest, host: counter.host, is_loss: counter.isLoss ? 1 : 0)
    return 1
}

/// Gives the next register.
@_cdecl("vcpusnap_report_next")
public func nextRegister(
    _ report: OpaquePointer?, _ outcome: UnsafeMutablePointer<vcpusnap_outcome>?
) -> Int32 {
    giving(outcome) { optional(report, ReportObject.self)?.next() }
}

/// Gives the next field in which its values differ.
@_cdecl("vcpusnap_report_next_field")
public func nextField(
    _ report: OpaquePointer?, _ difference: UnsafeMutablePointer<vcpusnap_field_difference>?
) -> Int32 {
    giving(difference) { optional(report, ReportObject.self)?.nextField() }
}

/// Gives the report as JSON.
@_cdecl("vcpusnap_report_json")
public func json(_ report: OpaquePointer?) -> UnsafePointer<CChar>? {
    keepingErrno { (try? optional(report, ReportObject.self)?.text())?.start }
}

/// Takes a report back.
@_cdecl("vcpusnap_report_destroy")
public func destroyReport(_ report: OpaquePointer?) { destroy(report, ReportObject.self) }
