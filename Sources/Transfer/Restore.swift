public import Policy
public import Registers
public import VCPUModel

/// Writes the state of vCPUs into banks, reads every register back, and accounts for each.
///
/// All vCPUs go through one phase before any enters the next, because part of what is written is
/// shared by the whole VM (ID registers, firmware registers, counters). A failure never stops the
/// restore: the report has all of them.
public struct Restore {
    public struct Options: Sendable {
        /// On any loss put every register of every vCPU back as it was.
        public var isStrict = false
        /// The destination's kernel where known; it makes the reasons more precise.
        public var kernel: KernelVersion?
        /// Whether the reports say why, in words.
        public var explains = true
        /// What is written, and which losses count.
        public var policy = RestorePolicy(.exact)

        /// The capabilities that were enabled on the destination's VM before its vCPUs were made.
        public var enabled: [KVMCapability] = []

        public init() {}
    }

    private let options: Options
    private var vcpus: [VCPURestore]

    /// Restores `states[n]` into `banks[n]`.
    /// - Returns: one report for each pair; surplus states or banks are not touched.
    /// - Throws: when a bank cannot even list its registers.
    public static func run(
        _ states: [VCPUState], into banks: [any RegisterBank], options: Options = Options()
    ) throws(RegisterBankError) -> [RestoreReport] {
        Array(try perform(states, into: banks, options: options))
    }

    /// The same, with reports that are made one by one: all of them together can take hundreds of bytes
    /// for each register of each vCPU.
    public static func perform(
        _ states: [VCPUState], into banks: [any RegisterBank], options: Options = Options()
    ) throws(RegisterBankError) -> RestoreAccount {
        var restore = Restore(options, states, banks)
        restore.writeAll()
        var account = try restore.account()
        if options.isStrict, !account.isComplete { restore.undo(into: &account) }
        return account
    }

    private init(_ options: Options, _ states: [VCPUState], _ banks: [any RegisterBank]) {
        self.options = options
        vcpus = []
        var order = RestoreOrder([])
        for (state, bank) in zip(states, banks) {
            if state.registers.ids != order.ids { order = RestoreOrder(state.registers.ids) }
            vcpus.append(
                VCPURestore(state, into: bank, order: order, policy: options.policy))
        }
    }

    private mutating func writeAll() {
        for phase in RestorePhase.allCases {
            for index in vcpus.indices { vcpus[index].write(phase) }
        }
    }

    private mutating func account() throws(RegisterBankError) -> RestoreAccount {
        var account = RestoreAccount(options)
        for index in vcpus.indices {
            account.append(try vcpus[index].account())
            if !options.isStrict { vcpus[index].release() }
        }
        return account
    }

    private func undo(into account: inout RestoreAccount) {
        for (position, vcpu) in vcpus.enumerated() { account.setUndo(vcpu.undo(), at: position) }
    }
}
