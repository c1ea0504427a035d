internal import LinuxSystem
public import Registers
public import VCPUModel

/// A change of a vCPU's registers by code, or of the VM's, and what became of it.
///
/// The vCPU is a snapshot's or a live one that does not run. Its registers are got, the change is made in
/// a CPU state, and what differs then is put back (`SyncedVCPU`); what is in devices is written there.
public struct VCPUEdit: Sendable {
    /// One register that the change touched.
    public struct Change: Hashable, Sendable {
        /// The register as the vCPU has it; for the AArch32 view of an AArch64 register, the latter.
        public var id: RegisterID
        /// What the vCPU held before the edit.
        public var before: RegisterValue
        /// What the edit made of it in the CPU state; the same as `before` for a register that was not to change.
        public var wanted: RegisterValue
        /// What the vCPU holds now; nil when that cannot be read.
        public var found: RegisterValue?
        /// What became of it on its way to the vCPU.
        public var outcome: RegisterOutcome
        /// What the bank says about a refusal.
        public var explanation: String?

        /// Whether the vCPU holds what was wanted.
        public var isMade: Bool { !outcome.isLoss && outcome != .skipped(.noRawAccess) }
    }

    /// Every register that was to change, and every other that the edit harmed, in ascending order of id.
    public let changes: [Change]

    /// Whether every change reached the vCPU.
    public var isComplete: Bool { changes.allSatisfy(\.isMade) }

    /// Assigns registers and fields, in order: of a vCPU, or in the VM's bank of what it has once.
    /// - Parameter isForced: whether reserved bits may change.
    /// - Throws: for a register that the vCPU lacks or that is decided when it is made, for
    ///   reserved bits unless forced, and where the vCPU cannot be read; nothing is changed then.
    public static func set(
        _ assignments: [RegisterAssignment], in bank: any RegisterBank, isForced: Bool = false
    ) throws(EditError) -> VCPUEdit {
        var devices = DeviceEdit(in: bank)
        for assignment in assignments where assignment.register.isOutsideVCPU {
            try devices.change(assignment.register) { (held) throws(EditError) in
                try assignment.applied(to: held, isForced: isForced)
            }
        }
        let others = assignments.filter { !$0.register.isOutsideVCPU }
        guard !others.isEmpty else { return VCPUEdit(devices.made()) }
        let edit = try VCPUEdit(of: bank) { (cpuState) throws(EditError) in
            let state = AArch32Bank(cpuState)
            for assignment in others {
                try assign(assignment, in: state, isForced: isForced)
            }
        }
        return VCPUEdit(edit.changes + devices.made())
    }

    init(_ changes: [Change]) {
        self.changes = changes.sorted { $0.id < $1.id }
    }

    private static func assign(
        _ assignment: RegisterAssignment, in state: AArch32Bank, isForced: Bool
    ) throws(EditError) {
        let id = assignment.register
        let current = try EditError.reading(id, in: state)
        let entry = RegisterDictionary.entry(for: id)
        if let set = entry?.setView { throw .secondView(id, of: set) }
        let new = try assignment.applied(to: current, isForced: isForced)
        try EditError.writing(new, to: id, in: state)
        // The second view of the same bits, where there is one.
        if let view = entry?.clearView { try? state.write(new, to: view) }
    }

    /// Lets `body` change the CPU state, and puts the changes into the bank.
    ///
    /// - Throws: when the bank cannot be read or `body` throws; the bank is as it was then.
    init(
        of bank: any RegisterBank,
        _ body: (any RegisterBank) throws(EditError) -> Void
    ) throws(EditError) {
        let vcpu = try EditError.wrapping { () throws(RegisterBankError) in
            try SyncedVCPU(copying: bank)
        }
        _ = vcpu.getRegisters()
        let before = try Self.registers(of: vcpu.cpuState)
        try body(vcpu.cpuState)
        let changed = try Self.registers(of: vcpu.cpuState).filter { before[$0.0] != $0.1 }
        if let fixed = changed.first(where: { !vcpu.moves($0.0) }) {
            throw Self.decidedAtInit.contains(fixed.0)
                ? .decidedAtInit(fixed.0) : .notKnown(fixed.0)
        }
        let put = vcpu.putRegisters(.runtime, raised: Set(changed.map(\.0)))
        let results = changed.map { id, wanted in
            Self.change(id, before[id] ?? wanted, wanted, put[id], in: bank)
        }
        let ids = Set(changed.map(\.0))
        let harmed = put.failures.filter { !ids.contains($0.id) }.compactMap { failure in
            before[failure.id].map { Self.change(failure.id, $0, $0, failure, in: bank) }
        }
        self.init(results + harmed)
    }

    private static let decidedAtInit: Set<RegisterID> = [
        .vcpuInit, .vcpuFinalized, .sveVLS,
    ]

    private static func change(
        _ id: RegisterID, _ before: RegisterValue, _ wanted: RegisterValue,
        _ result: SyncReport.Register?, in bank: any RegisterBank
    ) -> Change {
        let result = result ?? SyncReport.Register(id: id, outcome: .absent)
        return Change(
            id: id, before: before, wanted: wanted, found: try? bank.read(id),
            outcome: result.outcome, explanation: result.explanation)
    }

    private static func registers(
        of bank: any RegisterBank
    ) throws(EditError) -> RegisterList {
        try EditError.wrapping { () throws(RegisterBankError) in try bank.readAll() }
    }
}

extension EditError {
    /// The registers that there are.
    static func listing(_ bank: any RegisterBank) throws(EditError) -> [RegisterID] {
        do throws(RegisterBankError) {
            return try bank.list()
        } catch {
            throw .bank(error)
        }
    }

    /// Reads a register that has to be there.
    static func reading(
        _ id: RegisterID, in bank: any RegisterBank
    ) throws(EditError) -> RegisterValue {
        try wrapping(id) { () throws(RegisterBankError) in try bank.read(id) }
    }

    /// Writes a register that has to be there.
    static func writing(
        _ value: RegisterValue, to id: RegisterID, in bank: any RegisterBank
    ) throws(EditError) {
        try wrapping(id) { () throws(RegisterBankError) in try bank.write(value, to: id) }
    }

    /// What `body` throws, as an error of an edit.
    /// - Parameter id: a register that has to be there.
    fileprivate static func wrapping<Value>(
        _ id: RegisterID? = nil, _ body: () throws(RegisterBankError) -> Value
    ) throws(EditError) -> Value {
        try Result(catching: body).mapError { error -> EditError in
            if let id, error.errno == .noEntry { .absent(id) } else { .bank(error) }
        }.get()
    }
}
