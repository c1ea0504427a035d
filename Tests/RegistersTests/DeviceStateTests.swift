import Registers
import Testing

@Suite("Interrupt controller, clock and device attributes")
struct DeviceStateTests {
    private static let own = RegisterDictionary.everyRegister.filter {
        $0.id.architecture == .own && RegisterCategory(of: $0.id) != .vcpu
    }

    @Test(arguments: [
        ("GICR_ISENABLER0", 0x7620_0000_0000_8040 as UInt64), ("GICR_CTLR", 0x7620_0000_0000_4000),
        ("GICR_PENDBASER", 0x7630_0000_0000_401e), ("GICR_PROPBASER", 0x7630_0000_0005_001c),
        ("GICR_IPRIORITYR7", 0x7620_0000_0000_8107), ("GIC_LINE_LEVEL0", 0x7620_0000_0000_0004),
        ("GIC_LINE_LEVEL1", 0x7620_0000_0004_0001), ("GICD_CTLR", 0x7620_0000_0003_0000),
        ("GICD_ISENABLER0", 0x7620_0000_0000_3040), ("gicd_isenabler1", 0x7620_0000_0003_0041),
        ("GICD_IPRIORITYR7", 0x7620_0000_0000_3107), ("GICD_IPRIORITYR10", 0x7620_0000_0003_010a),
        ("GICD_IPRIORITYR255", 0x7620_0000_0003_01ff), ("GICD_IROUTER40", 0x7630_0000_0003_1850),
        ("GICD_IROUTER1019", 0x7630_0000_0003_1ff6), ("ICC_PMR_EL1", 0x6030_0000_0013_c230),
        ("GICC_APR3", 0x7620_0000_0000_2037), ("GITS_CBASER", 0x7630_0000_0009_2000),
        ("GITS0_CBASER", 0x7630_0000_0009_2000), ("GITS3_BASER1", 0x7630_0000_0009_4203),
        ("GITS_ADDRESS", 0x7630_0000_0009_f000), ("GIC_NR_IRQS", 0x7620_0000_0002_0300),
        ("GIC_REDIST_REGION2", 0x7630_0000_0002_1002), ("PMU_IRQ", 0x7620_0000_0000_1000),
        ("PVTIME_IPA", 0x7630_0000_0000_1200), ("TIMER_IRQ_PHYSICAL", 0x7620_0000_0007_0101),
        ("CLOCK_REALTIME", 0x7630_0000_0006_0002),
    ])
    func ids(name: String, id: UInt64) {
        #expect(RegisterID(parsing: name) == RegisterID(rawValue: id))
    }

    @Test(arguments: [
        "GICD_ISENABLER#", "GICD_ISENABLER", "GICD_ISENABLER01", "GICD_ISENABLER32",
        "GICD_IROUTER31", "GICD_IROUTER1020", "GICD_IROUTER65568", "GICR_ISENABLER1",
        "GITS256_CTLR", "GICD_ICENABLER1", "GICD_STATUSR", "GICR_STATUSR", "GICD_IROUTER4 0",
        "GICD_IROUTER99999999999999999999",
    ])
    func noNames(name: String) {
        #expect(RegisterID(parsing: name) == nil)
    }

    /// All that a VM can have with every INTID and as many vCPUs as there can be, for ids do not tell the vCPU.
    @Test func namesAndAttributesLeadBack() {
        var names: Set<String> = []
        for entry in Self.own {
            let id = entry.id
            #expect(names.insert(entry.name.uppercased()).inserted, "\(entry.name)")
            for text in [id.name, id.name.lowercased(), id.hex] + entry.aliases
            where RegisterID(parsing: text) != id {
                Issue.record("\(text) is not \(id.hex)")
            }
            if let attribute = id.deviceAttribute, RegisterID(attribute) != id {
                Issue.record("\(id) is in an attribute that is another register's")
            }
        }
        #expect(Set(Self.own.map(\.id)).count == Self.own.count)
        let others = RegisterDictionary.all.lazy.filter { $0.id.architecture != .own }
        #expect(others.allSatisfy { !names.contains($0.name.uppercased()) })
    }

    /// Also of what has no name.
    @Test func everyOffsetHasAnIDOfItsOwn() throws {
        var seen: Set<RegisterID> = []
        func add(_ attribute: DeviceAttribute) throws {
            let id = try #require(RegisterID(attribute))
            if !seen.insert(id).inserted || id.deviceAttribute != attribute {
                Issue.record("\(attribute) is \(id)")
            }
            if id.name != id.hex, RegisterID(parsing: id.name) != id { Issue.record("\(id)") }
        }
        for offset in stride(from: 0 as UInt64, to: 0x10000, by: 4) {
            try add(DeviceAttribute(.distributor, offset))
            try add(DeviceAttribute(.redistributor, offset))
            try add(DeviceAttribute(.redistributor, 0x10000 + offset))
        }
        for offset in stride(from: 0 as UInt64, to: 0x2000, by: 4) where offset < 0x2000 {
            try add(DeviceAttribute(.cpuInterface, offset))
        }
        for group in [0, 1, 2] as [UInt32] {
            for number in 0..<4 as Range<UInt64> {
                try add(DeviceAttribute(device: .vcpu, group: group, attribute: number))
            }
        }
        for intid in stride(from: 0 as UInt64, to: 1024, by: 32) {
            try add(DeviceAttribute(.lineLevels, intid))
        }
        for number in [0, 7, 255] as [UInt8] {
            for offset in stride(from: 0 as UInt64, to: 0x140, by: 4) {
                try add(DeviceAttribute(device: .its(number), group: 8, attribute: offset))
            }
        }
        try add(DeviceAttribute(.systemRegisters, 0xc664))
    }

    @Test(arguments: [
        DeviceAttribute(.distributor, 2), DeviceAttribute(.distributor, 0x10000),
        DeviceAttribute(.distributor, .max), DeviceAttribute(.lineLevels, 33),
        DeviceAttribute(.lineLevels, 1024), DeviceAttribute(.redistributor, 0x20000),
        DeviceAttribute(.systemRegisters, 0x10000),
        DeviceAttribute(device: .its(0), group: 8, attribute: .max),
        DeviceAttribute(device: .vcpu, group: .max, attribute: 0),
        DeviceAttribute(device: .gic, group: 0, attribute: 5, preset: 4096),
    ])
    func noIDs(attribute: DeviceAttribute) {
        #expect(RegisterID(attribute) == nil)
    }

    @Test func aCommandHasNoName() {
        let clear = RegisterID(DeviceAttribute(.distributor, 0x184))
        #expect(clear?.name == "0x7620000000030061")
        #expect(clear.map(RegisterCategory.init) == .interruptController)
        #expect(RegisterCategory(of: RegisterID(rawValue: 0x7630_0000_0001_0000)) == .other)
        #expect(RegisterCategory(of: RegisterID(rawValue: 0x7630_0000_000a_0000)) == .other)
    }

    /// Each INTID stands once in each family: of SGIs and PPIs in a redistributor, of SPIs in the distributor.
    @Test(arguments: [
        "IGROUPR", "ISENABLER", "ISPENDR", "ISACTIVER", "IPRIORITYR", "ICFGR", "ITARGETSR",
    ])
    func fieldsAreNamedByINTID(register: String) {
        let fields = Self.own.filter {
            $0.name.hasPrefix("GICD_" + register) && $0.name.hasSuffix($0.name.filter(\.isNumber))
        }.flatMap { entry in entry.fields.reversed().map { ($0.name, $0.interrupt) } }
        #expect(fields.map(\.1) == (0..<1024).map { $0 })
        #expect(fields.map(\.0) == (0..<1024).map { "\($0)" })
        if register != "ITARGETSR" {
            let own = Self.own.filter { $0.name.hasPrefix("GICR_" + register) }
            #expect(own.flatMap { $0.fields.reversed().map(\.interrupt) } == (0..<32).map { $0 })
        }
    }

    @Test func oneField() throws {
        let entry = try #require(RegisterDictionary.entry(named: "GICD_IPRIORITYR10"))
        let field = try #require(entry.field(named: "40"))
        #expect(field.lsb == 0 && field.msb == 7 && field.meaning?.contains("priority") == true)
        #expect(entry.field(named: "44") == nil && entry.field(named: "0") == nil)
        #expect(entry.fields != RegisterDictionary.entry(named: "GICD_IPRIORITYR11")?.fields)
    }

    /// Trap 7: whatever the size of the register is.
    @Test func systemRegistersAndITSsTakeEightBytes() throws {
        let control = try #require(RegisterDictionary.entry(named: "GITS_CTLR")?.id)
        #expect(control.size == 4 && control.deviceAttribute?.valueSize == 8)
        #expect(control.attributes.count == 1)
        #expect(RegisterID.iccPMREL1.deviceAttribute?.valueSize == 8)
        #expect(RegisterID.gicdCtlr.deviceAttribute?.valueSize == 4)
    }

    /// Trap 21: KVM_ARM_VCPU_PMU_V3_SET_PMU takes an id that another kernel gives another PMU.
    @Test func theIDOfAPMUIsNoState() {
        let chosen = RegisterID(DeviceAttribute(device: .vcpu, group: 0, attribute: 3))
        #expect(chosen.map { RegisterDictionary.entry(for: $0) == nil } ?? true)
    }

    /// Of the GIC's system registers, what a GICv3 keeps of a vCPU: nothing that is an action, or a GICv5's.
    @Test func aVCPUHasWhatKVMsGICv3Keeps() {
        let ids = GICModel.v3.vcpuRegisters.filter { $0.architecture != .own }
        #expect(ids.filter { !$0.isOfEL2 }.count == 15)
        #expect(ids.filter(\.isOfEL2).count == 28)
        #expect(!ids.contains { $0.name.contains("PPI") || $0.name.hasPrefix("ICC_IAR") })
    }

    /// Traps 9 and 25: levels of timers, and the counters of two vCPUs.
    @Test func whatMovesByItself() throws {
        #expect(RegisterDictionary.volatileBits(of: .cntvctEL0) == .max)
        #expect(RegisterDictionary.volatileBits(of: .gicLineLevel0) == 0x5c00_0000)
        #expect(RegisterDictionary.volatileBits(of: .clockRealtime) == .max)
        #expect(RegisterDictionary.volatileBits(of: .clockCntfrq) == 0)
    }
}
