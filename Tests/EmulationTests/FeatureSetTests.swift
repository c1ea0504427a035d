import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import TextFormats
import VCPUModel

@Suite("Sets of features")
struct FeatureSetTests {
    private func vcpu(_ profile: HostProfile, _ features: VCPUFeatures) throws -> EmulatedCPU {
        let cpu = EmulatedCPU(profile: profile)
        let target = try #require(profile.vcpuInit).target
        try cpu.initialize(with: VCPUInit(target: target, features: features))
        return cpu
    }

    /// A set that was recorded on KVM and left out of the profile is made up from the rules: both must
    /// have the same registers with the same values.
    @Test(arguments: HostProfile.builtInNames)
    func rulesGiveWhatWasRecorded(host: String) throws {
        let profile = try builtIn(host)
        var bare = profile
        bare.featureSets = []
        #expect(!profile.featureSets.isEmpty)
        for set in profile.featureSets {
            let name = set.features.names.joined(separator: " ")
            let (recorded, derived) = (
                try vcpu(profile, set.features), try vcpu(bare, set.features)
            )
            #expect(recorded.list() == derived.list(), "\(host), \(name)")
            for id in recorded.list() {
                let moving = RegisterDictionary.entry(for: id)?.volatileBits ?? 0
                #expect(
                    try recorded.read(id).masked(by: ~moving)
                        == derived.read(id).masked(by: ~moving), "\(host), \(name): \(id)")
            }
        }
    }

    @Test func sectionsReplaceAndRemoveRegisters() throws {
        let profile = try HostProfile(
            parsing: profileText(
                kernel: "6.12.0",
                [
                    "register TPIDR_EL1 0x603000000013c684 0x5",
                    "register PMCR_EL0 0x603000000013dce0 0x7",
                ]
            ) + """
                set PSCI_0_2
                without PMCR_EL0 0x603000000013dce0
                register TPIDR_EL1 0x603000000013c684 0x6
                register VBAR_EL1 0x603000000013c600 0x800
                end

                """, file: "test")
        let cpu = try vcpu(profile, .psci02)
        #expect(try cpu.bits("TPIDR_EL1") == 6)
        #expect(try cpu.bits("VBAR_EL1") == 0x800)
        #expect(try cpu.readFailure("PMCR_EL0") == .noEntry)
        let whole = try vcpu(profile, [.psci02, .pmuV3])
        #expect(try whole.bits("TPIDR_EL1") == 5)
        #expect(try whole.readFailure("VBAR_EL1") == .noEntry)
    }

    @Test(arguments: HostProfile.builtInNames)
    func profilesPrintAsTheyAreWritten(host: String) throws {
        let profile = try builtIn(host)
        let again = try HostProfile(parsing: profile.text, file: "again")
        #expect(again == profile && again.text == profile.text)
    }

    @Test(arguments: [
        ("set NONSENSE\nend", "expected a vCPU feature"),
        ("set PSCI_0_2", "expected end, found the end of the file"),
        ("set PSCI_0_2 PSCI_0_2\nend", "stands a second time"),
        ("set PSCI_0_2 PMU_V3\nend", "the features of VCPU_INIT"),
        ("set PSCI_0_2\nwithout VBAR_EL1 0x603000000013c600\nend", "does not have VBAR_EL1 anyway"),
        ("set PSCI_0_2\nname x\nend", "expected without, register or end"),
        ("set PSCI_0_2\nend\nset PSCI_0_2\nend", "stands a second time"),
        ("set PSCI_0_2 SVE\nend", "features the host is not said to have: SVE"),
        (
            "set PSCI_0_2\nwithout VBAR_EL1 0x603000000013c600\n"
                + "register VBAR_EL1 0x603000000013c600 0x0\nend", "stands a second time"
        ),
        (
            "set PSCI_0_2\nregister VCPU_INIT 0x7650000000000000 0x1\nend",
            "follows from the features"
        ),
        ("set PSCI_0_2\nwithout VBAR_EL1\nend", "expected a register id"),
        ("set PSCI_0_2\nregister VBAR_EL1 0x603000000013c600 5\nend", "expected a hexadecimal"),
        ("end", "unknown directive"),
    ])
    func malformedSections(lines: String, message: String) throws {
        let error = try failure(DirectiveError.self) {
            _ = try HostProfile(parsing: profileText() + lines + "\n", file: "test")
        }
        #expect(error.message.contains(message), "\(error)")
        #expect(error.line > 1)
    }
}
