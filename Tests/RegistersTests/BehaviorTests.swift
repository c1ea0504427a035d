import Registers
import Testing

struct BehaviorTests {
    private func entry(_ name: String) throws -> RegisterEntry {
        try #require(RegisterDictionary.entry(named: name))
    }

    @Test func classOfID_AA64PFR0_EL1OverKernels() throws {
        let register = try entry("ID_AA64PFR0_EL1")
        let old = try #require(register.behavior(onKernel: KernelVersion(6, 1, 55)))
        #expect(old.behaviorClass == .constrained && old.traits.contains(.idPolicy))
        // Linux 6.1 lets only CSV2 and CSV3 change.
        #expect(register.writableMask(onKernel: KernelVersion(6, 1, 55)) == 0xff00_0000_0000_0000)
        #expect(register.writableMask(onKernel: KernelVersion(6, 12, 117)) == 0xffff_00f0_0f00_ffff)
        #expect(register.newestBehavior?.mask == 0xffff_00f0_ff00_ffff)
    }

    @Test func kernelsOlderThanTheExaminedOnesCountAsTheOldest() throws {
        let register = try entry("CLIDR_EL1")
        let oldest = try #require(register.behavior(onKernel: KernelVersion(6, 1)))
        #expect(register.behavior(onKernel: KernelVersion(5, 10)) == oldest)
        #expect(register.behavior(onKernel: KernelVersion(4, 14)) == oldest)
    }

    @Test func whatIsDatedEarlierIsNotThatOfTheOldestExaminedKernel() throws {
        let register = try entry("ID_AA64PFR0_EL1")
        let masks = [(5, 4), (5, 10), (5, 11), (6, 1)].map {
            register.writableMask(onKernel: KernelVersion($0.0, $0.1))
        }
        #expect(masks == [0, 0x0f00 << 48, 0xff00 << 48, 0xff00 << 48])
        // 4.14 does not list it; what is known first counts.
        #expect(register.writableMask(onKernel: KernelVersion(4, 14)) == 0)
    }

    @Test func cacheLevelIDBecameWritable() throws {
        let register = try entry("CLIDR_EL1")
        let old = try #require(register.behavior(onKernel: KernelVersion(6, 1)))
        let new = try #require(register.behavior(onKernel: KernelVersion(6, 12)))
        #expect(old.behaviorClass == .invariant && old.refusalRule != nil)
        #expect(new.behaviorClass == .constrained)
        #expect(new.refusalRule?.contains("CTR_EL0.IDC") == true)
    }

    @Test func performanceMonitorSetRegistersOverKernels() throws {
        let register = try entry("PMCNTENSET_EL0")
        #expect(register.behavior(onKernel: KernelVersion(6, 1))?.setClear == nil)
        #expect(register.behavior(onKernel: KernelVersion(6, 6))?.setClear == nil)
        #expect(register.behavior(onKernel: KernelVersion(6, 7))?.setClear == .orAndClear)
        #expect(register.behavior(onKernel: KernelVersion(6, 12, 117))?.setClear == .orAndClear)
        #expect(register.behavior(onKernel: KernelVersion(6, 15))?.setClear == .assign)
        #expect(register.behavior(onKernel: KernelVersion(7, 3))?.needs == [.feature("PMU_V3")])
        #expect(register.newestBehavior?.needs.count == 2)
        #expect(register.newestBehavior?.traits.contains(.keepsImplementedCounters) == true)
    }

    /// The writable AArch32 ID registers are in Linux 6.18 and were backported to 6.17 and 6.12.
    @Test func aBackportHoldsForItsSeriesOnly() throws {
        let register = try entry("ID_ISAR0_EL1")
        #expect(register.behavior(onKernel: KernelVersion(6, 11))?.behaviorClass == .invariant)
        let backport = try #require(register.behavior(onKernel: KernelVersion(6, 12, 117)))
        #expect(backport.behaviorClass == .constrained)
        #expect(backport.traits.contains(.zeroWithoutAArch32))
        #expect(register.behavior(onKernel: KernelVersion(6, 14))?.behaviorClass == .invariant)
        #expect(register.behavior(onKernel: KernelVersion(7, 0))?.behaviorClass == .constrained)
    }

    @Test func registersThatCameAndWent() throws {
        let register = try entry("RVBAR_EL2")
        #expect(register.behavior(onKernel: KernelVersion(6, 1)) == nil)
        #expect(register.behavior(onKernel: KernelVersion(6, 2)) == nil)
        #expect(register.behavior(onKernel: KernelVersion(6, 3)) != nil)
        #expect(register.behavior(onKernel: KernelVersion(6, 17)) == nil)
        #expect(register.newestBehavior == nil)
        #expect(register.listedSince == KernelVersion(6, 16))
        #expect(register.absentIn == KernelVersion(6, 14))
        #expect(register.behaviorHistory.map { $0.behavior == nil } == [false, true])
    }

    @Test func masksResetAndCapability() throws {
        let control = try #require(entry("CNTV_CTL_EL0").newestBehavior)
        #expect(control.drops == 4 && control.keeps == nil && control.reset == 0)
        #expect(try entry("PMCR_EL0").newestBehavior?.keeps == 0xff)
        #expect(try entry("OSLSR_EL1").newestBehavior?.mask == 2)
        #expect(try entry("SCTLR_EL1").newestBehavior?.reset == 0xc5_0078)
        #expect(try entry("MPIDR_EL1").newestBehavior?.reset == nil)
        let midr = try #require(entry("MIDR_EL1").newestBehavior)
        #expect(midr.behaviorClass == .invariant)
        #expect(midr.capability == "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS")
    }

    @Test func conditions() throws {
        let keys = try #require(entry("APIAKEYLO_EL1").newestBehavior)
        #expect(keys.needs == [.feature("PTRAUTH_ADDRESS"), .feature("PTRAUTH_GENERIC")])
        #expect(try entry("v0").newestBehavior?.needs == [.notFeature("SVE")])
        #expect(try entry("z0").newestBehavior?.needs == [.feature("SVE"), .finalized("SVE")])
        let needs = try #require(entry("PIR_EL1").newestBehavior?.needs)
        guard case .idField(let field)? = needs.last else {
            Issue.record("PIR_EL1 needs an ID field")
            return
        }
        #expect(field.register.name == "ID_AA64MMFR3_EL1" && field.field == "S1PIE")
        #expect(field.holds(for: 1 << UInt64(field.lsb)) && !field.holds(for: 0))
        #expect(needs.last?.description == "ID_AA64MMFR3_EL1.S1PIE of at least 1")
    }

    @Test func everyNeededFeatureAndCapabilityIsKnown() {
        let features = Set(VCPUFeature.all.map(\.name))
        let capabilities = Set(KVMCapability.all.map(\.name))
        for entry in RegisterDictionary.all {
            for change in entry.behaviorHistory {
                for need in change.behavior?.needs ?? [] {
                    switch need {
                    case .feature(let name), .notFeature(let name), .finalized(let name):
                        #expect(features.contains(name))
                    case .capability(let name): #expect(capabilities.contains(name))
                    case .idField(let field): #expect(field.minimum > 0)
                    }
                }
                for rule in entry.idFieldRules {
                    let named = [rule.feature] + rule.specials.map(\.feature)
                    #expect(features.isSuperset(of: named.compactMap(\.self)))
                }
                if let capability = change.behavior?.capability {
                    #expect(capabilities.contains(capability))
                }
            }
        }
    }

    @Test func histories() {
        for entry in RegisterDictionary.all {
            let history = entry.behaviorHistory
            let kernels = history.map(\.from)
            #expect(zip(kernels, kernels.dropFirst()).allSatisfy { $0 < $1 }, "\(entry.name)")
            #expect(history.allSatisfy { change in change.until.map { change.from < $0 } ?? true })
        }
    }

    @Test func featuresAndCapabilities() throws {
        let sve = try #require(VCPUFeature.all.first { $0.name == "SVE" })
        #expect(sve.bit == 4 && sve.capability == "KVM_CAP_ARM_SVE")
        #expect(sve.since == KernelVersion(5, 2))
        let fields = try #require(RegisterDictionary.entry(for: .vcpuInit)).fields
        for feature in VCPUFeature.all {
            #expect(fields.contains { $0.name == feature.name && $0.lsb == 32 + feature.bit })
        }
        let capability = try #require(KVMCapability.all.first { $0.name == sve.capability })
        #expect(capability.number == 170 && capability.isReportedByARM64)
    }
}
