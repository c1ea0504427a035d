import Registers
import Testing

struct KernelVersionTests {
    @Test(arguments: [
        ("6.12.117+deb13-cloud-arm64", KernelVersion(6, 12, 117)),
        ("6.12", KernelVersion(6, 12)), ("6.13-rc4", KernelVersion(6, 13)),
        ("6.8.0-31-generic", KernelVersion(6, 8)),
        ("5.15.167.4-microsoft", KernelVersion(5, 15, 167)),
        ("4.14.336", KernelVersion(4, 14, 336)), ("6.1.", KernelVersion(6, 1)),
    ])
    func parses(release: String, version: KernelVersion) {
        #expect(KernelVersion(parsing: release) == version)
    }

    @Test(arguments: [
        "", "6", "6.", ".1", "v6.1", "linux", "-6.1", "99999999999999999999.1", "６.1",
    ])
    func refuses(release: String) {
        #expect(KernelVersion(parsing: release) == nil)
    }

    @Test func order() {
        #expect(KernelVersion(6, 2) < KernelVersion(6, 12))
        #expect(KernelVersion(6, 12, 9) < KernelVersion(6, 12, 117))
        #expect(KernelVersion(6, 19, 300) < KernelVersion(7, 0))
        #expect(KernelVersion(6, 12) == KernelVersion(6, 12, 0))
    }

    @Test func description() {
        #expect(KernelVersion(6, 12, 117).description == "6.12.117")
        #expect(KernelVersion(6, 5).description == "6.5")
    }
}

struct CPUIdentityTests {
    @Test func knownPart() {
        let cpu = CPUIdentity(midr: 0x414f_d0c1)
        #expect(cpu.implementer == 0x41 && cpu.part == 0xd0c)
        #expect(cpu.description == "ARM NEOVERSE_N1 r4p1")
    }

    @Test func unknownPartAndImplementer() {
        #expect(CPUIdentity(midr: 0x410f_fff0).description == "ARM part 0xfff r0p0")
        #expect(CPUIdentity(midr: 0).description == "implementer 0x0 part 0x0 r0p0")
        #expect(CPUIdentity(midr: .max).partName == nil)
    }

    /// A profile may say any 64 bits.
    @Test(
        arguments: [
            (.max, "implementer 0xff part 0xfff r15p15"),
            (1 << 63, "implementer 0x0 part 0x0 r0p0"),
            (1 << 63 | 0x414f_d0c1, "ARM NEOVERSE_N1 r4p1"),
        ] as [(UInt64, String)])
    func bitsAboveTheRegistersFieldsSayNothing(midr: UInt64, description: String) {
        #expect(CPUIdentity(midr: midr).description == description)
    }
}
