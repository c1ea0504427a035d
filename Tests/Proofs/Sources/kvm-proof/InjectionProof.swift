import GuestPrograms
import VCPUSnap

/// The proof that what code changes in the CPU state reaches the guest: exceptions are injected into a
/// running guest, and its own handler says what it saw.
struct InjectionProof: ~Copyable {
    private let system: KVMSystem
    /// How many expectations held, and what did not.
    private var passed: Int
    private var problems: [String]

    init() throws {
        let result = guest_interrupt_prepare()
        if result < 0 { throw Errno(rawValue: -result) }
        // Swift 6.0 wants everything that throws done before the first member has a value.
        let system = try KVMSystem()
        self.system = system
        passed = 0
        problems = []
    }

    private mutating func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if holds {
            passed += 1
        } else {
            problems.append(what())
        }
    }

    /// - Returns: whether every expectation held.
    consuming func finish() -> Bool {
        for problem in problems { print("  \(problem)") }
        print("\(passed) passed, \(problems.count) failed")
        return problems.isEmpty && passed > 0
    }

    // MARK: Exceptions

    /// An exception, and what the guest has to see of it.
    private struct Case {
        var exception: InjectedException
        /// The number of the vector in its group of four.
        var vector: UInt64
        /// ESR_EL1; its exception class differs by one from the same exception level.
        var syndrome: UInt64
        var address: UInt64?
    }

    private func cases(for guest: ExceptionGuest, hasRAS: Bool) -> [Case] {
        let isSameLevel: UInt64 = guest == .el0 ? 0 : 1
        let abort = (0x24 + isSameLevel) << 26 | 1 << 25
        return [
            Case(exception: .breakpoint(comment: 0xf123), vector: 0, syndrome: 0xf200_f123),
            Case(
                exception: .dataAbort(address: 0xffff_8000_1234_5678, isWrite: true), vector: 0,
                syndrome: abort | 0x50, address: 0xffff_8000_1234_5678),
            Case(
                exception: .dataAbort(address: nil, isWrite: false), vector: 0,
                syndrome: abort | 0x410),
            Case(
                exception: .serror(syndrome: hasRAS ? 0x1_0011 : nil), vector: 3,
                syndrome: 0xbe00_0000 | (hasRAS ? 0x1_0011 : 0)),
        ]
    }

    /// Injects each exception into a vCPU that was stopped while it counted, lets it run, and compares
    /// what its handler saw; then it has to count on.
    mutating func exceptions(in guest: ExceptionGuest) throws {
        let machine = try guest.machine(on: system)
        // ID_AA64PFR0_EL1.RAS.
        let hasRAS = try machine.bank.read(.idAA64PFR0EL1).lowBits >> 28 & 0xf != 0
        for item in cases(for: guest, hasRAS: hasRAS) {
            try machine.runUntilItCounts()
            let before = try Stop(of: machine)
            let edit = try VCPUEdit.inject(item.exception, into: machine.bank)
            expect(edit.isComplete, "\(item.exception): \(edit.changes)")
            guard try machine.runUntilException() else {
                problems.append("\(item.exception) in \(guest): no exception came")
                continue
            }
            check(machine.record, item, before, in: guest)
            let count = machine.count
            try machine.runUntilItCounts()
            expect(machine.count > count, "\(guest) does not count on")
        }
    }

    /// Where the guest was when it was stopped.
    private struct Stop {
        var programCounter: UInt64
        var pstate: UInt64
        var faultAddress: UInt64

        init(of machine: GuestMachine) throws {
            programCounter = try machine.bank.read(.pc).lowBits
            pstate = try machine.bank.read(.pstate).lowBits
            faultAddress = try machine.bank.read(.farEL1).lowBits
        }
    }

    private mutating func check(
        _ record: ExceptionGuest.Record, _ item: Case, _ before: Stop, in guest: ExceptionGuest
    ) {
        let name = "\(item.exception) in \(guest)"
        let groups: [ExceptionGuest: UInt64] = [.el1t: 0, .el1h: 4, .el0: 8]
        expect(
            record.vector == (groups[guest] ?? 0) + item.vector,
            "\(name): vector \(record.vector)")
        // The syndrome of an SError without one is the CPU's choice.
        let isOpen = item.exception == .serror(syndrome: nil)
        let seen = isOpen ? record.syndrome & 0xfe00_0000 : record.syndrome
        expect(
            seen == item.syndrome,
            "\(name): ESR_EL1 \(RegisterValue(seen)), expected \(RegisterValue(item.syndrome))")
        expect(
            record.faultAddress == item.address ?? before.faultAddress,
            "\(name): FAR_EL1 \(RegisterValue(record.faultAddress))")
        // The guest takes an SError only some instructions after it runs again.
        if item.vector == 0 {
            expect(
                record.link == before.programCounter,
                "\(name): ELR_EL1 \(RegisterValue(record.link))")
        }
        expect(
            record.savedState == before.pstate,
            "\(name): SPSR_EL1 \(RegisterValue(record.savedState)), "
                + "expected \(RegisterValue(before.pstate))")
        // DAIF set, at EL1 with SP_EL1.
        expect(record.state == 0x3c5, "\(name): PSTATE \(RegisterValue(record.state))")
    }

    // MARK: AArch32

    /// The same in an AArch32 guest, which takes its exceptions in Abort mode, and where its banked
    /// registers are.
    mutating func aarch32() throws {
        let machine = try ExceptionGuest.aarch32.machine(on: system)
        try machine.runUntilItCounts()
        try checkBankedRegisters(of: machine.bank)
        let view = AArch32Bank(machine.bank)
        let sctlr = try machine.bank.read(.sctlrEL1).lowBits & 0xffff_ffff
        expect(try view.read(.named("SCTLR")).lowBits == sctlr, "SCTLR")
        expect(try view.read(.named("VBAR_NS")).lowBits == 0x4000_0100, "VBAR")
        try checkAArch32(
            .breakpoint(comment: 0), machine, vector: 3, link: 4, dataStatus: nil,
            instructionStatus: 0x2, address: nil)
        try checkAArch32(
            .dataAbort(address: 0x1234_5678, isWrite: true), machine, vector: 4, link: 8,
            dataStatus: 0x808, instructionStatus: 0x2, address: 0x1234_5678)
        try checkAArch32(
            .dataAbort(address: nil, isWrite: false), machine, vector: 4, link: 8,
            dataStatus: 0x1_0008, instructionStatus: 0x2, address: 0x1234_5678)
        // An asynchronous external abort, short descriptor format.
        try checkAArch32(
            .serror(syndrome: nil), machine, vector: 4, link: nil, dataStatus: 0x406,
            instructionStatus: 0x2, address: nil)
    }

    private mutating func checkBankedRegisters(of bank: any RegisterBank) throws {
        for mode in AArch32Mode.allCases where mode != .user {
            let base = mode.rawValue << 4
            let stack = try bank.read(mode.register(13)).lowBits
            let link = try bank.read(mode.register(14)).lowBits
            expect(stack == base | 1, "SP of \(mode) is \(RegisterValue(stack))")
            expect(link == base | 2, "LR of \(mode) is \(RegisterValue(link))")
        }
        for mode in [AArch32Mode.fiq, .supervisor] {
            let value = try bank.read(mode.register(8)).lowBits
            expect(value == mode.rawValue << 4 | 3, "R8 of \(mode) is \(RegisterValue(value))")
        }
        expect(try bank.read(.named("LR_abt")).lowBits == 0x172, "LR_abt")
    }

    private mutating func checkAArch32(
        _ exception: InjectedException, _ machine: GuestMachine, vector: UInt64, link: UInt64?,
        dataStatus: UInt64?, instructionStatus: UInt64, address: UInt64?
    ) throws {
        let before = try Stop(of: machine)
        let edit = try VCPUEdit.inject(exception, into: machine.bank)
        expect(edit.isComplete, "\(exception): \(edit.changes)")
        guard try machine.runUntilException() else {
            problems.append("\(exception): no exception came")
            return
        }
        let record = machine.record
        expect(record.vector == vector, "\(exception): vector \(record.vector)")
        if let dataStatus {
            let seen = record.syndrome & 0xffff_ffff
            expect(seen == dataStatus, "\(exception): DFSR \(RegisterValue(seen))")
        }
        expect(
            record.syndrome >> 32 == instructionStatus,
            "\(exception): IFSR \(RegisterValue(record.syndrome >> 32))")
        if let address {
            let seen = record.faultAddress & 0xffff_ffff
            expect(seen == address, "\(exception): DFAR \(RegisterValue(seen))")
        }
        if let link {
            expect(
                record.link == before.programCounter + link,
                "\(exception): LR_abt \(RegisterValue(record.link))")
        }
        // What was injected is asked of KVM, see aarch32.c; an SError the guest took itself.
        let isInjected = link != nil
        let saved = isInjected ? try machine.bank.read(.spsrAbt).lowBits : record.savedState
        expect(saved == before.pstate, "\(exception): SPSR_abt \(RegisterValue(saved))")
        // Abort mode with A and I masked, and F as it was.
        expect(record.state & 0x1ff == 0x1d7, "\(exception): CPSR \(RegisterValue(record.state))")
        let count = machine.count
        try machine.runUntilItCounts()
        expect(machine.count > count, "the AArch32 guest does not count on")
    }

    // MARK: Without the sync

    /// Puts the registers as QEMU did before the RFC: the CPU state is not moved to the list.
    ///
    /// The guest then takes the exception, but sees a syndrome that nobody gave it.
    mutating func withoutSync() throws {
        for isSynced in [true, false] {
            let machine = try ExceptionGuest.el1h.machine(on: system)
            try machine.runUntilItCounts()
            let vcpu = try SyncedVCPU(copying: machine.bank)
            _ = vcpu.getRegisters()
            _ = try VCPUEdit.inject(.breakpoint(comment: 0x42), into: vcpu.cpuState)
            if isSynced {
                expect(vcpu.putRegisters(.runtime).succeeded, "the put failed")
            } else {
                expect(vcpu.putFixedRegisters().succeeded, "the put failed")
                let list = CPRegisterSync.writeListToKVMState(
                    vcpu.list, machine.bank, level: .runtime)
                expect(list.succeeded, "the list did not arrive: \(list.failures)")
            }
            expect(try machine.runUntilException(), "no exception came")
            let hasSyndrome = machine.record.syndrome == 0xf200_0042
            print(isSynced ? "  with the sync:" : "  without:", machine.record.text)
            expect(hasSyndrome == isSynced, "the guest saw the syndrome: \(hasSyndrome)")
            expect(machine.record.vector == 4, "vector \(machine.record.vector)")
        }
    }

    // MARK: Disagreement

    /// The CPU state is an emulated CPU of another host, so its ID registers are not KVM's.
    ///
    /// After a get and a change of one register the put must change that one alone.
    mutating func disagreement(with host: String) throws {
        guard let profile = try HostProfile.builtIn(named: host) else {
            throw ProofError("no built-in host is named \(host)")
        }
        for recordsSuccess in [false, true] {
            let machine = try ExceptionGuest.el1h.machine(on: system)
            try machine.runUntilItCounts()
            let model = EmulatedCPU(profile: profile)
            for id in [RegisterID.vcpuInit, .vcpuFinalized]
            where try machine.bank.list().contains(id) {
                try model.write(try machine.bank.read(id), to: id)
            }
            let vcpu = try SyncedVCPU(
                kvm: machine.bank, cpuState: model.rawState, recordsSuccess: recordsSuccess)
            let get = vcpu.getRegisters()
            expect(get.succeeded, "get: \(get.fixed.failures) \(get.kvmToList.failures)")
            let differing = get.listToCPUState.failures.map(\.id.name)
            print("  the models disagree on \(differing.count):", differing.joined(separator: " "))
            expect(differing.contains("MIDR_EL1"), "the CPUs are the same")
            let before = try Capture(of: machine.bank).registers
            let wanted = RegisterValue(0x4000_1234_5678)
            try model.rawState.write(wanted, to: .tpidrEL1)
            _ = try VCPUEdit.inject(.breakpoint(comment: 7), into: model.rawState)
            let put = vcpu.putRegisters(.runtime)
            expect(put.succeeded, "put: \(put.fixed.failures) \(put.listToKVM.failures)")
            let changed = try Capture(of: machine.bank).registers.filter {
                id, value in
                let moving = RegisterDictionary.entry(for: id)?.volatileBits ?? 0
                return value.masked(by: ~moving) != before[id]?.masked(by: ~moving)
            }.map(\.0.name)
            let expected: Set = ["pc", "elr_el1", "spsr_el1", "pstate", "ESR_EL1", "TPIDR_EL1"]
            print("  changed in KVM:", changed.joined(separator: " "))
            expect(expected.isSuperset(of: changed), "changed: \(changed)")
            expect(try machine.bank.read(.tpidrEL1) == wanted, "TPIDR_EL1")
            expect(try machine.runUntilException(), "no exception came")
            expect(machine.record.syndrome == 0xf200_0007, "the guest saw \(machine.record.text)")
        }
    }

    // MARK: Through a file

    /// Saves a guest that was stopped while it counted.
    func stop(_ guest: ExceptionGuest, in files: StateFiles) throws {
        let machine = try guest.machine(on: system)
        try machine.runUntilItCounts()
        try files.write(machine.count, count: 1)
        try files.save(machine, point: 0)
        print("stopped at", try machine.bank.read(.pc))
    }

    /// Restores it, and prints what its handler saw.
    func resume(from files: StateFiles) throws {
        let machine = try GuestMachine(on: system)
        let report = try files.restore(machine, point: 0, without: [])
        guard report.isComplete else { throw ProofError("lost: \(report.losses)") }
        guard try machine.runUntilException() else { throw ProofError("no exception came") }
        print(machine.record.text)
        try machine.runUntilItCounts()
    }
}

extension RegisterID {
    /// A register by its name, which must be one.
    fileprivate static func named(_ name: String) -> RegisterID {
        guard let id = RegisterID(parsing: name) else { preconditionFailure("no \(name)") }
        return id
    }
}
