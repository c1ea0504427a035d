public import Registers
public import VCPUModel

/// Writes the state of units into banks, reads every register back, and accounts for each.
///
/// All units go through one phase before any enters the next, because part of what is written is
/// shared by the whole VM (ID registers, firmware registers, counters). A failure never stops the
/// restore: the report has all of them.
public struct Restore {
    /// How a restore is done, and what it knows of the destination.
    public struct Options: Sendable {
        /// On any loss put every register of every unit back as it was.
        public var isStrict = false
        /// The destination's kernel where known; it makes the reasons more precise.
        public var kernel: KernelVersion?
        /// Whether a state may lack what no vCPU can do without, as a baseline does.
        public var isPartial = false
        /// What is written, and which losses count.
        public var policy = RestorePolicy(.exact)

        /// Whether the state goes where the guest's memory is, with the tables of its ITSs and LPIs.
        ///
        /// Else what tells of these tables is left out, unless `perform` is told how they are read.
        public var hasTables = false

        /// What becomes of the guest's clock.
        public var clock = ClockMode.stop

        /// The capabilities that were enabled on the destination's VM before its vCPUs were made.
        public var enabled: [KVMCapability] = []

        /// Asked before each step, with how many are done of how many; false ends the restore, and what was written stays.
        public var goesOn: (@Sendable (_ done: Int, _ total: Int) -> Bool)?

        /// An exact, complete restore that keeps what it wrote when something is lost.
        public init() {}
    }

    private let options: Options
    private var units: [UnitRestore]

    /// Restores `states[n]` into `banks[n]`.
    /// - Returns: one report for each pair.
    /// - Throws: before anything is written, when there is no vCPU among the states, or not as many of
    ///   them as banks; afterward, when a bank cannot even list its registers, and where `Options.goesOn` ends it.
    public static func run(
        _ states: [UnitState], into banks: [any RegisterBank], options: Options = Options()
    ) throws(RestoreError) -> [RestoreReport] {
        Array(try perform(states, into: banks, options: options))
    }

    /// The same, with reports that are made one by one: all of them together can take hundreds of bytes
    /// for each register of each unit.
    /// - Throws: as `run` does.
    public static func perform(
        _ states: [UnitState], into banks: [any RegisterBank], options: Options = Options()
    ) throws(RestoreError) -> RestoreAccount {
        try perform(states, into: banks, options: options, restoreTables: nil)
    }

    private static func perform(
        _ states: [UnitState], into banks: [any RegisterBank], options: Options,
        restoreTables: (() -> Void)?
    ) throws(RestoreError) -> RestoreAccount {
        guard states.contains(where: { $0.unit != .vm }) else { throw .noVCPU }
        guard states.count == banks.count else {
            throw .counts(states: states.count, banks: banks.count)
        }
        try RestoreError.checkAffinities(of: states)
        var options = options
        if restoreTables != nil { options.hasTables = true }
        var restore = Restore(options, states, banks)
        try restore.writeAll(restoreTables)
        var account = try restore.account()
        if options.isStrict, !account.isComplete { restore.undo(into: &account) }
        return account
    }

    /// Restores a whole snapshot; also what only the target has is told.
    /// - Parameters:
    ///   - vcpus: as many as the snapshot has, in the same order.
    ///   - vm: the target's own state; nil for a VM that has none, so that each register of it is absent.
    ///   - restoreTables: called when the registers of ITSs are written but for GITS_CTLR: the VMM, which has restored the
    ///     guest's memory, then has KVM read their tables there. It keeps its own account of a failure. Nil leaves out what
    ///     tells of tables, unless `Options.hasTables` says that they are there.
    /// - Throws: as the restore of its units does.
    public static func perform(
        _ snapshot: Snapshot, into vcpus: [any RegisterBank], vm: (any RegisterBank)? = nil,
        options: Options = Options(), restoreTables: (() -> Void)? = nil
    ) throws(RestoreError) -> RestoreAccount {
        if snapshot.vm.count == 0, try !hasState(vm) {
            return try perform(snapshot.units, into: vcpus, options: options)
        }
        return try perform(
            [UnitState(.vm, snapshot.vm)] + snapshot.vcpus.map(\.unit),
            into: [vm ?? SnapshotBank(RegisterList())] + vcpus, options: options,
            restoreTables: restoreTables)
    }

    private static func hasState(_ vm: (any RegisterBank)?) throws(RestoreError) -> Bool {
        try RestoreError.wrapping { () throws(RegisterBankError) in
            try vm?.list().isEmpty == false
        }
    }

    private init(_ options: Options, _ states: [UnitState], _ banks: [any RegisterBank]) {
        self.options = options
        units = []
        var order = RestoreOrder([])
        for (state, bank) in zip(states, banks) {
            if state.registers.ids != order.ids { order = RestoreOrder(state.registers.ids) }
            units.append(
                UnitRestore(state, into: bank, order: order, options: options))
        }
    }

    private mutating func writeAll(_ restoreTables: (() -> Void)?) throws(RestoreError) {
        for (number, phase) in RestorePhase.allCases.enumerated() {
            if options.isStrict, phase == RestorePhase.firstOfInitialized {
                // What is written from here on can change others, of other vCPUs too.
                for index in units.indices { units[index].remember() }
            }
            if phase == .translationEnable { restoreTables?() }
            for index in units.indices {
                guard goesOn(after: number * units.count + index) else { throw .canceled }
                units[index].write(phase)
                // It says nothing of a register, and all that follow would say the same.
                if let failure = units[index].standstillFailure { throw .bank(failure) }
            }
        }
    }

    private func goesOn(after steps: Int) -> Bool {
        options.goesOn?(steps, RestorePhase.allCases.count * units.count) ?? true
    }

    private mutating func account() throws(RestoreError) -> RestoreAccount {
        var account = RestoreAccount(options)
        for index in units.indices {
            account.append(
                try RestoreError.wrapping { () throws(RegisterBankError) in
                    try units[index].account()
                })
            if !options.isStrict { units[index].release() }
        }
        return account
    }

    /// Puts back what was written, in the order of a restore, but the vCPU that was written last first:
    /// what they share held its old value before the first one wrote it.
    private mutating func undo(into account: inout RestoreAccount) {
        for phase in RestorePhase.allCases {
            for index in units.indices.reversed() { units[index].putBack(phase) }
        }
        for (position, unit) in units.enumerated() { account.setUndo(unit.undone(), at: position) }
    }
}
