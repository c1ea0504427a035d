import Emulation
import Foundation
import Registers
import TestSubjects
import Testing
import VCPUModel

struct HostProfileTests {
    @Test func builtInNamesAreTheFiles() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.hosts.path)
            .filter { $0.hasSuffix(".vhost") }.map { String($0.dropLast(6)) }
        #expect(HostProfile.builtInNames == files.sorted())
        #expect(HostProfile.builtInNames.contains("6.12-neoverse-n1"))
        #expect(try HostProfile.builtIn(named: "no-such-host") == nil)
    }

    @Test(arguments: HostProfile.builtInNames)
    func builtInProfilesAreCanonical(_ name: String) throws {
        let profile = try builtIn(name)
        let file = try Data(contentsOf: Self.hosts.appendingPathComponent(name + ".vhost"))
        #expect(profile.name == name)
        #expect(profile.text == String(decoding: file, as: UTF8.self))
        #expect(try HostProfile(parsing: profile.text, file: name) == profile)
        #expect(profile.kernel != nil)
        #expect(try profile.midr == profile.registers[register("MIDR_EL1")]?.bits)
        #expect(profile.registers.count > 300)
    }

    private static let hosts = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Formats/hosts")

    @Test func everyDirectiveSurvives() throws {
        let profile = try HostProfile(parsing: Self.full, file: "full.vhost")
        #expect(profile.text == Self.full)
        #expect(profile.name == "full" && profile.kernelRelease == "6.12.117+deb13-cloud-arm64")
        #expect(profile.kernel == KernelVersion(6, 12, 117))
        #expect(profile.midr == 0x414f_d0c1 && profile.counterFrequency == 62_500_000)
        #expect(profile.capabilities == ["KVM_CAP_ARM_MTE": 0, "KVM_CAP_ARM_SVE": 16])
        #expect(profile.features.names == ["PSCI_0_2", "SVE", "bit-31"])
        let processorFeatures = try register("ID_AA64PFR0_EL1")
        #expect(profile.writableMasks == [processorFeatures: 0xff])
        #expect(profile.hardware == [processorFeatures: 1 << 40])
        #expect(profile.extensions == ["x-lab QEMU  10.0", "x-"])
        #expect(profile.vcpuInit == VCPUInit(features: [.psci02, .sve]))
        #expect(profile.sveVectorLengths == [16, 32])
        let overrides = [
            try register("MPIDR_EL1"): BehaviorOverride(.invariant),
            try register("TPIDR_EL1"): BehaviorOverride(.sanitized, mask: 0xf0),
        ]
        #expect(profile.overrides == overrides)
        #expect(profile.registers.count == 6)
    }

    private static let full = """
        vhost 1
        name full
        kernel 6.12.117+deb13-cloud-arm64
        midr 0x414fd0c1
        counter-frequency 62500000
        capability KVM_CAP_ARM_MTE 0
        capability KVM_CAP_ARM_SVE 16
        feature PSCI_0_2
        feature SVE
        feature bit-31
        writable-mask ID_AA64PFR0_EL1 0xff
        hardware ID_AA64PFR0_EL1 0x10000000000
        x-lab QEMU  10.0
        x-
        register MPIDR_EL1 0x603000000013c005 0x80000000 class=invariant
        register TPIDR_EL1 0x603000000013c684 0x0 class=sanitised mask=0xf0
        register SVE_VLS 0x606000000015ffff 0x3
        register z0 0x6080000000150000 0x123456789abcdef01122
        register 0x7130000000000009 0x7130000000000009 0xffffffffffffffff
        register VCPU_INIT 0x7650000000000000 0x1400000005

        """

    @Test func orderCommentsSpacingAndCaseDoNotMatter() throws {
        let text = """
            vhost 1
            register  VCPU_INIT   0x7650000000000000 0x0000C00000005
            # a comment

            feature PMU_V3
              kernel 6.12.0
            register TPIDR_EL1 0x603000000013C684 0xABC
            name test
            feature PSCI_0_2
            """
        let canonical = profileText(["register TPIDR_EL1 0x603000000013c684 0xabc"])
        #expect(try HostProfile(parsing: text, file: "loose").text == canonical)
    }

    @Test func namesOfRegistersNobodyKnowsAreAccepted() throws {
        let text = profileText(["register FUTURE_EL1 0x603000000013c684 0x1"])
        let profile = try HostProfile(parsing: text, file: "test")
        #expect(profile.registers[try register("TPIDR_EL1")]?.bits == 1)
    }
}
