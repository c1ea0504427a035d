import Emulation
import Registers
import TestSubjects
import Testing
import VCPUModel

/// Which kernel's rules a host follows is found out by trying.
struct RulesTrialTests {
    private func trial(_ profile: HostProfile, on host: HostProfile) -> String? {
        RulesTrial(profile).rulesRelease(trying: EmulatedCPU(profile: host, initialized: true))
    }

    @Test(arguments: HostProfile.builtInNames)
    func aKernelFollowsItsOwnRules(_ name: String) throws {
        let profile = try builtIn(name)
        #expect(trial(profile, on: profile) == nil)
    }

    /// A host with the KVM of one kernel and the version of another.
    @Test(arguments: [
        ("6.12-neoverse-n1", "5.14.0-570.el9.aarch64"), ("6.12-max", "5.10.0-136.oe2203.aarch64"),
        ("6.12-cortex-a57", "6.1.0"), ("6.1-neoverse-n1", "6.12.0"), ("6.1-max", "7.3.4"),
    ])
    func vendorsKernel(_ name: String, _ release: String) throws {
        let host = try builtIn(name)
        var profile = host
        profile.kernelRelease = release
        // A recording that knows nothing but what it tries.
        profile.writableMasks = [:]
        let found = try #require(trial(profile, on: host))
        profile.rulesRelease = found
        let again = try HostProfile(parsing: profile.text, file: "again")
        #expect(again == profile && again.kernel == KernelVersion(parsing: found))
        // What is refused there, and what is accepted, is so by these rules too.
        let (real, emulated) = (
            EmulatedCPU(profile: host, initialized: true),
            EmulatedCPU(profile: again, initialized: true)
        )
        for name in ["CLIDR_EL1", "CCSIDR0", "PMCR_EL0", "PMCNTENSET_EL0", "CTR_EL0"] {
            for bits in [0, 0x3, 0x2000021, .max] as [UInt64] {
                let id = try register(name)
                let value = RegisterValue(bits, size: id.size ?? 8)
                let expected = (try? real.write(value, to: id)) != nil
                #expect(
                    ((try? emulated.write(value, to: id)) != nil) == expected, "\(name) \(value)")
                #expect(try real.read(id) == emulated.read(id), "\(name) \(value)")
            }
        }
    }

    /// A kernel into which a vendor ported some of another one: one register each way that writes can be taken.
    @Test func portedBackInPart() throws {
        let profile = try builtIn("6.1-neoverse-n1")
        var host = profile
        host.overrides = [
            .clidrEL1: BehaviorOverride(.writable), .idAA64PFR0EL1: BehaviorOverride(.writeIgnored),
            .ctrEL0: BehaviorOverride(.sanitized, mask: 0x3000_0000),
            .pmcrEL0: BehaviorOverride(.invariant),
        ]
        let bank = EmulatedCPU(profile: host, initialized: true)
        let result = RulesTrial(profile).overrides(trying: bank, by: nil)
        #expect(result.unexplained.isEmpty)
        #expect(result.found == host.overrides)
    }

    @Test(arguments: HostProfile.builtInNames)
    func nothingIsPortedBack(_ name: String) throws {
        let profile = try builtIn(name)
        let bank = EmulatedCPU(profile: profile, initialized: true)
        let result = RulesTrial(profile).overrides(trying: bank, by: nil)
        #expect(result.found.isEmpty && result.unexplained.isEmpty)
    }

    // MARK: What a profile says of it

    private func isCLIDRWritable(_ profile: HostProfile) throws -> Bool {
        let cpu = EmulatedCPU(profile: profile, initialized: true)
        let other = try cpu.bits("CLIDR_EL1") ^ 0x100
        return (try? cpu.set("CLIDR_EL1", other)) != nil
    }

    private func isCCSIDRWritable(_ profile: HostProfile) throws -> Bool {
        let cpu = EmulatedCPU(profile: profile, initialized: true)
        return (try? cpu.set("CCSIDR0", 0x7)) != nil
    }

    /// What the kernel itself says outweighs what is known of its version.
    @Test(arguments: ["5.14.0-570.el9.aarch64", "4.18.0", "6.1.0", "6.4.16"])
    func maskOutweighsTheVersion(_ release: String) throws {
        var profile = try builtIn("6.12-neoverse-n1")
        profile.kernelRelease = release
        #expect(try isCLIDRWritable(profile) && isCCSIDRWritable(profile))
        // With the one mask alone too.
        profile.writableMasks = [.clidrEL1: 0x7fff_ffff_ffff]
        #expect(try isCLIDRWritable(profile) && isCCSIDRWritable(profile))
        // A class outweighs the mask.
        profile.overrides = [.clidrEL1: BehaviorOverride(.invariant)]
        #expect(try !isCLIDRWritable(profile) && isCCSIDRWritable(profile))
    }

    @Test func versionsOfHostsWithMasks() throws {
        var profile = try builtIn("6.12-neoverse-n1")
        #expect(profile.kernel == KernelVersion(6, 12, 117))
        profile.kernelRelease = "5.14.0"
        #expect(profile.kernel == KernelVersion(6, 7))
        profile.rulesRelease = "6.1"
        #expect(profile.kernel == KernelVersion(6, 1))
        #expect(profile.substituteRules == nil)
        profile.rulesRelease = nil
        profile.writableMasks = [:]
        #expect(profile.kernel == KernelVersion(5, 14))
        #expect(profile.substituteRules == KernelVersion(6, 1))
        #expect(try !isCLIDRWritable(profile) && !isCCSIDRWritable(profile))
    }
}
