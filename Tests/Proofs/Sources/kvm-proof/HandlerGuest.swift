import GuestPrograms
import OwnVMM
import VCPUSnap

/// A guest of two vCPUs, an interrupt controller and an ITS with two devices (interrupts.S).
final class HandlerGuest {
    let machine: LentMachine
    let memory: UnsafeMutableRawBufferPointer
    private let runs: [OpaquePointer]

    private static let vcpuCount = 2
    /// In microseconds: to the next interrupt, many times what it takes; and without one, when all were taken.
    private static let patience: UInt64 = 5_000_000
    private static let silence: UInt64 = 300_000

    // MARK: Interrupts

    private enum Kind: Equatable {
        case sgi, ppi, timer, edge, level
        /// An event of a device.
        case lpi(device: UInt64, event: UInt64)
    }
    private struct Interrupt {
        var intid: UInt64
        var priority: UInt8
        var kind: Kind
    }
    /// Of each vCPU, in the order in which it takes them.
    ///
    /// In the handler of the first one it is stopped.
    private static let expected: [[Interrupt]] = [
        [
            Interrupt(intid: 6, priority: 0x20, kind: .sgi),
            Interrupt(intid: 8196, priority: 0x28, kind: .lpi(device: 1, event: 0)),
            Interrupt(intid: 41, priority: 0x30, kind: .edge),
            Interrupt(intid: 42, priority: 0x40, kind: .level),
            Interrupt(intid: 7, priority: 0x50, kind: .sgi),
            Interrupt(intid: 20, priority: 0x60, kind: .ppi),
            Interrupt(intid: 27, priority: 0x70, kind: .timer),
        ],
        [
            Interrupt(intid: 6, priority: 0x20, kind: .sgi),
            Interrupt(intid: 8192, priority: 0x30, kind: .lpi(device: 0, event: 0)),
            Interrupt(intid: 8195, priority: 0x38, kind: .lpi(device: 0, event: 1)),
            Interrupt(intid: 40, priority: 0x40, kind: .edge),
            Interrupt(intid: 7, priority: 0x50, kind: .sgi),
            Interrupt(intid: 20, priority: 0x60, kind: .ppi),
            Interrupt(intid: 27, priority: 0x70, kind: .timer),
        ],
    ]

    // MARK: The machine

    init() throws {
        machine = try LentMachine(
            vcpuCount: Int32(Self.vcpuCount), interrupts: 64, hasITS: true)
        memory = .allocate(byteCount: Int(GUEST_MEMORY_SIZE), alignment: 1 << 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        runs = machine.vcpus.compactMap { own_vmm_map_run($0) }
        guard let start = memory.baseAddress, runs.count == Self.vcpuCount,
            own_vmm_map_memory(machine.vm, UInt64(GUEST_LOAD_ADDRESS), start, memory.count) == 0
        else { throw ProofError("KVM made no VM with memory") }
    }

    /// Runs the program until each vCPU is in its first handler, and makes the other interrupts pending.
    func start() throws {
        var size = 0
        guard let program = guest_interrupts(&size) else {
            throw ProofError("built without a guest")
        }
        memory.copyMemory(from: UnsafeRawBufferPointer(start: program, count: size))
        try setUpController()
        try setUpTranslation()
        for (number, bank) in machine.banks.vcpus.enumerated() {
            try bank.write(RegisterValue(0x3c5), to: .pstate)
            try bank.write(RegisterValue(UInt64(number)), to: .x(0))
            try bank.write(RegisterValue(UInt64(GUEST_LOAD_ADDRESS)), to: .pc)
            let first = Self.expected[number][0].intid
            guard case .taken(first) = try run(number, atMost: Self.patience) else {
                throw ProofError("vCPU \(number) does not take interrupt \(first)")
            }
        }
        for (number, interrupts) in Self.expected.enumerated() {
            for interrupt in interrupts.dropFirst() { try raise(interrupt, on: number) }
        }
    }

    /// Runs both vCPUs until they have taken what is pending, and longer.
    /// - Returns: whether they took all, once, and in their order.
    func takesTheRest() throws -> Bool {
        var isRight = true
        for (number, interrupts) in Self.expected.enumerated() {
            let expected = interrupts.dropFirst().map(\.intid)
            var taken: [UInt64] = []
            var limit = Self.patience
            while taken.count <= expected.count,
                case .taken(let intid) = try run(number, atMost: limit)
            {
                taken.append(intid)
                try lower(intid, on: number)
                if taken.count == expected.count { limit = Self.silence }
            }
            print("vCPU \(number) takes", taken.map(String.init).joined(separator: " "))
            isRight = isRight && taken == expected
        }
        return isRight
    }

    private enum Stop: Equatable {
        case taken(UInt64)
        /// By the timer.
        case interrupted
    }

    private func run(_ number: Int, atMost limit: UInt64) throws -> Stop {
        guest_interrupt_target(own_vmm_immediate_exit(runs[number]))
        defer { guest_interrupt_target(nil) }
        guard guest_interrupt_after(limit) == 0 else { throw ProofError("there is no timer") }
        var intid: UInt64 = 0
        let result = own_vmm_run_to_store(
            machine.vcpus[number], runs[number], UInt64(GUEST_RESULT_ADDRESS), &intid)
        _ = guest_interrupt_after(0)
        own_vmm_immediate_exit(runs[number])?.pointee = 0
        if result == 0 { return .taken(intid) }
        let failure = Errno(rawValue: -result)
        guard failure == .interrupted else { throw failure }
        return .interrupted
    }

    // MARK: Lines

    private func raise(_ interrupt: Interrupt, on vcpu: Int) throws {
        switch interrupt.kind {
        case .sgi, .timer: break
        case .ppi, .level: try setLine(interrupt.intid, on: vcpu, to: 1)
        case .edge:
            try setLine(interrupt.intid, on: vcpu, to: 1)
            try setLine(interrupt.intid, on: vcpu, to: 0)
        case .lpi(let device, let event): try command(3 | device << 32, event)
        }
    }

    /// The device's line goes down when its interrupt is handled.
    private func lower(_ intid: UInt64, on vcpu: Int) throws {
        guard let interrupt = Self.expected[vcpu].first(where: { $0.intid == intid }),
            interrupt.kind == .ppi || interrupt.kind == .level
        else { return }
        try setLine(intid, on: vcpu, to: 0)
    }

    /// KVM_ARM_IRQ_TYPE_SPI is 1, that of PPIs 2.
    private func setLine(_ intid: UInt64, on vcpu: Int, to level: UInt32) throws {
        guard
            own_vmm_set_line(
                machine.vm, intid < 32 ? 2 : 1, intid < 32 ? Int32(vcpu) : 0, UInt32(intid), level)
                == 0
        else { throw ProofError("KVM moves no line of \(intid)") }
    }

    // MARK: The interrupt controller

    private func setUpController() throws {
        let vm = machine.banks.vm
        try write(0x2, to: "GICD_CTLR", of: vm)
        for (number, interrupts) in Self.expected.enumerated() {
            let vcpu = machine.banks.vcpus[number]
            try write(0xffff | 1 << 20 | 1 << 27, to: "GICR_ISENABLER0", of: vcpu)
            for interrupt in interrupts where interrupt.intid < 32 {
                try setPriority(of: interrupt, "GICR_IPRIORITYR", vcpu)
            }
            for interrupt in interrupts where (32..<1020).contains(interrupt.intid) {
                try setPriority(of: interrupt, "GICD_IPRIORITYR", vm)
                try setBits(1 << (interrupt.intid % 32), to: "GICD_ISENABLER1", vm)
                try write(UInt64(number), to: "GICD_IROUTER\(interrupt.intid)", of: vm)
                // Two bits for each: 0 is level.
                guard interrupt.kind == .level else { continue }
                let configuration = try vm.read(RegisterID(named: "GICD_ICFGR2")).lowBits
                try write(
                    configuration & ~(3 << (interrupt.intid % 16 * 2)), to: "GICD_ICFGR2", of: vm)
            }
        }
    }

    private func setPriority(
        of interrupt: Interrupt, _ name: String, _ bank: any RegisterBank
    ) throws {
        try setBits(
            UInt64(interrupt.priority) << (interrupt.intid % 4 * 8),
            to: "\(name)\(interrupt.intid / 4)", bank)
    }

    private func setBits(_ bits: UInt64, to name: String, _ bank: any RegisterBank) throws {
        try write(bank.read(RegisterID(named: name)).lowBits | bits, to: name, of: bank)
    }

    private func write(_ value: UInt64, to name: String, of bank: any RegisterBank) throws {
        let id = try RegisterID(named: name)
        try bank.write(RegisterValue(value, size: id.size ?? 8), to: id)
    }

    // MARK: The ITS

    /// Where the guest's memory has what the ITS and the redistributors use.
    private enum Table {
        static let devices: UInt64 = 0x4010_0000
        static let collections: UInt64 = 0x4011_0000
        static let commands: UInt64 = 0x4012_0000
        static let configuration: UInt64 = 0x4013_0000
        static let pending: UInt64 = 0x4014_0000
        static let translations: UInt64 = 0x4016_0000
        static let each: UInt64 = 0x1_0000
    }
    private static let firstLPI: UInt64 = 8192
    /// LPIs have INTIDs of 14 bits.
    private static let idBits: UInt64 = 13
    private static let isValid: UInt64 = 1 << 63

    private var commandCount: UInt64 = 0

    private func setUpTranslation() throws {
        let vm = machine.banks.vm
        try write(Table.configuration | Self.idBits, to: "GICR_PROPBASER", of: vm)
        for (number, vcpu) in machine.banks.vcpus.enumerated() {
            try write(Table.pending + Table.each * UInt64(number), to: "GICR_PENDBASER", of: vcpu)
            try write(1, to: "GICR_CTLR", of: vcpu)
        }
        try write(Self.isValid | Table.commands, to: "GITS_CBASER", of: vm)
        try write(Self.isValid | Table.devices, to: "GITS_BASER0", of: vm)
        try write(Self.isValid | Table.collections, to: "GITS_BASER1", of: vm)
        try write(1, to: "GITS_CTLR", of: vm)
        // MAPD: the table of a device, whose events have a bit.
        for device: UInt64 in 0...1 {
            try command(
                0x08 | device << 32, 0, Self.isValid | Table.translations + device * 0x100)
        }
        for (number, interrupts) in Self.expected.enumerated() {
            // MAPC: the collection with a vCPU's number is that vCPU's.
            let collection = UInt64(number)
            try command(0x09, 0, Self.isValid | collection << 16 | collection)
            for interrupt in interrupts {
                guard case .lpi(let device, let event) = interrupt.kind else { continue }
                let entry = Int(
                    Table.configuration - UInt64(GUEST_LOAD_ADDRESS) + interrupt.intid
                        - Self.firstLPI)
                memory[entry] = interrupt.priority | 1
                // MAPTI.
                try command(0x0a | device << 32, event | interrupt.intid << 32, collection)
            }
        }
    }

    /// Has the ITS execute a command.
    private func command(_ words: UInt64...) throws {
        let start = Int(Table.commands - UInt64(GUEST_LOAD_ADDRESS) + 32 * commandCount)
        for (index, word) in words.enumerated() {
            memory.storeBytes(
                of: word.littleEndian, toByteOffset: start + 8 * index, as: UInt64.self)
        }
        commandCount += 1
        try write(32 * commandCount, to: "GITS_CWRITER", of: machine.banks.vm)
    }
}
