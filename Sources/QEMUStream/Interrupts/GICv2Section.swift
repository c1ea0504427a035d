internal import Registers
internal import VCPUModel

/// The section of a GICv2 (`vmstate_gic`, `hw/intc/arm_gic_common.c`).
enum GICv2Section {
    static let name = Array("arm_gic".utf8)
    /// In each of its arrays of CPUs.
    private static let cpuCount = 8

    static func read(
        _ fields: inout DeviceFields, _ machine: StreamMachine
    ) throws(QEMUStreamError) -> InterruptState {
        guard machine.vcpuCount <= cpuCount else {
            throw fields.damaged("at most \(cpuCount) vCPUs", "\(machine.vcpuCount)")
        }
        var state = InterruptState(.v2, of: machine)
        state.vm.set(try fields.number(of: 4), .gicdCtlr)
        state.set(try fields.numbers(cpuCount, of: 4), .giccCtlr)
        var interrupts: [LatchedInterrupt] = []
        for _ in 0..<InterruptTables.interruptCount {
            interrupts.append(try LatchedInterrupt(&fields))
        }
        let targets = try fields.numbers(InterruptTables.interruptCount, of: 1)
        let banked = try fields.numbers(32 * cpuCount, of: 1)
        let priorities = try fields.numbers(InterruptTables.interruptCount - 32, of: 1)
        let sources = try fields.numbers(16 * cpuCount, of: 1)
        for index in state.vcpus.indices {
            state.vcpus[index].set(interrupts, ofCPU: index)
            state.vcpus[index].set(bytes: column(index, of: banked), .gicdIpriorityr0)
            state.vcpus[index].set(bytes: column(index, of: sources), .gicdSpendsgir0)
        }
        try readCPUInterfaces(&fields, into: &state, machine.origin)
        interrupts.tables(priorities: Array(repeating: 0, count: 32) + priorities, targets)
            .write(into: &state.vm)
        return state
    }

    /// What an array of rows with an element for each CPU has of one.
    private static func column(_ index: Int, of table: [UInt64]) -> [UInt64] {
        stride(from: index, to: table.count, by: cpuCount).map { table[$0] }
    }

    private static func readCPUInterfaces(
        _ fields: inout DeviceFields, into state: inout InterruptState, _ origin: StreamOrigin
    ) throws(QEMUStreamError) {
        let masks = try fields.numbers(cpuCount, of: 2)
        // KVM has the five bits of priority that there are.
        state.set(origin == .kvm ? masks : masks.map { $0 >> 3 }, .giccPmr)
        // The running priority and the pending interrupt follow from the rest.
        _ = try fields.numbers(2 * cpuCount, of: 2)
        state.set(try fields.numbers(cpuCount, of: 1), .giccBpr)
        state.set(try fields.numbers(cpuCount, of: 1), .giccAbpr)
        for index in 0..<UInt64(4) {
            state.set(try fields.numbers(cpuCount, of: 4), .giccApr0, behind: index << 2)
        }
        // Those of Secure state.
        _ = try fields.numbers(4 * cpuCount, of: 4)
        // The virtual interfaces of a machine with EL2, which are none of KVM's.
        _ = try fields.subsections(beginning: "arm_gic_")
        try fields.checkEnd()
    }
}

extension InterruptState {
    /// A register of each CPU interface.
    fileprivate mutating func set(
        _ values: [UInt64], _ first: RegisterID, behind bytes: UInt64 = 0
    ) {
        for index in vcpus.indices { vcpus[index].set(values[index], first, behind: bytes) }
    }
}

/// An interrupt in the section; what each CPU has of its own is a bit for each.
private struct LatchedInterrupt {
    /// In the order of `registers`.
    let masks: [UInt64]
    let isEdgeTriggered: Bool

    init(_ fields: inout DeviceFields) throws(QEMUStreamError) {
        let numbers = try fields.numbers(7, of: 1)
        isEdgeTriggered = numbers[5] != 0
        // KVM tells the latch or, of a level-triggered interrupt, the line.
        let pending = numbers[1] | (isEdgeTriggered ? 0 : numbers[3])
        masks = [numbers[6], numbers[0], pending, numbers[2]]
    }

    /// Those of the lowest INTIDs.
    static let registers: [RegisterID] = [
        .gicdIgroupr0, .gicdIsenabler0, .gicdIspendr0, .gicdIsactiver0,
    ]
}

extension [LatchedInterrupt] {
    /// A bit for each interrupt, in words.
    fileprivate func words(where isSet: (LatchedInterrupt) -> Bool) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: InterruptTables.wordCount)
        for (number, interrupt) in enumerated() where isSet(interrupt) {
            words[number >> 5] |= 1 << UInt64(number & 31)
        }
        return words
    }

    fileprivate func tables(priorities: [UInt64], _ targets: [UInt64]) -> InterruptTables {
        var bits: [RegisterID: [UInt64]] = [:]
        for (index, first) in LatchedInterrupt.registers.enumerated() {
            bits[first] = words { $0.masks[index] != 0 }
        }
        return InterruptTables(
            bits: bits, edges: words { $0.isEdgeTriggered }, priorities: priorities,
            targets: targets)
    }
}

extension RegisterList {
    /// SGIs and PPIs as one CPU has them.
    fileprivate mutating func set(_ interrupts: [LatchedInterrupt], ofCPU index: Int) {
        let own = Array(interrupts.prefix(32))
        for (row, id) in LatchedInterrupt.registers.enumerated() {
            let words = own.words { $0.masks[row] >> UInt64(index) & 1 != 0 }
            set(words[0], id)
        }
        let edges = own.words { $0.isEdgeTriggered }[0]
        set(InterruptTables.configuration(edges), .gicdIcfgr0)
        set(InterruptTables.configuration(edges >> 16), .gicdIcfgr0, behind: 4)
    }
}
