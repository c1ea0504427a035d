import Registers
import Testing
import VCPUModel

/// What a vCPU was made with, told from its registers.
struct ShownFeaturesTests {
    private func features(_ values: [RegisterID: UInt64]) -> VCPUFeatures {
        VCPUFeatures(shownBy: { values[$0] })
    }

    @Test func registersThatOnlyAFeatureShows() {
        #expect(features([:]).isEmpty)
        #expect(features([.pmcrEL0: 0]) == .pmuV3)
        #expect(features([.apiaKeyLoEL1: 0]) == .pointerAuthentication)
        #expect(features([.hcrEL2: 0]) == .hasEL2)
    }

    @Test(
        arguments: [
            (0x3c5, false), (0x0, false), (0x4, false), (0x1d3, true), (0x1d1, true), (0x1d2, true),
            (0x1d7, true), (0x1db, true), (0x1df, true), (0x1d0, false), (0x1da, false),
            (0x1d6, false),
        ] as [(UInt64, Bool)])
    func privilegedModesOfAArch32(pstate: UInt64, isAArch32: Bool) {
        #expect(features([.pstate: pstate]).contains(.el1In32Bit) == isAArch32)
    }

    @Test(arguments: 0...4)
    func userModeBelowAnEL1OfEitherKind(index: Int) {
        let values = [RegisterID.pstate: UInt64(0x10), .spsr(index): 0x10]
        // SPSR_EL1 says that an exception came from AArch32, which it may with either.
        #expect(features(values).contains(.el1In32Bit) == (index != 0))
        #expect(!features([.pstate: 0x10, .spsr(index): 0]).contains(.el1In32Bit))
        #expect(!features([.pstate: 0x0, .spsr(index): 0x10]).contains(.el1In32Bit))
    }
}
