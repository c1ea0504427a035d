import VCPUSnap

/// What a restore has to get right only on kernels that make guests with an EL2 of their own (Linux 6.16,
/// `kvm-arm.mode=nested`) or of another implementation (Linux 6.15).
struct NewerKernelProof: ~Copyable {
    private let system: KVMSystem

    init() throws {
        system = try KVMSystem()
    }

    private static func register(_ name: String) throws -> RegisterID {
        guard let id = RegisterID(parsing: name) else { throw ProofError("no register \(name)") }
        return id
    }

    private static func bits(_ name: String, _ bank: KVMVCPUBank) throws -> UInt64 {
        try bank.read(register(name)).lowBits
    }

    private static func set(_ name: String, _ bits: UInt64, _ bank: KVMVCPUBank) throws {
        try bank.write(RegisterValue(bits), to: register(name))
    }

    private borrowing func fresh(enabling capabilities: [KVMCapability] = []) throws -> ScratchVM {
        try ScratchVM(on: system, vcpuCount: 1, enabling: capabilities)
    }

    // MARK: Counters

    /// How far the guest's virtual count is behind its physical one, in ticks: hours, so that no time that
    /// passes here comes near it.
    private static let virtualOffset: UInt64 = 1 << 45
    private static let physicalCount: UInt64 = 1 << 50

    /// Whether both counters are where a guest left them that had `virtualOffset` between them.
    private static func areRight(_ bank: KVMVCPUBank) throws -> Bool {
        let first = try bits("CNTPCT_EL0", bank)
        let virtual = try bits("CNTVCT_EL0", bank)
        let last = try bits("CNTPCT_EL0", bank)
        print(
            "CNTPCT_EL0 is", first - physicalCount, "ticks further, CNTVCT_EL0",
            Int64(bitPattern: virtual &- (physicalCount - virtualOffset)), "ticks")
        return first >= physicalCount && first < physicalCount + virtualOffset
            && first - virtualOffset <= virtual && virtual <= last - virtualOffset
    }

    private borrowing func guestWithEL2() throws -> KVMVCPUBank {
        let vm = try fresh()
        guard vm.abilities.features.contains(.hasEL2) else {
            throw ProofError("this kernel makes no guests with EL2")
        }
        try vm.banks[0].initialize(
            with: VCPUInit(target: vm.abilities.preferredTarget, features: [.psci02, .hasEL2]))
        return vm.banks[0]
    }

    /// Restores a guest with EL2; then writes its counters in the order of their ids, which must not do.
    borrowing func counters() throws -> Bool {
        let source = try guestWithEL2()
        try Self.set("CNTVOFF_EL2", Self.virtualOffset, source)
        try Self.set("CNTPCT_EL0", Self.physicalCount, source)
        var state = UnitState(.vcpu(0), try Capture(of: source).registers)
        state.registers.set(
            RegisterValue(Self.physicalCount), for: try Self.register("CNTPCT_EL0"))
        state.registers.set(
            RegisterValue(Self.physicalCount - Self.virtualOffset),
            for: try Self.register("CNTVCT_EL0"))
        let target = try fresh().banks[0]
        let reports = try Restore.run([state], into: [target])
        for loss in reports.flatMap(\.losses) { print("lost:", loss.id, loss.reason ?? "") }
        let isRight = try Self.areRight(target)
        let other = try guestWithEL2()
        try Self.set("CNTVOFF_EL2", Self.virtualOffset, other)
        try Self.set("CNTPCT_EL0", Self.physicalCount, other)
        try Self.set("CNTVCT_EL0", Self.physicalCount - Self.virtualOffset, other)
        let isWrongInOrderOfIDs = try Self.bits("CNTPCT_EL0", other) < Self.physicalCount
        print(
            "restored:", isRight ? "right" : "wrong", "- in the order of ids:",
            isWrongInOrderOfIDs ? "wrong, as expected" : "right, so that this proves nothing")
        return isRight && isWrongInOrderOfIDs && reports.allSatisfy(\.isComplete)
    }

    // MARK: Implementation

    /// Whether a vCPU has the same registers with these values where the capabilities are enabled.
    private borrowing func isUnchanged(
        by capabilities: [KVMCapability], _ bank: KVMVCPUBank
    ) throws -> Bool {
        let other = try fresh(enabling: capabilities)
        try other.banks[0].initialize(with: other.abilities.defaultInit)
        let (plain, enabled) = (try bank.readAll(), try other.banks[0].readAll())
        let different = plain.ids.filter { id in
            plain[id]?.withoutMotion(of: id) != enabled[id]?.withoutMotion(of: id)
        }
        print("enabling changes", different.count, "of", plain.count, "registers")
        return different.isEmpty && plain.ids == enabled.ids
    }

    /// Restores a guest of another CPU with the capability that takes, and without it.
    borrowing func implementation() throws -> Bool {
        let wanted: [(name: String, bits: UInt64)] = [
            ("MIDR_EL1", 0x410f_d0c0), ("REVIDR_EL1", 0x1234_5678_9abc), ("AIDR_EL1", 0x55),
        ]
        let source = try fresh()
        try source.banks[0].initialize(with: source.abilities.defaultInit)
        var state = UnitState(.vcpu(0), try Capture(of: source.banks[0]).registers)
        for (name, bits) in wanted {
            state.registers.set(RegisterValue(bits), for: try Self.register(name))
        }
        var options = Restore.Options()
        options.enabled = KVMCapability.ofWritableRegisters
        guard try isUnchanged(by: options.enabled, source.banks[0]) else { return false }
        let target = try fresh(enabling: options.enabled).banks[0]
        let with = try Restore.run([state], into: [target], options: options)
        let without = try Restore.run([state], into: [fresh().banks[0]])
        var isRight = true
        for (name, bits) in wanted {
            let id = try Self.register(name)
            let (new, old) = (
                with[0].registers.first { $0.id == id }, without[0].registers.first { $0.id == id }
            )
            print(
                name, "with the capability:", new?.outcome.name ?? "-", new?.reason ?? "-",
                "without:",
                old?.outcome.name ?? "-")
            isRight =
                try isRight && new?.outcome == .taken
                && old?.outcome == .refused(.invalidArgument)
                && Self.bits(name, target) == bits
        }
        return isRight
    }
}
