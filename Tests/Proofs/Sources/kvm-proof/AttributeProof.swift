import VCPUSnap

/// Every attribute of a VM with an interrupt controller does on an emulated host what it does on the real one: this host
/// is recorded, VMs are made on both, and the same is written to both.
struct AttributeProof {
    private let profile: HostProfile
    private let model: GICModel
    private var count = 0
    private var differences = 0

    /// Units of both VMs, in the same order: what the VM has once, then the vCPUs.
    private typealias Machine = [any RegisterBank]

    private static let vcpuCount = 2

    init(_ model: String) throws {
        guard let model = ["v2": GICModel.v2, "v3": .v3][model] else {
            throw ProofError("no model is named \(model)")
        }
        self.model = model
        profile = try Self.recorded()
    }

    private static func recorded() throws -> HostProfile {
        try HostRecorder(SourceOptions()).record(name: "here")
    }

    mutating func run() throws -> Bool {
        print("devices:", profile.devices.sorted(), "revisions:", profile.gicRevisions.sorted())
        for (id, value) in profile.attributes { print("attribute", id, value) }
        guard profile.devices.contains(model == .v2 ? "VGIC_V2" : "VGIC_V3") else {
            print("the host makes no such interrupt controller")
            return true
        }
        // Together, where one changes what another does, and each in machines of its own.
        try compare(try machines(), ids: nil)
        let ids = try listed(try machines().real)
        for pair in [false, true] {
            try compare(try machines(withTranslator: pair), ids: ids)
        }
        if model == .v3 {
            try compareRegions()
            try compareAffinities()
            try compareOffsets()
        }
        print(count, "answers compared,", differences, "differ")
        return differences == 0 && count > 0
    }

    /// Regions of redistributors, which are given in order, and a restore into a VM that has none.
    private mutating func compareRegions() throws {
        let pair = try machines(withTranslator: false)
        let regions = try (0..<3).map { try register("GIC_REDIST_REGION\($0)") }
        let (first, second): (UInt64, UInt64) = (1 << 52 | 0x80a_0000, 1 << 52 | 0x900_0001)
        for id in regions { compare(reading: id, 0, pair, after: "none was given") }
        for (place, bits) in [(1, second), (0, first), (1, second), (1, second)] {
            compare(writing: RegisterValue(bits), to: regions[place], 0, pair)
        }
        let source = try snapshot(of: pair.real)
        let scratch = try scratchVM()
        let account = try Restore.perform(source, into: scratch.banks, vm: scratch.vm)
        let found = try snapshot(of: [scratch.vm] + scratch.banks)
        let isSame = account.isComplete && SnapshotDifference(source, found).isSame
        note("\(found.vm.contains(regions[1]) && isSame)", "true", "regions are restored")
    }

    /// Two vCPUs with one affinity, of which the first would answer for both.
    private mutating func compareAffinities() throws {
        let real = try machines(withTranslator: false).real
        try real[2].write(try real[1].read(.mpidrEL1), to: .mpidrEL1)
        _ = try real[1].read(try register("GICR_TYPER"))
        let second = answer { try real[2].read(try register("GICR_TYPER")) }
        note(second, "\(Errno.exists)", "the second vCPU with one affinity")
        note(answer { try real[2].list().count }, "\(Errno.exists)", "its list")
    }

    /// The clock set by an offset, where the kernel has it: both counters go on from there, and no write moves them.
    private mutating func compareOffsets() throws {
        let scratch = try scratchVM()
        for vcpu in scratch.banks {
            try vcpu.initialize(with: profile.vcpuInit ?? VCPUInit(features: []))
        }
        scratch.vm.setClockByOffset()
        let count: UInt64 = 1 << 56
        let answer = answer { try scratch.vm.write(RegisterValue(count), to: .clockCntvct) }
        guard try scratch.banks[0].list().contains(.cntpctEL0) else {
            return note(
                "\(answer.contains("EINVAL") || answer.contains("ENOTTY"))", "true",
                "no offset: \(answer)")
        }
        try scratch.banks[1].write(RegisterValue(7), to: .cntvctEL0)
        let counts = try [RegisterID.clockCntvct, .clockCntpct].map {
            try scratch.vm.read($0).lowBits
        }
        note("\(counts.allSatisfy { $0 >= count && $0 < count + 1 << 40 })", "true", "the offset")
    }

    private func snapshot(of machine: Machine) throws -> Snapshot {
        Snapshot(
            provenance: Provenance(),
            vcpus: try machine.dropFirst().enumerated().map { place, bank in
                VCPUState(index: UInt32(place), registers: try bank.readAll())
            }, vm: try machine[0].readAll())
    }

    private func register(_ name: String) throws -> RegisterID {
        guard let id = RegisterID(parsing: name) else { throw ProofError("no register \(name)") }
        return id
    }

    private func scratchVM() throws -> ScratchVM {
        let system = try KVMSystem()
        return try ScratchVM(on: system, vcpuCount: Self.vcpuCount)
    }

    private func machines(withTranslator: Bool = true) throws -> (real: Machine, emulated: Machine)
    {
        let scratch = try scratchVM()
        let made = EmulatedHost(profile).makeVM(vcpuCount: Self.vcpuCount)
        let pair: (real: Machine, emulated: Machine) = (
            [scratch.vm as any RegisterBank] + scratch.banks.map { $0 as any RegisterBank },
            [made.bank as any RegisterBank] + made.vcpus.map { $0 as any RegisterBank }
        )
        for machine in [pair.real, pair.emulated] {
            for vcpu in machine.dropFirst() {
                try vcpu.initialize(with: profile.vcpuInit ?? VCPUInit(features: []))
            }
            try machine[0].write(
                RegisterValue(UInt64(model.rawValue), size: 4), to: .gicModel)
            if withTranslator, model == .v3, let id = RegisterID(parsing: "GITS_ADDRESS") {
                try machine[0].write(RegisterValue(0x808_0000), to: id)
            }
        }
        return pair
    }

    private func listed(_ machine: Machine) throws -> [[RegisterID]] {
        try machine.map { bank in
            try bank.list().filter { $0.deviceAttribute != nil }
        }
    }

    /// What is written to a register: what it holds, ones, zeros, and what it held.
    private func values(of id: RegisterID, held: RegisterValue?) -> [RegisterValue] {
        let size = id.size ?? 8
        var bits: [UInt64] = [.max, 0, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa]
        if let held {
            bits += [held.lowBits, held.lowBits ^ 0x1000, held.lowBits ^ 1, held.lowBits]
        }
        return bits.map { RegisterValue($0, size: size) }
    }

    private mutating func compare(
        _ pair: (real: Machine, emulated: Machine), ids: [[RegisterID]]?
    ) throws {
        let setUp = [
            "GIC_NR_IRQS", "GIC_ADDRESS_DIST", "GIC_ADDRESS_REDIST", "GIC_ADDRESS_DIST_V2",
            "GIC_ADDRESS_CPU_V2", "GIC_MAINTENANCE_IRQ",
        ].compactMap { RegisterID(parsing: $0) }
        for id in setUp where ids == nil {
            for bits in [33, 0x1000_1000, 0x1_0000_0000_0000, 25, 128, 0x800_0000, 96, 0x900_0000] {
                compare(writing: RegisterValue(UInt64(bits), size: id.size ?? 8), to: id, 0, pair)
            }
        }
        let real = try listed(pair.real)
        let emulated = try listed(pair.emulated)
        for unit in real.indices where real[unit] != emulated[unit] {
            differences += 1
            print(
                "unit", unit, "lists", real[unit].filter { !emulated[unit].contains($0) },
                "where the emulated one lists", emulated[unit].filter { !real[unit].contains($0) })
        }
        for (unit, ids) in (ids ?? real).enumerated() {
            for id in ids where id != RegisterID(parsing: "PVTIME_IPA") {
                for value in values(of: id, held: try? pair.real[unit].read(id)) {
                    compare(writing: value, to: id, unit, pair)
                }
            }
        }
        // What one write did to others.
        for (unit, ids) in (ids ?? real).enumerated() {
            for id in ids { compare(reading: id, unit, pair, after: "all writes") }
        }
    }

    private mutating func compare(
        writing value: RegisterValue, to id: RegisterID, _ unit: Int,
        _ pair: (real: Machine, emulated: Machine)
    ) {
        let real = answer { try pair.real[unit].write(value, to: id) }
        let emulated = answer { try pair.emulated[unit].write(value, to: id) }
        note(real, emulated, "unit \(unit) \(id): writing \(value)")
        compare(reading: id, unit, pair, after: "writing \(value)")
    }

    private mutating func compare(
        reading id: RegisterID, _ unit: Int, _ pair: (real: Machine, emulated: Machine),
        after what: String
    ) {
        let real = answer { try pair.real[unit].read(id) }
        let emulated = answer { try pair.emulated[unit].read(id) }
        note(real, emulated, "unit \(unit) \(id) after \(what)")
    }

    private func answer<Value>(_ body: () throws -> Value) -> String {
        do {
            return "\(try body())"
        } catch let error as RegisterBankError {
            return "\(error.errno)"
        } catch {
            return "\(error)"
        }
    }

    private mutating func note(_ real: String, _ emulated: String, _ what: String) {
        count += 1
        guard real != emulated else { return }
        differences += 1
        print(what, "- KVM:", real, "emulated:", emulated)
    }
}
