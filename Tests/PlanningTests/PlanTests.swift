import Emulation
import LinuxSystem
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Plans: what the restore will do")
struct PlanTests {
    /// Every guest on every host: the plan's account is the restore's, register by register.
    @Test(arguments: HostProfile.builtInNames, HostProfile.builtInNames)
    func planIsTheRestore(_ source: String, _ destination: String) throws {
        let (from, to) = (try builtIn(source), try builtIn(destination))
        let snapshot = try guest(of: from)
        for preset in [RestorePolicy.Preset.exact, .safe] {
            let policy = RestorePolicy(preset)
            let plan = try MovePlan(of: snapshot, on: to, policy: policy)
            var options = Restore.Options()
            options.kernel = to.kernel
            options.policy = policy
            options.enabled = KVMCapability.ofWritableRegisters
            let vcpus = EmulatedHost(to).makeVCPUs(1, enabling: options.enabled)
            let reports = try Restore.run(snapshot.units, into: vcpus, options: options)
            #expect(plan.host == destination && plan.policy == preset.rawValue)
            #expect(plan.units.map(\.report) == reports)
            let lost = reports[0].registers.filter(\.outcome.isLoss)
            #expect(plan.units[0].losses.map(\.restore) == lost)
            expectConsistent(plan, from, to)
        }
    }

    /// The verdict says what the account and the frequencies say.
    private func expectConsistent(
        _ plan: MovePlan, _ from: HostProfile, _ to: HostProfile
    ) {
        let registers = plan.units.flatMap(\.report.registers)
        let isSameSpeed = from.counterFrequency == to.counterFrequency
        #expect((plan.counter == nil) == isSameSpeed)
        let isNothingLost = isSameSpeed && !registers.contains { $0.outcome.isLoss }
        // Neither of the two presets pardons another speed.
        let isPardoned =
            isSameSpeed && registers.allSatisfy { !$0.outcome.isLoss || $0.pardon != nil }
        switch plan.verdict {
        case .yes: #expect(isNothingLost)
        case .yesWithPolicy(let name): #expect(isPardoned && !isNothingLost && name == plan.policy)
        case .no: #expect(!isPardoned)
        }
    }

    @Test(arguments: HostProfile.builtInNames)
    func guestStaysOnItsHost(_ name: String) throws {
        let profile = try builtIn(name)
        let plan = try MovePlan(of: guest(of: profile), on: profile, policy: RestorePolicy(.exact))
        #expect(plan.verdict == .yes)
        #expect(plan.verdict.text == "yes")
        #expect(plan.lostNames.isEmpty)
        #expect(plan.units[0].byCause.isEmpty)
    }

    @Test func planTouchesNothing() throws {
        let profile = try builtIn("6.12-neoverse-n1")
        let snapshot = try guest(of: try builtIn("6.12-max"))
        let first = try MovePlan(of: snapshot, on: profile, policy: RestorePolicy(.safe))
        let second = try MovePlan(of: snapshot, on: profile, policy: RestorePolicy(.safe))
        #expect(first.units.map(\.report) == second.units.map(\.report))
    }

    // MARK: Verdicts

    /// A guest with a bitmap that the host's kernel does not have yet, and none of its services.
    private func guestWithNewBitmap(_ services: UInt64 = 0) throws -> Snapshot {
        var snapshot = try guest(of: try builtIn("6.12-neoverse-n1"))
        try snapshot.set("VENDOR_HYP_BMAP_2", services)
        return snapshot
    }

    @Test(arguments: [
        (RestorePolicy.Preset.exact, "no"), (.safe, "yes with policy safe"),
        (.force, "yes with policy force"),
    ])
    func verdictNamesThePolicy(_ preset: RestorePolicy.Preset, _ text: String) throws {
        let plan = try MovePlan(
            of: guestWithNewBitmap(), on: builtIn("6.12-neoverse-n1"),
            policy: RestorePolicy(preset))
        #expect(plan.verdict.text == text)
        #expect(plan.lostNames == ["VENDOR_HYP_BMAP_2"])
    }

    @Test func policyOfAFileIsNamedByItsName() throws {
        let host = try builtIn("6.12-neoverse-n1")
        let snapshot = try guestWithNewBitmap(1)
        #expect(try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.safe)).verdict == .no)
        let plan = try MovePlan(of: snapshot, on: host, policy: policy("drop VENDOR*"))
        #expect(plan.verdict == .yesWithPolicy("test"))
        #expect(plan.policy == "test")
    }

    /// Whoever arrives with other values, or without some, arrives by the policy's help.
    @Test func changeByThePolicyIsNoPlainYes() throws {
        let host = try builtIn("6.12-neoverse-n1")
        let snapshot = try guest(of: host)
        for line in ["override FAR_EL1 0x1", "ignore FAR_EL1"] {
            let plan = try MovePlan(of: snapshot, on: host, policy: policy("base exact", line))
            #expect(plan.verdict == .yesWithPolicy("test"), "\(line)")
            #expect(plan.lostNames.isEmpty)
        }
        for line in ["drop *", "require *", "ignore TFSR_EL1", "override TFSR_EL1 0x1"] {
            let plan = try MovePlan(of: snapshot, on: host, policy: policy("base exact", line))
            #expect(plan.verdict == .yes, "\(line)")
        }
    }

    // MARK: The counter frequency

    @Test(arguments: [
        ("base safe", nil, "no"), ("base exact", nil, "no"),
        ("base force", "force", "yes with policy test"),
        ("drop counter-frequency", "drop counter-frequency", "yes with policy test"),
        ("ignore counter-frequency", "ignore counter-frequency", "yes with policy test"),
        ("require counter-frequency", nil, "no"),
    ])
    func otherFrequency(_ line: String, _ pardon: String?, _ verdict: String) throws {
        var host = try builtIn("6.12-neoverse-n1")
        let snapshot = try guest(of: host)
        host.counterFrequency = 100_000_000
        let plan = try MovePlan(of: snapshot, on: host, policy: policy(line))
        #expect(plan.counter?.guest == 62_500_000)
        #expect(plan.counter?.host == 100_000_000)
        #expect(plan.counter?.pardon?.rule == pardon)
        #expect(plan.verdict.text == verdict)
        #expect(plan.lostNames.isEmpty)
    }

    @Test func unknownFrequencyIsNoMismatch() throws {
        var host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host)
        host.counterFrequency = nil
        #expect(
            try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.exact)).verdict == .yes)
        host.counterFrequency = 1
        snapshot.provenance[.counterFrequency] = nil
        #expect(
            try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.exact)).verdict == .yes)
    }

    // MARK: Several vCPUs

    @Test func registersOfTheVMAreWrittenOnce() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host, vcpus: 3)
        try snapshot.set("ID_AA64ISAR0_EL1", 0)
        try snapshot.set("PSCI_VERSION", 0x1_0000)
        try snapshot.set("STD_BMAP", 0)
        try snapshot.set("FAR_EL1", 5)
        let plan = try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.exact))
        #expect(plan.verdict == .yes)
        #expect(plan.units.map(\.report.unit) == [.vcpu(0), .vcpu(1), .vcpu(2)])
        for vcpu in plan.units {
            let isFirst = vcpu.report.unit == .vcpu(0)
            for name in ["ID_AA64ISAR0_EL1", "PSCI_VERSION", "STD_BMAP"] {
                #expect(
                    try outcome(name, vcpu) == (isFirst ? .taken : .alreadyEqual), "\(name)")
            }
            #expect(try outcome("FAR_EL1", vcpu) == .taken)
            // Each vCPU is made with the affinity of its number.
            #expect(try outcome("MPIDR_EL1", vcpu) == .alreadyEqual)
        }
    }

    /// PSCI_VERSION is one for the whole VM: all have what the last vCPU was given.
    @Test func vcpusThatDisagreeAboutTheVM() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host, vcpus: 2)
        snapshot.vcpus[0].registers.set(
            RegisterValue(0x1_0000), for: try register("PSCI_VERSION"))
        let plan = try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.safe))
        #expect(plan.verdict == .no)
        #expect(plan.units[0].losses.map(\.restore.id.name) == ["PSCI_VERSION"])
        #expect(plan.units[0].losses.first?.restore.outcome == .acceptedThenChanged)
        #expect(plan.units[1].losses.isEmpty)
    }

    @Test func oneVCPUThatLosesDecides() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host, vcpus: 2)
        snapshot.vcpus[1].registers.set(RegisterValue(0x1d3), for: .pstate)
        let plan = try MovePlan(of: snapshot, on: host, policy: RestorePolicy(.safe))
        #expect(plan.verdict == .no)
        #expect(plan.units.map(\.losses.count) == [0, 1])
    }

    private func outcome(_ name: String, _ vcpu: UnitPlan) throws -> RegisterOutcome {
        let id = try register(name)
        return try #require(vcpu.report.registers.first { $0.id == id }).outcome
    }
}

@Suite("Plans: causes, notices, remedies")
struct LossTests {
    private let safe = RestorePolicy(.safe)

    /// Plans a guest of one built-in host on another, after a change of it.
    private func plan(
        _ source: String, on destination: String,
        _ change: (inout Snapshot) throws -> Void = { _ in }
    ) throws -> MovePlan {
        var snapshot = try guest(of: builtIn(source))
        try change(&snapshot)
        return try MovePlan(of: snapshot, on: builtIn(destination), policy: safe)
    }

    /// - Parameter remedies: without the rule of a policy, which is the last where there is no proof.
    private func expect(
        _ loss: PlannedLoss, _ outcome: String, _ cause: Cause, _ remedies: [String],
        _ place: SourceLocation = #_sourceLocation
    ) {
        #expect(loss.restore.outcome.name == outcome, sourceLocation: place)
        #expect(loss.cause == cause, sourceLocation: place)
        let hasProof = loss.remedies.first?.name == "drop-safely"
        // On which kernels it could be started is told by KernelUpgradeTests, and tried by RemedyTests.
        let all = loss.remedies.filter { !["policy", "start-fresh"].contains($0.name) }
        #expect(all.map(short) == remedies, sourceLocation: place)
        #expect(hasProof || loss.remedies.last?.name == "policy", sourceLocation: place)
    }

    /// What a remedy says, without its words.
    private func short(_ remedy: Remedy) -> String {
        switch remedy {
        case .dropSafely: "drop"
        case .withoutFeatures(let features, _): "without " + features.names.joined(separator: " ")
        case .presetRegister(let register, let value): "preset \(register): \(value)"
        case .startOnKernel(let version, let register, let fields, _):
            "start on \(version) for \(([register] + fields).joined(separator: " "))"
        case .startFresh(let span, let gives): "fresh on \(span.text): \(gives)"
        case .stopAtKernel(let version): "back to Linux \(version)"
        case .limitVectors(let bits, let lengths): "vectors of \(bits): \(lengths)"
        case .fewerCounters(let count): "counters \(count)"
        case .updateFirmware(let register): "firmware with \(register)"
        case .lowerFields(let register, let fields, _):
            "lower \(register): " + fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        case .restrictBitmap(let register, let bits): "restrict \(register): \(bits)"
        case .lowerPSCIVersion(let version): "PSCI \(version)"
        case .upgradeKernel(let span, _): "Linux \(span.first?.description ?? "")"
        case .enableCapability(let capability, _):
            "\(capability.name) of \(capability.since?.description ?? "")"
        case .otherHost(let what): "host with \(what)"
        case .pinVCPUs(let cpu): "pin to \(cpu)"
        case .moreVCPUs(let count): "host that makes \(count) vCPUs"
        case .policy(let rule): "policy \(rule)"
        case .saveAgain: "save again"
        }
    }

    // MARK: Features of the vCPU

    @Test func withoutSVE() throws {
        let plan = try plan("6.12-neoverse-v1", on: "6.12-neoverse-n1")
        for name in ["ZCR_EL1", "SVE_VLS", "z0", "z31", "p0", "p15", "ffr", "VCPU_FINALIZED"] {
            expect(
                try plan.loss(of: name), "absent", Cause(.vcpuFeature, "SVE"),
                ["without SVE", "host with SVE"])
        }
        let missing = "SVE, PTRAUTH_ADDRESS, PTRAUTH_GENERIC"
        expect(
            try plan.loss(of: "VCPU_INIT"), "kept-but-masked", Cause(.vcpuFeature, missing),
            ["without SVE PTRAUTH_ADDRESS PTRAUTH_GENERIC", "host with \(missing)"])
        let texts = try plan.loss(of: "VCPU_INIT").remedies.map(\.text)
        #expect(
            texts[0]
                == "before the guest's first run make its vCPUs without \(missing) (QEMU: -cpu host,sve=off,"
                + "pauth=off; Firecracker's CPU template: \"vcpu_features\": [{\"index\": 0, \"bitmap\": "
                + "\"0b000xxxx\"}])")
        #expect(plan.verdict == .no)
    }

    /// Z0 holds V0, which a guest that has SVE switched off uses all the same.
    @Test(arguments: [(3, 0, true), (0, 3, true), (0, 0, false)] as [(UInt64, UInt64, Bool)])
    func vectorsAreInUseWithoutSVE(_ fpen: UInt64, _ zen: UInt64, _ isInUse: Bool) throws {
        var snapshot = try guest(of: try builtIn("6.12-neoverse-v1"))
        // FPEN is bits 21:20, ZEN bits 17:16 (Arm ARM, CPACR_EL1).
        try snapshot.set("CPACR_EL1", fpen << 20 | zen << 16)
        try snapshot.set("z0", 0x1111_2222_3333_4444)
        let plan = try MovePlan(
            of: snapshot, on: builtIn("6.12-neoverse-n1"), policy: RestorePolicy(.safe))
        for name in ["z0", "z31"] {
            let notice = try plan.loss(of: name).notice
            #expect(notice.isInUse == isInUse, "\(name)")
            #expect(notice.text.contains("its low 128 bits are the V register"), "\(notice.text)")
        }
        for name in ["p0", "ffr", "ZCR_EL1"] {
            let notice = try plan.loss(of: name).notice
            #expect(notice.isInUse == (zen != 0), "\(name)")
            #expect(!notice.text.contains("V register"), "\(notice.text)")
        }
    }

    @Test func withoutPointerAuthentication() throws {
        let plan = try plan("6.12-neoverse-v1", on: "6.12-neoverse-n1") { snapshot in
            try snapshot.set("APIAKEYLO_EL1", 5)
        }
        let cause = Cause(.vcpuFeature, "PTRAUTH_ADDRESS")
        let key = try plan.loss(of: "APIAKEYLO_EL1")
        expect(
            key, "absent", cause,
            ["without PTRAUTH_ADDRESS PTRAUTH_GENERIC", "host with PTRAUTH_ADDRESS"])
        #expect(key.restore.pardon == nil)
        #expect(key.notice.isChangedFromReset == true)
        // The guest never wrote the others.
        let unused = try plan.loss(of: "APGAKEYHI_EL1")
        #expect(unused.cause == cause)
        #expect(unused.restore.pardon?.rule == "safe")
        #expect(unused.notice.isChangedFromReset == false)
        #expect(unused.remedies.map(\.name) == ["drop-safely", "without-features", "other-host"])
    }

    @Test func withoutPerformanceMonitors() throws {
        let source = try builtIn("6.12-neoverse-n1")
        var host = source
        host.features = [.psci02]
        let plan = try MovePlan(of: guest(of: source), on: host, policy: safe)
        let cause = Cause(.vcpuFeature, "PMU_V3")
        let remedies = ["without PMU_V3", "host with PMU_V3"]
        expect(try plan.loss(of: "PMCR_EL0"), "absent", cause, remedies)
        expect(try plan.loss(of: "PMCCFILTR_EL0"), "absent", cause, remedies)
        expect(try plan.loss(of: "VCPU_INIT"), "kept-but-masked", cause, remedies)
        // PMCR_EL0.N is 6: there is a counter 5 and no counter 6.
        #expect(try plan.loss(of: "PMEVCNTR5_EL0").restore.pardon == nil)
        #expect(try plan.loss(of: "PMEVCNTR6_EL0").restore.pardon?.rule == "safe")
        expect(
            try plan.loss(of: "ID_AA64DFR0_EL1"), "refused", Cause(.claimsMore),
            ["without PMU_V3", "host with the guest's ID_AA64DFR0_EL1 (PMUVer)"])
    }

    @Test func thirtyTwoBitGuest() throws {
        let source = try builtIn("6.12-cortex-a72")
        let cpus = try start(on: source, features: [.psci02, .el1In32Bit])
        let plan = try MovePlan(
            of: save(cpus, on: source), on: builtIn("6.12-neoverse-n1"), policy: safe)
        // Reset as AArch32 Supervisor mode, interrupts masked.
        #expect(try plan.loss(of: "pstate").restore.wanted == RegisterValue(0x1d3))
        expect(
            try plan.loss(of: "pstate"), "refused", Cause(.executionState),
            ["host with AArch32 at the guest's exception level"])
        expect(
            try plan.loss(of: "VCPU_INIT"), "kept-but-masked", Cause(.vcpuFeature, "EL1_32BIT"),
            ["host with EL1_32BIT"])
    }

    @Test func guestInUserModeOfAArch32() throws {
        // All shipped hosts have AArch32 at EL0, so this one is made without.
        let source = try builtIn("6.12-neoverse-n1")
        var host = source
        try host.set("ID_AA64PFR0_EL1", 0x1100_0000_1111_0111)
        var snapshot = try guest(of: source)
        try snapshot.set("pstate", 0x10)
        let plan = try MovePlan(of: snapshot, on: host, policy: safe)
        #expect(try plan.loss(of: "pstate").cause == Cause(.executionState))
        #expect(
            try MovePlan(of: snapshot, on: source, policy: safe).lostNames.isEmpty)
    }

    // MARK: Kernels and CPU features

    @Test(arguments: [
        ("TCR2_EL1", "6.5"), ("PIR_EL1", "6.5"), ("PIRE0_EL1", "6.5"), ("CNTPCT_EL0", "6.4"),
        ("CNTP_CTL_EL0", "6.4"), ("CNTP_CVAL_EL0", "6.4"),
    ])
    func kernelThatDoesNotListIt(_ name: String, _ version: String) throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.1-neoverse-n1") { snapshot in
            try snapshot.set("ID_AA64MMFR3_EL1", 0x101)
            try snapshot.set(name, 5)
        }
        // Since 6.13 vCPUs of this CPU do not have what it lacks.
        let end = version == "6.5" ? ", but older than 6.13" : ""
        expect(
            try plan.loss(of: name), "absent", Cause(.kernel, version),
            ["Linux \(version)", "host with Linux \(version) or newer\(end)"])
        #expect(try plan.loss(of: name).restore.pardon == nil)
        #expect(
            Cause(.kernel, version).text
                == "the destination's kernel is older than Linux \(version)")
    }

    /// A kernel that knows TCR2_EL1, on a CPU without it.
    @Test func cpuWithoutTheFeature() throws {
        let source = try builtIn("6.12-neoverse-n1")
        var host = source
        host.kernelRelease = "6.14.0"
        let hidden = try Set(["TCR2_EL1", "PIRE0_EL1", "PIR_EL1"].map(register))
        host.registers = RegisterList(host.registers.filter { !hidden.contains($0.0) }) ?? .init()
        var snapshot = try guest(of: source)
        let plan = try MovePlan(of: snapshot, on: host, policy: safe)
        #expect(plan.verdict == .yesWithPolicy("safe"))
        #expect(plan.lostNames == ["TCR2_EL1", "PIRE0_EL1", "PIR_EL1"])
        let cause = Cause(.cpuFeature, "ID_AA64MMFR3_EL1.TCRX")
        #expect(try plan.loss(of: "TCR2_EL1").cause == cause)
        #expect(cause.text == "the destination's CPU lacks ID_AA64MMFR3_EL1.TCRX")
        #expect(
            try plan.loss(of: "PIR_EL1").cause == Cause(.cpuFeature, "ID_AA64MMFR3_EL1.S1PIE"))
        // A guest that was told of the feature does not lose it without notice.
        try snapshot.set("ID_AA64MMFR3_EL1", 1)
        try snapshot.set("TCR2_EL1", 5)
        let promised = try MovePlan(of: snapshot, on: host, policy: safe)
        #expect(promised.verdict == .no)
        expect(
            try promised.loss(of: "TCR2_EL1"), "absent", cause,
            ["host with ID_AA64MMFR3_EL1.TCRX"])
    }

    @Test func errorThatTheCPUCannotDescribe() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.12-cortex-a72") { snapshot in
            let events = VCPUEvents(isPending: true, hasSyndrome: true, syndrome: 5)
            snapshot.vcpus[0].registers.set(events.value, for: .vcpuEvents)
        }
        expect(
            try plan.loss(of: "VCPU_EVENTS"), "refused", Cause(.cpuFeature, "ID_AA64PFR0_EL1.RAS"),
            ["host with ID_AA64PFR0_EL1.RAS"])
    }

    // MARK: Identification

    @Test func idRegisterThatPromisesMore() throws {
        // DebugVer 8 of 6.12 against 6, the most that Linux 6.1 gives.
        let plan = try plan("6.12-neoverse-n1", on: "6.1-neoverse-n1")
        expect(
            try plan.loss(of: "ID_AA64DFR0_EL1"), "refused", Cause(.claimsMore),
            [
                "lower ID_AA64DFR0_EL1: DebugVer=6", "Linux 6.7",
                "host with the guest's ID_AA64DFR0_EL1 (DebugVer)",
            ])
    }

    /// What the source's kernel lets no one change cannot be lowered, so it is not offered.
    @Test func fieldThatCannotBeLowered() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.12-cortex-a72")
        expect(
            try plan.loss(of: "ID_AA64PFR0_EL1"), "refused", Cause(.claimsMore),
            [
                "lower ID_AA64PFR0_EL1: CSV2=0", "start on 6.17 for ID_AA64PFR0_EL1 RAS",
                "host with the guest's ID_AA64PFR0_EL1 (CSV2, RAS, AdvSIMD, FP)",
            ])
        // 6.1 lets no one change ID_AA64ISAR0_EL1 at all.
        let old = try self.plan("6.1-neoverse-v1", on: "6.1-neoverse-n1")
        let fields = "RNDR, TS, FHM, SM4, SM3, SHA3, SHA2"
        expect(
            try old.loss(of: "ID_AA64ISAR0_EL1"), "refused", Cause(.claimsMore),
            [
                "start on 6.7 for ID_AA64ISAR0_EL1 \(fields.split(separator: ", ").joined(separator: " "))",
                "host with the guest's ID_AA64ISAR0_EL1 (\(fields))",
            ])
    }

    @Test func unknownSourceMayHaveToBeNewer() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.1-neoverse-n1") { snapshot in
            snapshot.provenance[.kernel] = nil
        }
        #expect(
            try plan.loss(of: "ID_AA64DFR0_EL1").remedies.map(\.name)
                == ["start-on-kernel", "upgrade-kernel", "other-host", "policy"])
    }

    @Test func otherImplementation() throws {
        let plan = try plan("6.12-cortex-a57", on: "6.12-cortex-a72")
        #expect(plan.lostNames == ["MIDR_EL1"])
        expect(
            try plan.loss(of: "MIDR_EL1"), "refused", Cause(.implementation),
            [
                "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS of 6.15", "pin to CORTEX_A57",
                "host with MIDR_EL1 0x411fd070 (ARM CORTEX_A57 r1p0)",
            ])
        // Servers have one type of CPU.
        let server = try self.plan("6.12-neoverse-n1", on: "6.12-neoverse-v1")
        #expect(!(try server.loss(of: "MIDR_EL1").remedies.map(\.name).contains("pin-vcpus")))
        #expect(plan.units[0].byCause.map(\.cause) == [Cause(.implementation)])
    }

    /// KVM of Linux 6.1 was told the target of the CPU, which another CPU's host does not take.
    @Test func otherTarget() throws {
        let plan = try plan("6.1-cortex-a57", on: "6.12-neoverse-n1")
        #expect(try plan.loss(of: "VCPU_INIT").cause == Cause(.implementation))
        #expect(try plan.loss(of: "VCPU_INIT").restore.pardon?.rule == "safe")
    }

    @Test func otherCaches() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.1-neoverse-n1")
        func expectOwn(_ name: String, with others: [String] = []) throws {
            let loss = try plan.loss(of: name)
            let presets = try ([name] + others).map { name in
                "preset \(name): \(try #require(try plan.loss(of: name).restore.found))"
            }
            let wanted = try #require(loss.restore.wanted)
            expect(
                loss, "refused", Cause(.cacheGeometry),
                presets + ["Linux 6.3", "host with \(name) \(wanted)"])
        }
        // A guest with those levels is told of each cache, also of one that its own CLIDR_EL1 does not have.
        #expect(try plan.loss(of: "CCSIDR0").restore.pardon?.rule == "safe")
        try expectOwn("CLIDR_EL1", with: ["CCSIDR0", "CCSIDR1", "CCSIDR2"])
        try expectOwn("CCSIDR1")
        // CLIDR_EL1 is 0x2000021: a unified cache on level 2, nothing on level 3.
        try expectOwn("CCSIDR2")
        #expect(try plan.loss(of: "CCSIDR2").restore.pardon == nil)
        #expect(try plan.loss(of: "CCSIDR4").restore.outcome == .absent)
        #expect(try plan.loss(of: "CCSIDR4").restore.pardon?.rule == "safe")
        #expect(
            try plan.loss(of: "CCSIDR4").remedies.map(\.name)
                == ["drop-safely"] + Array(repeating: "preset-register", count: 4)
                + ["upgrade-kernel", "other-host"])
        // CTR_EL0.IDC of the N1 is 1, of the A72 0.
        let type = try self.plan("6.12-neoverse-n1", on: "6.12-cortex-a72")
        #expect(try type.loss(of: "CTR_EL0").cause == Cause(.cacheGeometry))
        #expect(
            try type.loss(of: "CLIDR_EL1").remedies.map(\.name)
                == ["preset-register", "other-host", "policy"])
    }

    // MARK: Firmware

    @Test func psciOfANewerKernel() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.12-neoverse-n1") { snapshot in
            try snapshot.set("PSCI_VERSION", 0x1_0003)
        }
        #expect(plan.lostNames == ["PSCI_VERSION"])
        expect(
            try plan.loss(of: "PSCI_VERSION"), "refused", Cause(.psciVersion),
            ["PSCI 1.1", "Linux 6.13", "host with PSCI 1.3"])
    }

    @Test func servicesThatTheHostDoesNotHave() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.12-neoverse-n1") { snapshot in
            try snapshot.set("STD_BMAP", 0x3)
            try snapshot.set("VENDOR_HYP_BMAP_2", 0x1)
        }
        #expect(plan.lostNames == ["STD_BMAP", "VENDOR_HYP_BMAP_2"])
        // Which kernel that is the dictionary says.
        let bitmap = try register("VENDOR_HYP_BMAP_2")
        let since = try #require(RegisterDictionary.entry(for: bitmap)?.listedSince).description
        expect(
            try plan.loss(of: "STD_BMAP"), "refused", Cause(.firmware),
            [
                "restrict STD_BMAP: 2",
                "host with the services 0x2 of STD_BMAP",
            ])
        expect(
            try plan.loss(of: "VENDOR_HYP_BMAP_2"), "absent", Cause(.kernel, since),
            [
                "restrict VENDOR_HYP_BMAP_2: 1", "Linux \(since)",
                "host with Linux \(since) or newer",
            ])
    }

    @Test func mitigationThatTheHostDoesNotHave() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.12-cortex-a72")
        expect(
            try plan.loss(of: "SMCCC_ARCH_WORKAROUND_1"), "refused", Cause(.firmware),
            [
                "firmware with SMCCC_ARCH_WORKAROUND_1",
                "host with SMCCC_ARCH_WORKAROUND_1 at NOT_REQUIRED (2)",
            ])
    }

    // MARK: The rest

    @Test func otherVectorLengths() throws {
        let plan = try plan("6.12-max", on: "6.12-neoverse-v1")
        expect(
            try plan.loss(of: "SVE_VLS"), "refused", Cause(.vectorLengths),
            [
                "vectors of 256: 0x3",
                "host with SVE vectors of \((1...16).map { "\($0 * 128)" }.joined(separator: ", ")) bits, "
                    + "and of no other length up to there",
            ])
    }

    @Test func monitorsOfAnOlderKernel() throws {
        let plan = try plan("6.1-neoverse-n1", on: "6.12-neoverse-n1")
        #expect(plan.lostNames == ["PMCR_EL0"])
        #expect(try plan.loss(of: "PMCR_EL0").restore.outcome.name == "kept-but-masked")
        let loss = try plan.loss(of: "PMCR_EL0")
        // Both have six counters; IMP and IDCODE are what is lost.
        let older = "Linux before 6.7, which keeps PMCR_EL0 as it was saved"
        expect(
            loss, "kept-but-masked", Cause(.kernelView, "PMCR_EL0 (IMP, IDCODE)"),
            ["drop", "lower PMCR_EL0: IMP=0 IDCODE=0", "without PMU_V3", "host with \(older)"])
        #expect(loss.restore.pardon?.rule == "safe")
        #expect(loss.notice.isChangedFromReset == nil)
        let host = try builtIn("6.12-neoverse-n1")
        for (kernel, isLost) in [("6.6", false), ("6.7", true)] {
            let plan = try MovePlan(
                of: guest(of: builtIn("6.1-neoverse-n1")), on: host.withKernel(kernel, like: []),
                policy: safe)
            #expect(plan.lostNames.contains("PMCR_EL0") == isLost, "Linux \(kernel)")
        }
    }

    /// Linux 7.4 lists the PMU's registers of a guest with PMUVer, and 5.11 those of a vCPU with the feature.
    @Test func monitorsThatTheGuestDoesNotHave() throws {
        var snapshot = try guest(of: builtIn("7.3-neoverse-n1"))
        let version = RegisterField.IDAA64DFR0EL1.pmuVer.mask
        try snapshot.set(
            "ID_AA64DFR0_EL1", builtIn("7.3-neoverse-n1").bits("ID_AA64DFR0_EL1") & ~version)
        let newer = try builtIn("7.3-neoverse-n1").withKernel("7.4", like: [])
        let losses = try MovePlan(of: snapshot, on: newer, policy: RestorePolicy(.exact)).units[0]
            .losses
        let absent = losses.filter { $0.restore.outcome == .absent }
        #expect(absent.count > 70)
        for loss in absent {
            #expect(loss.cause == Cause(.guestFeature, "ID_AA64DFR0_EL1.PMUVer"))
            #expect(loss.remedies.map(\.name) == ["drop-safely", "other-host"])
        }
    }

    /// A kernel before 5.15 keeps what the guest wrote, which no kernel lets it read.
    @Test func softwareIncrement() throws {
        let old = try builtIn("6.1-neoverse-n1").withKernel("5.10", like: [])
        var snapshot = try guest(of: old)
        try snapshot.set("PMSWINC_EL0", 3)
        let plan = try MovePlan(of: snapshot, on: builtIn("6.1-neoverse-n1"), policy: safe)
        let loss = try plan.loss(of: "PMSWINC_EL0")
        #expect(loss.restore.outcome.name == "accepted-then-changed")
        #expect(loss.restore.pardon?.rule == "safe")
        #expect(loss.remedies.map(\.name).first == "drop-safely")
    }

    // MARK: Fields of ID registers

    /// The host's own value, 2, is one that Linux lets no other host take; 1 (not supported) it takes everywhere.
    @Test func valueThatEveryHostTakes() throws {
        var (source, host) = (try builtIn("7.3-neoverse-n2"), try builtIn("7.3-neoverse-n2"))
        try source.setField("ID_AA64MMFR0_EL1", "TGRAN4_2", 3)
        try host.setField("ID_AA64MMFR0_EL1", "TGRAN4_2", 2)
        let loss = try MovePlan(of: guest(of: source), on: host, policy: safe)
            .loss(of: "ID_AA64MMFR0_EL1")
        #expect(loss.remedies.map(short).contains("lower ID_AA64MMFR0_EL1: TGRAN4_2=1"))
    }

    /// Of which algorithm the keys are no kernel lets anyone choose.
    @Test func keysOfAnotherAlgorithm() throws {
        var (source, host) = (try builtIn("7.3-neoverse-v1"), try builtIn("7.3-neoverse-v1"))
        for (field, own, other) in [("APA", 1, 0), ("API", 0, 1)] as [(String, UInt64, UInt64)] {
            try source.setField("ID_AA64ISAR1_EL1", field, own)
            try host.setField("ID_AA64ISAR1_EL1", field, other)
        }
        let loss = try MovePlan(of: guest(of: source), on: host, policy: safe)
            .loss(of: "ID_AA64ISAR1_EL1")
        #expect(loss.remedies.map(short).first == "without PTRAUTH_ADDRESS PTRAUTH_GENERIC")
        #expect(loss.remedies.first?.text.contains("pauth=off") == true)
        let obstacles = try Baseline(of: [source, host]).obstacles
        #expect(obstacles.map(\.register.name).contains("ID_AA64ISAR1_EL1"))
        #expect(obstacles.allSatisfy { $0.text.contains("pauth=off") })
    }

    /// The guest keeps what the host takes of a register, and of the rest nothing else is given up.
    @Test func policyOfFields() throws {
        let source = try builtIn("6.12-neoverse-n1")
        var host = source
        try host.setField("ID_AA64ISAR0_EL1", "AES", 1)
        var snapshot = try guest(of: source)
        let id = try register("ID_AA64ISAR0_EL1")
        let atomics = try #require(RegisterDictionary.entry(for: id)?.field(named: "ATOMIC"))
        try snapshot.set("ID_AA64ISAR0_EL1", source.bits("ID_AA64ISAR0_EL1") & ~atomics.mask)
        var proposal = PolicyProposal()
        proposal.add(try MovePlan(of: snapshot, on: host, policy: safe))
        #expect(
            proposal.proposed.map(\.rule.description) == ["override ID_AA64ISAR0_EL1.AES 0x1"])
        let moved = try MovePlan(of: snapshot, on: host, policy: proposal.policy(after: safe))
        #expect(moved.verdict != .no)
        let restored = moved.units[0].report.registers.first { $0.id == id }
        #expect(restored?.found.map { atomics.extract(from: $0.lowBits) } == 0)
    }

    /// Hosts that have different values of a field cannot share one for it.
    @Test func policyOfSeveralHosts() throws {
        let source = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: source)
        // Without ATOMIC, bits 23:20.
        try snapshot.set("ID_AA64ISAR0_EL1", source.bits("ID_AA64ISAR0_EL1") & ~(0xf << 20))
        var proposal = PolicyProposal()
        for value in [0, 1] as [UInt64] {
            var host = source
            try host.setField("ID_AA64ISAR0_EL1", "AES", value)
            proposal.add(try MovePlan(of: snapshot, on: host, policy: safe))
        }
        #expect(proposal.proposed.map(\.rule.description) == ["drop ID_AA64ISAR0_EL1"])
    }

    @Test func fewerCounters() throws {
        // PMCR_EL0.N, bits 15:11: the host has 6.
        let plan = try plan("6.12-cortex-a72", on: "6.12-cortex-a57") { snapshot in
            try snapshot.set("PMCR_EL0", 0x4000)
        }
        #expect(
            try plan.loss(of: "PMCR_EL0").remedies.filter { $0.name != "start-fresh" }.map(short)
                == [
                    "without PMU_V3", "counters 6", "host with 8 event counters",
                    "policy accept-masked PMCR_EL0 0x7000",
                ])
    }

    /// A counter counts by itself: no one can tell that the guest never wrote it.
    @Test(arguments: ["PMCCNTR_EL0", "PMEVCNTR0_EL0"])
    func counterIsNeverSaidToBeUnchanged(_ name: String) throws {
        let source = try builtIn("6.12-neoverse-n1")
        var host = source
        host.features = [.psci02]
        var snapshot = try guest(of: source)
        try snapshot.set(name, 0x1234)
        let plan = try MovePlan(of: snapshot, on: host, policy: safe)
        #expect(try plan.loss(of: name).notice.isChangedFromReset == nil)
    }

    @Test func registerThatNobodyKnows() throws {
        let plan = try plan("6.12-neoverse-n1", on: "6.12-neoverse-n1") { snapshot in
            try snapshot.set("S3_0_C15_C2_1", 5)
        }
        expect(
            try plan.loss(of: "S3_0_C15_C2_1"), "absent", Cause(.other),
            ["host with S3_0_C15_C2_1 0x5"])
    }

    /// Every loss has a cause of the page's list and something that can be done.
    @Test(arguments: HostProfile.builtInNames, HostProfile.builtInNames)
    func everyLossIsExplained(_ source: String, _ destination: String) throws {
        let causes: Set = [
            "cpu-feature", "vcpu-feature", "kernel", "claims-more", "implementation",
            "cache-geometry", "psci-version", "firmware", "sve-lengths", "performance-monitors",
            "execution-state", "kernel-view",
        ]
        let plan = try plan(source, on: destination)
        for loss in plan.units[0].losses {
            // Of what differs between these hosts nothing stays without a cause.
            #expect(causes.contains(loss.cause.kind.rawValue), "\(loss.restore.id)")
            let isPardoned = loss.restore.pardon != nil
            #expect(loss.remedies.contains { $0.name == "drop-safely" } == isPardoned)
        }
        let grouped = plan.units[0].byCause
        #expect(grouped.map(\.cause) == grouped.map(\.cause).sorted())
        #expect(Set(grouped.map(\.cause)).count == grouped.count)
        #expect(grouped.flatMap(\.losses).count == plan.units[0].losses.count)
        #expect(grouped.allSatisfy { group in group.losses.allSatisfy { $0.cause == group.cause } })
    }

    // MARK: Notices

    @Test func whatTheGuestChanged() throws {
        func notice(_ name: String, _ bits: UInt64) throws -> GuestImpact {
            try plan("6.12-neoverse-n1", on: "6.1-neoverse-n1") { snapshot in
                try snapshot.set(name, bits)
            }.loss(of: name).notice
        }
        #expect(try notice("TCR2_EL1", 0).isChangedFromReset == false)
        #expect(try notice("TCR2_EL1", 1).isChangedFromReset == true)
        #expect(try notice("PIR_EL1", 0x1de7_ec7e_dbad_c0de).isChangedFromReset == false)
        #expect(try notice("PIR_EL1", 0).isChangedFromReset == true)
        // ISTATUS, bit 2, is not the guest's doing.
        #expect(try notice("CNTP_CTL_EL0", 4).isChangedFromReset == false)
        #expect(try notice("CNTP_CTL_EL0", 2).isChangedFromReset == true)
        // An ID register is given to the guest, it cannot change it.
        #expect(try notice("ID_AA64DFR0_EL1", 0x1030_5408).isChangedFromReset == nil)
        #expect(try notice("CLIDR_EL1", 0x200_0021).isChangedFromReset == nil)
    }

    @Test(arguments: [
        // CPACR_EL1.ZEN is bits 17:16.
        ("CPACR_EL1", 0x3_0000 as UInt64, "p0", "never changed; in use, CPACR_EL1.ZEN is 0x3"),
        ("CPACR_EL1", 0x30_0000, "p0", "never changed; not in use, CPACR_EL1.ZEN is 0x0"),
        (
            "CPACR_EL1", 0x1_0000, "ZCR_EL1",
            "never changed; in use, CPACR_EL1.ZEN is 0x1"
        ),
        ("CPACR_EL1", 0x1_0000, "ID_AA64PFR0_EL1", "in use, CPACR_EL1.ZEN is 0x1"),
        // SCTLR_EL1: EnIA is bit 31, EnIB 30, EnDA 27, EnDB 13.
        (
            "SCTLR_EL1", 0x800_0000, "APDAKEYLO_EL1",
            "never changed; in use, SCTLR_EL1.EnIA is 0x0, SCTLR_EL1.EnIB is 0x0, "
                + "SCTLR_EL1.EnDA is 0x1, SCTLR_EL1.EnDB is 0x0"
        ),
        // Nothing switches the implementation on.
        ("CPACR_EL1", 0x3_0000, "MIDR_EL1", ""),
    ])
    func whatTheGuestHasSwitchedOn(
        _ control: String, _ bits: UInt64, _ lost: String, _ text: String
    ) throws {
        let plan = try plan("6.12-neoverse-v1", on: "6.12-neoverse-n1") { snapshot in
            try snapshot.set(control, bits)
        }
        #expect(try plan.loss(of: lost).notice.text == text)
    }

    /// TCR2_EL1.PIE is bit 1, CNTP_CTL_EL0.ENABLE bit 0 (Arm ARM).
    @Test func controlsOfNewerRegisters() throws {
        func notice(_ control: String, _ bits: UInt64, _ lost: String) throws -> GuestImpact {
            try plan("6.12-neoverse-n1", on: "6.1-neoverse-n1") { snapshot in
                try snapshot.set(control, bits)
            }.loss(of: lost).notice
        }
        #expect(try notice("TCR2_EL1", 2, "PIR_EL1").isInUse == true)
        #expect(try notice("TCR2_EL1", 1, "PIR_EL1").isInUse == false)
        #expect(try notice("TCR2_EL1", 1, "TCR2_EL1").isInUse == true)
        #expect(try notice("CNTP_CTL_EL0", 1, "CNTP_CTL_EL0").isInUse == true)
        #expect(try notice("CNTP_CTL_EL0", 2, "CNTP_CTL_EL0").isInUse == false)
        // The counter counts whatever the timer does.
        #expect(try notice("CNTP_CTL_EL0", 2, "CNTPCT_EL0").isInUse == nil)
        // MDSCR_EL1.MDE is bit 15: the debug version was promised.
        #expect(try notice("MDSCR_EL1", 0x8000, "ID_AA64DFR0_EL1").isInUse == true)
        #expect(try notice("MDSCR_EL1", 0, "ID_AA64DFR0_EL1").isInUse == false)
        #expect(try notice("MDSCR_EL1", 0, "CCSIDR4").isInUse == nil)
    }

    /// A host with four small cores and four large ones, each kind recorded by itself.
    @Test func twoKindsOfCores() throws {
        var (small, large) = (try builtIn("6.12-cortex-a57"), try builtIn("6.12-neoverse-n1"))
        let snapshot = try guest(of: large)
        (small.cpus, large.cpus) = ("0-3", "4-7")
        small.midr = 0x412f_d050
        let again = try HostProfile(parsing: large.text, file: "again")
        #expect(again == large && again.cpus == "4-7")
        let policy = RestorePolicy(.exact)
        let plans = try [small, large].map { try MovePlan(of: snapshot, on: $0, policy: policy) }
        #expect(plans.map(\.verdict) == [.no, .yes])
        #expect(plans.map { $0.notices.first?.name } == ["some-cpus", "some-cpus"])
        let texts = plans.compactMap { $0.notices.first?.text }
        #expect(texts[0].contains("CPUs 0-3 (ARM CORTEX_A55") && !texts[0].contains("taskset"))
        #expect(texts[1].contains("taskset -c 4-7") && texts[1].contains("vcpupin"))
        large.cpus = nil
        #expect(try MovePlan(of: snapshot, on: large, policy: policy).notices.isEmpty)
    }

    @Test(
        "What is no list of CPUs is an extension without a meaning",
        arguments: ["", " 0;x", " 0-3 4", " ,", " 3-0", " 1,0", " 0-8192"])
    func noCPUs(_ words: String) throws {
        var profile = try builtIn("6.12-neoverse-n1")
        profile.extensions = ["x-cpus" + words]
        #expect(profile.cpus == nil)
        profile.cpus = "1"
        #expect(profile.extensions == ["x-cpus 1"])
    }
}
