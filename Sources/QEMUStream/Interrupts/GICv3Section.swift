internal import Registers
internal import VCPUModel

/// The section of a GICv3 (`vmstate_gicv3`, `hw/intc/arm_gicv3_common.c`).
enum GICv3Section {
    static let name = Array("arm_gicv3".utf8)
    private static let shiftMark = "arm_gicv3/gicd_no_migration_shift_bug"

    static func read(
        _ fields: inout DeviceFields, _ machine: StreamMachine
    ) throws(QEMUStreamError) -> InterruptState {
        var state = InterruptState(.v3, of: machine)
        state.vm.set(try fields.number(of: 4), .gicdCtlr)
        // GICD_STATUSR has no id.
        _ = try fields.numbers(2, of: 4)
        var tables = try tables(&fields)
        if machine.origin == .kvm { tables.routeStep = 2 }
        // GICD_NSACR, which KVM does not have.
        _ = try fields.numbers(64, of: 4)
        for index in state.vcpus.indices {
            let bases = try readRedistributor(&fields, into: &state.vcpus[index])
            if index == 0 { state.vm.set(bases, .gicrPropbaser) }
            try readCPUInterface(&fields, into: &state.vcpus[index])
            try readSubsections(&fields, into: &state.vcpus[index])
        }
        let marks = try fields.subsections(beginning: "arm_gicv3/").filter { $0.name == shiftMark }
        guard marks.contains(where: { fields.body[$0.fields.lowerBound] != 0 }) else {
            throw fields.damaged(shiftMark, "none: QEMU before 2.12 wrote it")
        }
        try fields.checkEnd()
        tables.write(into: &state.vm)
        return state
    }

    private static func tables(
        _ fields: inout DeviceFields
    ) throws(QEMUStreamError) -> InterruptTables {
        let count = InterruptTables.wordCount
        let groups = try fields.numbers(count, of: 4)
        // The modifiers of groups, which KVM does not have.
        _ = try fields.numbers(count, of: 4)
        var bits: [RegisterID: [UInt64]] = [.gicdIgroupr0: groups]
        for first: RegisterID in [.gicdIsenabler0, .gicdIspendr0, .gicdIsactiver0] {
            bits[first] = try fields.numbers(count, of: 4)
        }
        let levels = try fields.numbers(count, of: 4)
        let edges = try fields.numbers(count, of: 4)
        let priorities = try fields.numbers(InterruptTables.interruptCount, of: 1)
        return InterruptTables(
            bits: bits, edges: edges, levels: levels, priorities: priorities,
            routes: try fields.numbers(InterruptTables.interruptCount, of: 8))
    }

    /// - Returns: GICR_PROPBASER, which a KVM VM has once.
    private static func readRedistributor(
        _ fields: inout DeviceFields, into vcpu: inout RegisterList
    ) throws(QEMUStreamError) -> UInt64 {
        vcpu.set(try fields.number(of: 4), .gicLineLevel0)
        vcpu.set(try fields.number(of: 4), .gicrCtlr)
        // GICR_STATUSR has no id.
        _ = try fields.numbers(2, of: 4)
        vcpu.set(try fields.number(of: 4), .gicrWaker)
        let bases = try fields.number(of: 8)
        vcpu.set(try fields.number(of: 8), .gicrPendbaser)
        for id: RegisterID in [
            .gicrIgroupr0, .gicrIsenabler0, .gicrIspendr0, .gicrIsactiver0,
        ] {
            vcpu.set(try fields.number(of: 4), id)
        }
        // Of SGIs QEMU does not ask KVM.
        let edges = try fields.number(of: 4)
        vcpu.set(InterruptTables.configuration(edges >> 16), .gicrIcfgr0, behind: 4)
        // The modifiers of groups, and GICR_NSACR.
        _ = try fields.numbers(2, of: 4)
        vcpu.set(bytes: try fields.numbers(32, of: 1), .gicrIpriorityr0)
        return bases
    }

    /// Of what is banked by Security state or group, KVM has Non-secure ICC_CTLR_EL1, group 0 and Non-secure group 1.
    private static func readCPUInterface(
        _ fields: inout DeviceFields, into vcpu: inout RegisterList
    ) throws(QEMUStreamError) {
        let control = try fields.numbers(2, of: 8)[1]
        vcpu.set(control, .iccCTLREL1)
        vcpu.set(try fields.number(of: 8), .iccPMREL1)
        let points = try fields.numbers(3, of: 8)
        vcpu.set(points[0], .iccBPR0EL1)
        vcpu.set(points[2], .iccBPR1EL1)
        let count = activePriorityCount(RegisterField.ICCCTLREL1.priBits.extract(from: control))
        vcpu.set(
            activePriorities: try fields.numbers(12, of: 8), count, .iccAP0R0EL1, .iccAP1R0EL1)
        let enables = try fields.numbers(3, of: 8)
        vcpu.set(enables[0], .iccIGRPEN0EL1)
        vcpu.set(enables[2], .iccIGRPEN1EL1)
        // ICC_CTLR_EL3.
        _ = try fields.number(of: 8)
    }

    /// How many active priorities registers a group has with one bit of priority more than this.
    private static func activePriorityCount(_ priorityBits: UInt64) -> Int {
        priorityBits < 5 ? 1 : priorityBits < 6 ? 2 : 4
    }

    private static func readSubsections(
        _ fields: inout DeviceFields, into vcpu: inout RegisterList
    ) throws(QEMUStreamError) {
        // Not sent where it is 7.
        vcpu.set(7, .iccSREEL1)
        for subsection in try fields.subsections(beginning: "arm_gicv3_cpu/") {
            switch subsection.name {
            case "arm_gicv3_cpu/sre_el1": vcpu.set(fields.words(of: subsection)[0], .iccSREEL1)
            case "arm_gicv3_cpu/virt":
                let words = fields.words(of: subsection)
                vcpu.set(activePriorities: words, 4, .ichAP0R0EL2, .ichAP1R0EL2)
                vcpu.set(words[12], .ichHCREL2)
                for index in 0..<16 {
                    vcpu.set(
                        words[13 + index],
                        RegisterID(rawValue: RegisterID.ichLR0EL2.rawValue | UInt64(index)))
                }
                vcpu.set(words[29], .ichVMCREL2)
            default: break
            }
        }
    }
}

extension RegisterList {
    /// The active priorities of group 0, of Secure group 1 and of group 1, four registers each.
    fileprivate mutating func set(
        activePriorities words: [UInt64], _ count: Int, _ group0: RegisterID, _ group1: RegisterID
    ) {
        for index in 0..<count {
            set(words[index], RegisterID(rawValue: group0.rawValue | UInt64(index)))
            set(words[8 + index], RegisterID(rawValue: group1.rawValue | UInt64(index)))
        }
    }
}

/// The section of an ITS (`vmstate_its`, `hw/intc/arm_gicv3_its_common.c`).
enum ITSSection {
    static let name = Array("arm_gicv3_its".utf8)

    static func read(
        _ fields: inout DeviceFields, _ number: UInt8, into vm: inout RegisterList
    ) throws(QEMUStreamError) {
        vm.set(try fields.number(of: 4), RegisterID.gitsCtlr.ofITS(number))
        let identification = try fields.number(of: 4)
        // QEMU's own ITS keeps it elsewhere.
        if identification != 0 { vm.set(identification, RegisterID.gitsIidr.ofITS(number)) }
        for id: RegisterID in [.gitsCbaser, .gitsCwriter, .gitsCreadr] {
            vm.set(try fields.number(of: 8), id.ofITS(number))
        }
        for (index, base) in try fields.numbers(8, of: 8).enumerated() {
            vm.set(base, RegisterID.gitsBaser0.ofITS(number), behind: UInt64(index) << 3)
        }
        try fields.checkEnd()
    }
}
