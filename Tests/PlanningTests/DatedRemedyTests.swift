import Emulation
import LinuxSystem
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Plans: what a newer kernel takes")
struct DatedRemedyTests {
    /// The remedies of one register, by the words the report has for them.
    private func remedies(
        of name: String, _ snapshot: Snapshot, on host: HostProfile
    ) throws -> [String] {
        try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.safe)).loss(of: name).remedies
            .map(\.text)
    }

    private func host(_ kernel: String, like name: String = "6.12-max") throws -> HostProfile {
        var host = try builtIn(name)
        host.kernelRelease = kernel
        host.writableMasks = [:]
        return host
    }

    /// ID_PFR1_EL1.GIC, bits 31:28, of a VM with a GICv2.
    @Test(arguments: [
        ("6.12.30", "Linux 6.18 (or 6.12.60 of its series)"),
        ("6.17.5", "Linux 6.18 (or 6.17.9 of its series)"), ("6.14.0", "Linux 6.18"),
        ("6.1.0", "Linux 6.18"),
    ])
    func aarch32IDRegister(_ kernel: String, _ kernels: String) throws {
        let host = try host(kernel)
        var snapshot = try guest(of: host)
        try snapshot.set("ID_PFR1_EL1", host.bits("ID_PFR1_EL1") & ~(0xf << 28))
        let texts = try remedies(of: "ID_PFR1_EL1", snapshot, on: host)
        #expect(texts.contains("give the destination \(kernels) or newer"), "\(texts)")
    }

    @Test(arguments: ["6.12.60", "6.17.9", "6.18.0", "6.19.1"])
    func aarch32IDRegisterIsTaken(_ kernel: String) throws {
        let host = try host(kernel)
        var snapshot = try guest(of: host)
        try snapshot.set("ID_PFR1_EL1", host.bits("ID_PFR1_EL1") & ~(0xf << 28))
        #expect(
            try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.exact)).lostNames.isEmpty)
    }

    /// CTR_EL0.IDC and DIC, bits 28 and 29, which the destination's CPU does not have.
    @Test func cacheTypeThatPromisesMore() throws {
        let source = try host("6.12.30")
        var destination = source
        try destination.set("CTR_EL0", source.bits("CTR_EL0") & ~(3 << 28))
        let texts = try remedies(of: "CTR_EL0", guest(of: source), on: destination)
        #expect(
            texts.contains {
                $0.contains("before the guest's first run set in CTR_EL0")
                    && $0.contains("IDC to 0x0") && $0.contains("DIC to 0x0")
            }, "\(texts)")
        #expect(!texts.contains { $0.hasPrefix("give the destination Linux") }, "\(texts)")
    }

    /// The other way round KVM takes it, since 6.11.
    @Test func cacheTypeThatPromisesLess() throws {
        let old = try host("6.10.0")
        var snapshot = try guest(of: old)
        try snapshot.set("CTR_EL0", old.bits("CTR_EL0") & ~(3 << 28))
        let texts = try remedies(of: "CTR_EL0", snapshot, on: old)
        #expect(texts.contains("give the destination Linux 6.11 or newer"), "\(texts)")
        let new = try host("6.11.0")
        #expect(
            !(try MovePlan(of: snapshot, on: new, policy: RestorePolicy(.exact)).lostNames.contains(
                "CTR_EL0")))
    }

    // MARK: What a kernel keeps and hides

    /// The CPU has RAS, and no kernel before 4.19 has the events of a vCPU.
    @Test func eventsBeforeTheirKernel() throws {
        let host = try builtIn("6.12-neoverse-n1").withKernel("4.18", like: [])
        let plan = try MovePlan(
            of: guest(of: builtIn("6.12-neoverse-n1")), on: host, policy: RestorePolicy(.exact))
        #expect(try plan.loss(of: "VCPU_EVENTS").cause == Cause(.kernel, "4.19"))
    }

    /// A newer kernel is asked about a vCPU with the guest's features, not with all that the host has.
    @Test func newerKernelOfAGuestWithFewerFeatures() throws {
        let host = try builtIn("6.12-neoverse-v1")
        let snapshot = try guest(of: builtIn("6.1-neoverse-n1"))
        let all = try HostProfile.builtInNames.map { try builtIn($0) }
        let newer = try host.withKernel("6.17", like: host.recordingsOfSameCPU(all))
        let moved = try MovePlan(of: snapshot, on: newer, policy: RestorePolicy(.exact))
        let texts = try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.exact))
            .loss(of: "ID_AA64PFR0_EL1").remedies.map(\.text)
        #expect(!moved.lostNames.contains("ID_AA64PFR0_EL1"))
        #expect(texts.contains { $0.hasPrefix("give the destination Linux 6.17") }, "\(texts)")
    }

    /// A guest that has no PMU, SVE or pointer authentication is not told to do without.
    @Test(arguments: HostProfile.builtInNames)
    func featuresThatTheGuestDoesNotHave(_ destination: String) throws {
        let source = try builtIn("6.12-max")
        let guest = try save(start(on: source, features: .psci02), on: source)
        let plan = try MovePlan(
            of: guest, on: builtIn(destination), policy: RestorePolicy(.exact))
        for loss in plan.units[0].losses {
            let names = loss.remedies.map(\.name)
            #expect(!names.contains("without-features"), "\(loss.restore.id)")
        }
    }

    /// Kernels before 5.19 offer all services that they have, and have no bitmap to switch them off.
    @Test(arguments: [("5.15", true, false), ("5.11", false, true)])
    func servicesWithoutTheirBitmap(
        _ kernel: String, _ withAll: Bool, _ withNone: Bool
    ) throws {
        let host = try builtIn("6.1-neoverse-n1").withKernel(kernel, like: [])
        var snapshot = try guest(of: builtIn("6.1-neoverse-n1"))
        for (name, isPardoned) in [("all", withAll), ("none", withNone)] {
            if name == "none" {
                for name in ["STD_BMAP", "VENDOR_HYP_BMAP"] { try snapshot.set(name, 0) }
            }
            let plan = try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.safe))
            for register in ["STD_BMAP", "VENDOR_HYP_BMAP"] {
                let loss = try plan.loss(of: register)
                #expect((loss.restore.pardon != nil) == isPardoned, "\(register), \(name)")
                let isRestricted = loss.remedies.contains { $0.name == "restrict-bitmap" }
                #expect(isRestricted == (name == "all" && !withAll), "\(register), \(name)")
            }
            #expect(try plan.loss(of: "STD_HYP_BMAP").restore.pardon != nil)
        }
    }

    /// KVM takes the NV of its own CPU and makes it 0, which is nothing to a guest without EL2.
    @Test func upgradeThatHidesNestedVirtualization() throws {
        let host = try builtIn("6.12-neoverse-v1")
        let all = try HostProfile.builtInNames.map { try builtIn($0) }
        let new = try host.withKernel("6.18", like: host.recordingsOfSameCPU(all))
        let plan = try MovePlan(of: guest(of: host), on: new, policy: RestorePolicy(.safe))
        #expect(try plan.loss(of: "ID_AA64MMFR2_EL1").restore.pardon?.proof != nil)
    }

    // MARK: Another implementation

    private static let capability = "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS"

    @Test func theVMMHasToEnableTheCapability() throws {
        var host = try host("6.18.0")
        host.capabilities[Self.capability] = 1
        var snapshot = try guest(of: host)
        try snapshot.set("MIDR_EL1", 0x410f_d0c0)
        try snapshot.set("AIDR_EL1", 7)
        let plan = try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.exact))
        #expect(plan.verdict == .yes)
        for name in ["MIDR_EL1", "AIDR_EL1"] {
            let id = try register(name)
            let restore = try #require(plan.units[0].report.registers.first { $0.id == id })
            #expect(restore.outcome == .taken)
            #expect(
                restore.reason?.contains("\(Self.capability), enabled before the vCPUs") == true)
        }
    }

    @Test(arguments: [("6.12.0", nil), ("6.18.0", 0), ("6.18.0", nil)] as [(String, Int32?)])
    func withoutTheCapability(_ kernel: String, _ value: Int32?) throws {
        var host = try host(kernel)
        host.capabilities[Self.capability] = value
        var snapshot = try guest(of: host)
        try snapshot.set("MIDR_EL1", 0x410f_d0c0)
        let texts = try remedies(of: "MIDR_EL1", snapshot, on: host)
        #expect(
            texts.contains(
                "give the destination Linux 6.15 or newer, and use a VMM that enables \(Self.capability) before it "
                    + "makes vCPUs: Firecracker from #6116 on, vcpusnap; not QEMU 11.1"), "\(texts)"
        )
    }

    // MARK: Mitigations

    @Test(
        arguments: [(2, 1, "NOT_REQUIRED", "AVAIL"), (1, 0, "AVAIL", "NOT_AVAIL")]
            as [(UInt64, UInt64, String, String)])
    func levelsHaveNames(_ told: UInt64, _ host: UInt64, _ name: String, _ hostName: String) throws
    {
        var profile = try self.host("6.12.30")
        try profile.set("SMCCC_ARCH_WORKAROUND_3", host)
        var snapshot = try guest(of: profile)
        try snapshot.set("SMCCC_ARCH_WORKAROUND_3", told)
        let plan = try MovePlan(of: snapshot, on: profile, policy: RestorePolicy(.exact))
        let reason = try #require(plan.loss(of: "SMCCC_ARCH_WORKAROUND_3").restore.reason)
        #expect(
            reason.contains("was told \(name), but the host's level is \(hostName)"), "\(reason)")
        #expect(reason.contains("runs unmitigated"))
    }
}
