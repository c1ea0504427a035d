import LinuxSystem
import Registers
import Testing
import VCPUModel

@_spi(Guests) @testable import KVM

/// The part of a bank that comes before the kernel: its vCPU's descriptor does not exist, so whatever
/// reaches the kernel comes back as EBADF.
@Suite struct BankTests {
    private let bank = KVMVCPUBank(
        owning: VCPU(owning: FileDescriptor(owning: -2), runSize: 4096), abilities: .some)

    private func writeFailure(_ value: RegisterValue, to id: RegisterID) -> RegisterBankError? {
        do throws(RegisterBankError) {
            try bank.write(value, to: id)
            return nil
        } catch {
            return error
        }
    }

    private func readFailure(_ id: RegisterID) -> RegisterBankError? {
        do throws(RegisterBankError) {
            _ = try bank.read(id)
            return nil
        } catch {
            return error
        }
    }

    @Test func beforeInitializationThereIsOneRegister() throws {
        #expect(try bank.list() == [.vcpuInit])
    }

    @Test(arguments: [RegisterID.vcpuInit, .vcpuFinalized, .vcpuEvents, .mpState])
    func beforeInitializationNothingOutsideTheListCanBeRead(id: RegisterID) {
        let error = readFailure(id)
        #expect(error?.errno == .notExecutable)
        #expect(error?.explanation == "the vCPU is not initialized (KVM_ARM_VCPU_INIT)")
    }

    @Test func aValueOfAnotherSizeNeverReachesTheKernel() {
        for size in [1, 2, 4] {
            let error = writeFailure(RegisterValue(0, size: size), to: .x0)
            #expect(error?.errno == .invalidArgument)
            #expect(error?.explanation == "the value has \(size) bytes, the register 8")
        }
        #expect(writeFailure(RegisterValue(0), to: .vcpuInit)?.errno == .invalidArgument)
        #expect(writeFailure(RegisterValue(0), to: .x0)?.errno == .badFileDescriptor)
    }

    @Test(arguments: [
        RegisterID(rawValue: 0x4020_0000_000f_0380),  // AArch32 coprocessor
        RegisterID(rawValue: 0x2030_0000_0000_0000),  // x86
        RegisterID(rawValue: 0x60f0_0000_0010_0000),  // no such size
        RegisterID(rawValue: .max),
    ])
    func idsOfOtherArchitecturesAreAbsent(id: RegisterID) {
        #expect(readFailure(id)?.errno == .noEntry)
        #expect(writeFailure(RegisterValue(0), to: id)?.errno == .noEntry)
    }

    @Test func whatTheKernelIsAskedItAnswers() {
        #expect(readFailure(.x0)?.errno == .badFileDescriptor)
        let request = VCPUInit(features: [.psci02])
        #expect(writeFailure(request.value, to: .vcpuInit)?.errno == .badFileDescriptor)
    }
}

@Suite struct InitializationTests {
    private let pmuAndSVE: VCPUFeatures = [.psci02, .pmuV3, .sve]

    private func first(_ wanted: VCPUInit) -> VCPUInit? {
        VCPUAbilities.some.candidates(for: wanted).first
    }

    @Test func whatTheHostHasIsKept() {
        let wanted = VCPUInit(target: 5, features: [.psci02, .pmuV3])
        #expect(first(wanted) == wanted)
    }

    @Test func whatTheHostLacksIsLeftOut() {
        #expect(
            first(VCPUInit(target: 5, features: pmuAndSVE))?.features == [.psci02, .pmuV3])
    }

    @Test func poweringOffIsNeverRepeated() {
        #expect(
            first(VCPUInit(target: 5, features: [.powerOff, .psci02]))?.features == [.psci02])
    }

    @Test func featuresNobodyKnowsAreTriedThenLeftOut() {
        let unknown = VCPUFeatures(rawValue: 1 << 31)
        let wanted = VCPUInit(target: 5, features: [.psci02, unknown])
        let candidates = VCPUAbilities.some.candidates(for: wanted)
        #expect(candidates.first?.features == [.psci02, unknown])
        #expect(candidates.last?.features == [.psci02])
    }

    @Test func aForeignTargetIsTriedThenReplaced() {
        let candidates = VCPUAbilities.some.candidates(for: VCPUInit(target: 2, features: []))
        #expect(candidates.map(\.target) == [2, 5, 5])
    }

    @Test func theDefaultIsWhatAnOrdinaryGuestCanUse() {
        var abilities = VCPUAbilities.some
        abilities.features = [.psci02, .pmuV3, .pointerAuthentication, .el1In32Bit, .hasEL2]
        #expect(
            abilities.defaultInit.features == [.psci02, .pmuV3, .pointerAuthentication])
    }
}

@Suite struct ExplanationTests {
    @Test(arguments: [
        (RegisterID.sveVLS, Errno.notPermitted, "the vector lengths are fixed"),
        (.idAA64PFR0EL1, .invalidArgument, "the host's CPU has less"),
        (.psciVersion, .busy, "fixed since a vCPU of this VM first ran"),
        (.tcrEL1, .noEntry, "has no such register"),
        (.v0, .invalidArgument, "has Z registers in place of V registers"),
        (.vcpuEvents, .invalidArgument, "RAS"),
    ])
    func aFailedWriteSaysWhy(id: RegisterID, errno: Errno, part: String) throws {
        let text = try #require(
            KVMVCPUBank.explanation(
                .write, id, errno, features: [.psci02, .sve]))
        #expect(text.contains(part), "\(text)")
    }

    @Test func nothingIsClaimedOfUnknownErrors() {
        let id = RegisterID.sctlrEL1
        #expect(KVMVCPUBank.explanation(.read, id, .noMemory, features: []) == nil)
    }
}

extension VCPUAbilities {
    /// Those of a host with a PMU, and neither SVE nor pointer authentication.
    fileprivate static let some = VCPUAbilities(
        preferredTarget: 5, features: [.psci02, .pmuV3], hasEvents: true, hasMPState: true)
}
