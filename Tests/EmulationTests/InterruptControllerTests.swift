import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// What `kvm-proof attributes` compares with real KVM, in examples.
@Suite("Emulation: the interrupt controller")
struct InterruptControllerTests {
    /// A VM of two vCPUs on a host that makes a GICv2, too.
    private func machine(
        _ model: GICModel?
    ) throws -> (vcpus: [EmulatedCPU], bank: EmulatedVMBank) {
        let profile = try hostWithDevices()
        let machine = EmulatedHost(profile).makeVM(vcpuCount: 2)
        for vcpu in machine.vcpus { try vcpu.initialize(with: try #require(profile.vcpuInit)) }
        try machine.bank.makeInterruptController(model)
        return machine
    }

    /// Ids of 1 to 256 bytes, and of sizes that are none, at every place where the devices have a register.
    @Test(arguments: GICModel.allCases)
    func aRegisterOfAnotherSizeIsNone(model: GICModel) throws {
        let machine = try machine(model)
        let banks: [any RegisterBank] = [machine.bank, machine.vcpus[0]]
        for bank in banks {
            for id in try bank.list() where id.deviceAttribute != nil || id.architecture == .own {
                for exponent in UInt64(0)..<16 {
                    let other = RegisterID(rawValue: id.rawValue & ~(0xf << 52) | exponent << 52)
                    guard other != id, RegisterDictionary.entry(for: other) == nil else { continue }
                    #expect(throws: RegisterBankError.self) { try bank.read(other) }
                    let value = RegisterValue(
                        littleEndian: repeatElement(1, count: other.size ?? 8))
                    let wanted = try #require(value)
                    #expect(throws: RegisterBankError.self) { try bank.write(wanted, to: other) }
                }
            }
        }
    }

    private func bits(_ name: String, in bank: any RegisterBank) throws -> UInt64 {
        try bank.read(try register(name)).lowBits
    }

    private func put(_ bits: UInt64, _ name: String, in bank: any RegisterBank) throws {
        let id = try register(name)
        try bank.write(RegisterValue(bits, size: id.size ?? 8), to: id)
    }

    private func errno(_ body: () throws -> Void) -> Errno? {
        do { try body() } catch { return (error as? RegisterBankError)?.errno }
        return nil
    }

    @Test(
        arguments: [
            ("GICD_CTLR", 0xffff_ffff, 0x52), ("GICD_IPRIORITYR10", 0xffff_ffff, 0xf8f8_f8f8),
            ("GICD_IROUTER40", 0xff_ffff_ffff, 0xff_ffff), ("GICD_ISENABLER1", 0x5, 0x5),
            ("GICD_TYPER", 0, 0x48_0007), ("GICD_ICFGR2", 0xffff_ffff, 0xaaaa_aaaa),
            // Edges have no level.
            ("GIC_LINE_LEVEL1", 0xffff_ffff, 0), ("GICR_PROPBASER", 0, 0x180),
        ] as [(String, UInt64, UInt64)])
    func whatSticks(_ name: String, _ written: UInt64, _ found: UInt64) throws {
        let vm = try machine(.v3).bank
        try put(written, name, in: vm)
        #expect(try bits(name, in: vm) == found)
    }

    @Test func profilesKeepThem() throws {
        let profile = try machine(.v3).vcpus[0].profile
        #expect(try HostProfile(parsing: profile.text, file: "again") == profile)
    }

    @Test func aHostOfWhichNothingIsKnownMakesNone() throws {
        var profile = try builtIn("6.12-neoverse-n1")
        profile.devices = []
        let vm = EmulatedHost(profile).makeVM(vcpuCount: 1)
        #expect(errno { try vm.bank.makeInterruptController(.v3) } == .noDevice)
    }

    // The numbers are those of "Errors and traps" in Formats/gic-and-clock.md; the others are the subject of tests
    // of KVM (`kvm-proof interrupts`, `handler` and `attributes`, `linux-proof`), of restores and of names.

    /// Traps 1 and 11.
    @Test func prioritiesAreLoweredForGood() throws {
        let vcpu = try machine(.v3).vcpus[1]
        #expect(errno { try put(0x8d00, "ICC_CTLR_EL1", in: vcpu) } == .invalidArgument)
        #expect(errno { try put(0, "ICC_CTLR_EL1", in: vcpu) } == .invalidArgument)
        try put(0x8401, "ICC_CTLR_EL1", in: vcpu)
        #expect(try bits("ICC_CTLR_EL1", in: vcpu) == 0x8401)
        #expect(errno { try put(0x8c00, "ICC_CTLR_EL1", in: vcpu) } == .invalidArgument)
        // CBPR hides it.
        try put(5, "ICC_BPR1_EL1", in: vcpu)
        #expect(try bits("ICC_BPR1_EL1", in: vcpu) == 1)
    }

    /// Trap 2: the affinity of a vCPU is that of its MPIDR_EL1 at the time.
    @Test func theAffinityIsThePresentOne() throws {
        let machine = try machine(.v3)
        #expect(try bits("GICR_TYPER", in: machine.vcpus[1]) == 0x1_0000_0100)
        try put(0x8000_0205, "MPIDR_EL1", in: machine.vcpus[1])
        #expect(try bits("GICR_TYPER", in: machine.vcpus[1]) == 0x205_0000_0100)
    }

    /// Trap 3.
    @Test func basesAreFixedWhileLPIsAreOn() throws {
        let machine = try machine(.v3)
        try put(0x808_0000, "GITS_ADDRESS", in: machine.bank)
        try put(0x4013_000d, "GICR_PROPBASER", in: machine.bank)
        try put(0x4014_0000, "GICR_PENDBASER", in: machine.vcpus[0])
        try put(1, "GICR_CTLR", in: machine.vcpus[0])
        try put(0x5013_000d, "GICR_PROPBASER", in: machine.bank)
        try put(0x5014_0000, "GICR_PENDBASER", in: machine.vcpus[0])
        #expect(try bits("GICR_PROPBASER", in: machine.bank) == 0x4013_018d)
        #expect(try bits("GICR_PENDBASER", in: machine.vcpus[0]) == 0x4014_0180)
    }

    /// Trap 4: what is not in the new value is cleared, what a new VM has of its own too.
    @Test func aSetRegisterTakesTheWholeValue() throws {
        let vcpu = try machine(.v3).vcpus[0]
        for value: UInt64 in [0x0800_00ff, 0x5, 0] {
            for name in ["GICR_ISENABLER0", "GICR_ISACTIVER0", "GICR_ISPENDR0"] {
                try put(value, name, in: vcpu)
                #expect(try bits(name, in: vcpu) == value)
            }
        }
    }

    /// Trap 5.
    @Test(
        arguments: [
            ("GICR_ISENABLER0", 0xffff), ("GICR_IGROUPR0", 0xffff_ffff),
            ("GICR_ICFGR0", 0xaaaa_aaaa), ("GICR_ICFGR1", 0), ("GICD_IGROUPR1", 0xffff_ffff),
            ("GICD_ICFGR2", 0xaaaa_aaaa),
        ] as [(String, UInt64)])
    func resetIsNotZero(_ name: String, _ found: UInt64) throws {
        let machine = try machine(.v3)
        let bank: any RegisterBank = name.hasPrefix("GICD") ? machine.bank : machine.vcpus[1]
        #expect(try bits(name, in: bank) == found)
    }

    /// Traps 6 and 23.
    @Test(arguments: ["ICC_AP0R1_EL1", "ICC_AP1R3_EL1", "0x7620000000004004", "0x7620000000030004"])
    func whatIsNotThereIsNotListed(_ name: String) throws {
        let machine = try machine(.v3)
        let id = try register(name)
        for bank in [machine.bank as any RegisterBank, machine.vcpus[0]] {
            #expect(try !bank.list().contains(id))
            #expect(throws: RegisterBankError.self) { try bank.read(id) }
        }
    }

    /// Trap 8.
    @Test func theLineOfAnEdgeIsHidden() throws {
        let vm = try machine(.v3).bank
        try put(1 << 10, "GIC_LINE_LEVEL1", in: vm)
        #expect(try bits("GIC_LINE_LEVEL1", in: vm) == 0)
        try put(0xaa8a_aaaa, "GICD_ICFGR2", in: vm)
        #expect(try bits("GIC_LINE_LEVEL1", in: vm) == 1 << 10)
    }

    /// Trap 14.
    @Test func theIdentityOfAnITSIsItsRevision() throws {
        let vm = try machine(.v3).bank
        try put(0x808_0000, "GITS_ADDRESS", in: vm)
        try put(0, "GITS_IIDR", in: vm)
        #expect(try bits("GITS_IIDR", in: vm) == 0x4b00_043b)
        #expect(errno { try put(0x4b00_143b, "GITS_IIDR", in: vm) } == .invalidArgument)
    }

    /// KVM has no region that was not given, and yet it can be given.
    @Test func regionsAreRestored() throws {
        let (source, target) = (try machine(.v3), try machine(nil))
        try put(1 << 52 | 0x80a_0000, "GIC_REDIST_REGION0", in: source.bank)
        try put(1 << 52 | 0x900_0000 | 1, "GIC_REDIST_REGION1", in: source.bank)
        let guest = try read(source)
        let account = try Restore.perform(guest, into: target.vcpus, vm: target.bank)
        #expect(account.isComplete)
        #expect(try bits("GIC_REDIST_REGION1", in: target.bank) == 1 << 52 | 0x900_0001)
        #expect(try bits("GICR_TYPER", in: target.vcpus[0]) & 0x10 == 0x10)
        #expect(SnapshotDifference(guest, try read(target)).isSame)
        // Regions stand in their order.
        let other = try machine(.v3).bank
        let second: UInt64 = 1 << 52 | 0x900_0001
        #expect(errno { try put(second, "GIC_REDIST_REGION1", in: other) } == .invalidArgument)
        #expect(errno { _ = try bits("GIC_REDIST_REGION0", in: try machine(.v2).bank) } == .noEntry)
    }

    private func read(_ machine: (vcpus: [EmulatedCPU], bank: EmulatedVMBank)) throws -> Snapshot {
        var result = Snapshot(provenance: Provenance(), vcpus: [])
        result.vm = try machine.bank.readAll()
        for (index, vcpu) in zip(UInt32(0)..., machine.vcpus) {
            result.vcpus.append(VCPUState(index: index, registers: try vcpu.readAll()))
        }
        return result
    }

    @Test func aMaintenanceInterruptThatWasNotGivenIsNotListed() throws {
        var profile = try hostWithDevices()
        let id = RegisterID.gicMaintenanceIrq
        _ = profile.attributes.set(RegisterValue(0, size: 4), for: id)
        let machine = EmulatedHost(profile).makeVM(vcpuCount: 1)
        try machine.vcpus[0].initialize(with: try #require(profile.vcpuInit))
        try machine.bank.makeInterruptController(.v3)
        #expect(try machine.bank.read(id).isZero)
        try put(25, "GIC_MAINTENANCE_IRQ", in: machine.bank)
        #expect(try machine.bank.list().contains(id))
        let other = EmulatedHost(profile).makeVM(vcpuCount: 1)
        try other.vcpus[0].initialize(with: try #require(profile.vcpuInit))
        try other.bank.makeInterruptController(.v3)
        #expect(try !other.bank.list().contains(id))
    }

    @Test func revisions() throws {
        let machine = try machine(.v3)
        #expect(try bits("GICR_CTLR", in: machine.vcpus[0]) == 6)
        try put(0x4b00_243b, "GICD_IIDR", in: machine.bank)
        #expect(try bits("GICR_CTLR", in: machine.vcpus[0]) == 0)
        #expect(errno { try put(0x4b00_443b, "GICD_IIDR", in: machine.bank) } == .invalidArgument)
    }

    /// Trap 16.
    @Test func setUpIsFixed() throws {
        let vm = try machine(.v3).bank
        #expect(errno { try put(80, "GIC_NR_IRQS", in: vm) } == .invalidArgument)
        try put(96, "GIC_NR_IRQS", in: vm)
        #expect(errno { try put(128, "GIC_NR_IRQS", in: vm) } == .busy)
        #expect(try !vm.list().contains(try register("GICD_ISENABLER3")))
        #expect(errno { _ = try bits("GICD_ISENABLER3", in: vm) } == .noEntry)
    }

    @Test func theOrderOfAnITS() throws {
        let vm = try machine(.v3).bank
        try put(0x808_0000, "GITS_ADDRESS", in: vm)
        try put(1, "GITS_CTLR", in: vm)
        #expect(try bits("GITS_CTLR", in: vm) == 1 << 31)
        try put(1 << 63 | 0xf, "GITS_CBASER", in: vm)
        try put(0x40, "GITS_CWRITER", in: vm)
        #expect(try bits("GITS_CTLR", in: vm) == 0)
        for name in ["GITS_BASER0", "GITS_BASER1"] { try put(1 << 63, name, in: vm) }
        #expect(try bits("GITS_BASER0", in: vm) == 0x9907_0000_0000_0200)
        try put(1, "GITS_CTLR", in: vm)
        #expect(try bits("GITS_CREADR", in: vm) == 0x40)
        #expect(errno { try put(0, "GITS_CREADR", in: vm) } == .busy)
        try put(1 << 63, "GITS_CBASER", in: vm)
        #expect(try bits("GITS_CWRITER", in: vm) == 0x40)
    }

    /// Trap 15.
    @Test func groupsOfAGICv2NeedItsIdentity() throws {
        let machine = try machine(.v2)
        try put(1, "GICD_IGROUPR1", in: machine.bank)
        #expect(try bits("GICD_IGROUPR1", in: machine.bank) == 0)
        try put(0x4b00_343b, "GICD_IIDR", in: machine.bank)
        try put(1, "GICD_IGROUPR1", in: machine.bank)
        #expect(try bits("GICD_IGROUPR1", in: machine.bank) == 1)
        try put(8, "GICD_ISPENDR0", in: machine.vcpus[1])
        #expect(try bits("GICD_SPENDSGIR0", in: machine.vcpus[1]) == 2 << 24)
        #expect(try bits("GICD_ITARGETSR0", in: machine.vcpus[1]) == 0x0202_0202)
    }

    /// `kvm_vgic_create`.
    @Test(arguments: [(GICModel.v2, 8, true), (.v2, 9, false), (.v3, 9, true)])
    func aGICv2HasEightVCPUs(model: GICModel, vcpus: Int, isMade: Bool) throws {
        let machine = EmulatedHost(try hostWithDevices()).makeVM(vcpuCount: vcpus)
        let refusal = errno { try machine.bank.makeInterruptController(model) }
        #expect(refusal == (isMade ? nil : .argumentListTooLong))
    }

    /// MPIDR_EL1, by which it is asked for, is not there yet.
    @Test func beforeTheFirstVCPUIsInitializedNothingIsTaken() throws {
        let machine = EmulatedHost(try hostWithDevices()).makeVM(vcpuCount: 1)
        try machine.bank.makeInterruptController(.v3)
        for name in ["GICD_CTLR", "GIC_NR_IRQS", "GIC_REDIST_REGION0"] {
            #expect(errno { _ = try bits(name, in: machine.bank) } == .notExecutable, "\(name)")
            #expect(errno { try put(0, name, in: machine.bank) } == .notExecutable, "\(name)")
        }
        #expect(errno { try put(0, "GICR_ISENABLER0", in: machine.vcpus[0]) } == .notExecutable)
    }

    /// It is a fixed count, whatever is read; the time passes.
    @Test func theClockStandsStill() throws {
        let vm = try machine(.v3).bank
        try put(1000, "CLOCK_CNTVCT", in: vm)
        #expect(try bits("CLOCK_CNTVCT", in: vm) == 1000)
        #expect(try bits("CLOCK_CNTVCT", in: vm) == 1000)
        #expect(errno { try put(1, "CLOCK_CNTFRQ", in: vm) } == .invalidArgument)
        // This test was written in 2026.
        #expect(try bits("CLOCK_REALTIME", in: vm) > 1_767_225_600_000_000_000)
    }
}
