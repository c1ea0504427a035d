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
        var restore = Restore(
            options: options,
            vcpus: zip(states, banks).map { VCPURestore($0, into: $1, options: options) })
        restore.writeAll()
        var reports = try restore.account()
        if options.isStrict, reports.contains(where: { !$0.isComplete }) {
            restore.undo(into: &reports)
        }
        return reports
    }

    private mutating func writeAll() {
        for phase in RestorePhase.allCases {
            for index in vcpus.indices { vcpus[index].write(phase) }
        }
    }

    private mutating func account() throws(RegisterBankError) -> [RestoreReport] {
        var reports: [RestoreReport] = []
        for vcpu in vcpus { reports.append(try vcpu.account()) }
        return reports
    }

    private mutating func undo(into reports: inout [RestoreReport]) {
        for (index, vcpu) in vcpus.enumerated() { reports[index].undo = vcpu.undo() }
    }
}
