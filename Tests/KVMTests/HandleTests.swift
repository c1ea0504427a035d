import CLinux
import LinuxSystem
import Registers
import Testing
import VCPUModel

@_spi(Guests) @testable import KVM

@Suite struct KVMErrorTests {
    private func failure(_ path: String) -> KVMError? {
        do throws(KVMError) {
            let system = try KVMSystem(path: path)
            _ = try system.makeVM()
            return nil
        } catch {
            return error
        }
    }

    @Test func aMissingDeviceIsExplained() {
        let error = failure("/nonexistent/kvm")
        #expect(error?.errno == .noEntry)
        #expect(
            error?.description == "open /nonexistent/kvm: ENOENT (No such file or directory): "
                + "this kernel offers no KVM; on an arm64 host, boot the kernel at EL2 "
                + "(look for \"kvm\" in dmesg)")
    }

    @Test func missingPermissionIsExplained() {
        #expect(
            KVMError.opening("/dev/kvm", .accessDenied).description
                == "open /dev/kvm: EACCES (Permission denied): no permission to use KVM; "
                + "join the group that owns it, usually \"kvm\"")
    }

    @Test func anotherDeviceIsNotTakenForKVM() {
        #expect(failure("/dev/null")?.call == "KVM_GET_API_VERSION")
        #expect(failure("/dev/null")?.errno.symbol == "ENOTTY")
    }

    #if !arch(arm64)
        @Test func kvmOfAnotherArchitectureIsRefused() {
            // Without KVM, or without permission, that is the reason instead.
            let error = failure("/dev/kvm")
            #expect(error == .notARM64 || error?.call == "open /dev/kvm")
        }
    #endif
}

@Suite struct CapabilityTests {
    /// The numbers that this module calls KVM with, which the C compiler compares with the kernel's
    /// headers, and those of the register dictionary are the same.
    @Test(arguments: [
        ("KVM_CAP_MP_STATE", CLINUX_KVM_CAP_MP_STATE),
        ("KVM_CAP_VCPU_EVENTS", CLINUX_KVM_CAP_VCPU_EVENTS),
        ("KVM_CAP_ARM_VM_IPA_SIZE", CLINUX_KVM_CAP_ARM_VM_IPA_SIZE),
        (
            "KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES",
            CLINUX_KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES
        ),
    ])
    func numbersAgree(name: String, number: Int) throws {
        let described = try #require(KVMCapability.all.first { $0.name == name })
        #expect(Capability(described).rawValue == Int32(number))
    }

    @Test(arguments: [
        (VCPUFeatures.powerOff, CLINUX_KVM_ARM_VCPU_POWER_OFF),
        (.psci02, CLINUX_KVM_ARM_VCPU_PSCI_0_2),
        (.pmuV3, CLINUX_KVM_ARM_VCPU_PMU_V3),
        (.sve, CLINUX_KVM_ARM_VCPU_SVE),
    ])
    func featureBitsAgree(feature: VCPUFeatures, bit: Int) {
        #expect(feature.lowestBit == Int32(bit))
    }

    @Test func everyFeatureButPowerOffHasACapability() {
        for feature in VCPUFeature.all where VCPUFeatures(feature) != .powerOff {
            #expect(feature.reportedBy != nil, "\(feature.name)")
        }
    }
}

@Suite struct WritableMasksTests {
    /// The index of KVM_ARM_GET_REG_WRITABLE_MASKS: (op1 == 3 ? 2 : op1) << 6 | CRm << 3 | op2.
    @Test(arguments: [
        (0, 0, 4, 0, 32),  // ID_AA64PFR0_EL1
        (0, 0, 7, 7, 63),
        (1, 0, 0, 1, 65),  // CLIDR_EL1
        (3, 0, 0, 1, 129),  // CTR_EL0
    ])
    func anIDRegisterHasItsMask(op1: Int, crn: Int, crm: Int, op2: Int, index: Int) throws {
        let masks = try #require(WritableMasks((0..<192).map { UInt64($0) }))
        let encoding = try #require(
            RegisterID.SystemRegisterEncoding(op0: 3, op1: op1, crn: crn, crm: crm, op2: op2))
        #expect(masks[.system(encoding)] == UInt64(index))
    }

    @Test(arguments: [(2, 0, 0), (0, 1, 0), (0, 0, 8)])
    func otherRegistersHaveNone(op1: Int, crn: Int, crm: Int) throws {
        let masks = try #require(WritableMasks(Array(repeating: 1, count: 192)))
        let encoding = try #require(
            RegisterID.SystemRegisterEncoding(op0: 3, op1: op1, crn: crn, crm: crm, op2: 0))
        #expect(masks[.system(encoding)] == nil)
        #expect(masks[.pstate] == nil)
    }

    @Test func anyOtherNumberOfMasksIsRefused() {
        #expect(WritableMasks([]) == nil)
    }
}
