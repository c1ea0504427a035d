import Emulation
import LinuxSystem
import Registers
import SeededRandom
import TestSubjects
import Testing
import VCPUModel

struct CoreAndVectorTests {
    @Test func modesOfAHostWithAArch32() throws {
        let cpu = try vcpu(on: "6.12-max")
        #expect(try cpu.bits("ID_AA64PFR0_EL1") & 0xf == 2)
        for mode: UInt64 in [0x0, 0x4, 0x5, 0x10, 0xf000_0005] {
            #expect(try cpu.refusal("pstate", mode) == nil, "\(mode)")
            #expect(try cpu.bits("pstate") == mode)
        }
        for mode: UInt64 in [0x1, 0x8, 0x9, 0xc, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f, 0x1a] {
            #expect(try cpu.refusal("pstate", mode) == .invalidArgument, "\(mode)")
        }
    }

    @Test func userModeNeedsAArch32() throws {
        let cpu = try vcpu(
            kernel: "6.1.0", "register ID_AA64PFR0_EL1 0x603000000013c020 0x11",
            "register pstate 0x6030000000100042 0x3c5")
        #expect(try cpu.refusal("pstate", 0x10) == .invalidArgument)
        #expect(try cpu.bits("pstate") == 0x3c5)
    }

    @Test func registersAreNarrowWhilePSTATESaysAArch32() throws {
        let cpu = try vcpu(on: "6.1-max")
        for name in ["x0", "x14", "x15", "pc"] { try cpu.set(name, 0x1_0000_0002) }
        try cpu.set("pstate", 0x10)
        for name in ["x0", "x14", "pc"] { #expect(try cpu.bits(name) == 2, "\(name)") }
        #expect(try cpu.bits("x15") == 0x1_0000_0002, "User mode has 15 registers")
        try cpu.set("x1", .max)
        #expect(try cpu.bits("x1") == 0xffff_ffff)
        try cpu.set("pstate", 0x5)
        try cpu.set("x1", .max)
        #expect(try cpu.bits("x1") == .max)
    }

    // MARK: SVE

    private func sve(_ host: String, lengths: UInt64?) throws -> EmulatedCPU {
        let cpu = EmulatedCPU(profile: try builtIn(host))
        try cpu.write(VCPUInit(features: [.psci02, .sve]).value, to: .vcpuInit)
        if let lengths { try cpu.set("SVE_VLS", lengths) }
        try cpu.set("VCPU_FINALIZED", 0x10)
        return cpu
    }

    private func ones(_ size: Int) throws -> RegisterValue {
        try #require(RegisterValue(littleEndian: Array(repeating: 0xff, count: size)))
    }

    /// 256 bytes on max, 32 on neoverse-v1.
    @Test(
        arguments: [("6.12-max", nil, 256), ("6.1-neoverse-v1", nil, 32), ("6.1-max", 0x3, 32)]
            as [(String, UInt64?, Int)])
    func bytesAboveTheVectorLengthAreDropped(
        _ host: String, _ lengths: UInt64?, _ length: Int
    ) throws {
        let cpu = try sve(host, lengths: lengths)
        for (name, size, used) in [
            ("z5", 256, length), ("p5", 32, length / 8), ("ffr", 32, length / 8),
        ] {
            let id = try register(name)
            try cpu.write(ones(size), to: id)
            let expected = (0..<size).map { UInt8($0 < used ? 0xff : 0) }
            #expect(try cpu.read(id).littleEndianBytes == expected, "\(name)")
        }
        for name in ["z4", "z6"] { #expect(try cpu.bits(name) == 0, "\(name)") }
    }

    @Test func vectorLengths() throws {
        let cpu = EmulatedCPU(profile: try builtIn("6.12-neoverse-v1"))
        try cpu.write(VCPUInit(features: [.psci02, .sve]).value, to: .vcpuInit)
        #expect(try cpu.bits("SVE_VLS") == 0x3, "16 and 32 bytes")
        for lengths: UInt64 in [0, 0x2, 0x7, 0xb, 0x8] {
            #expect(try cpu.refusal("SVE_VLS", lengths) == .invalidArgument, "\(lengths)")
        }
        #expect(try cpu.refusal("SVE_VLS", 0x1) == nil)
        #expect(try cpu.refusal("SVE_VLS", 0x3) == nil)
        try cpu.set("VCPU_FINALIZED", 0x10)
        #expect(try cpu.refusal("SVE_VLS", 0x3) == .notPermitted)
    }

    @Test func randomWritesNeverBreakTheBank() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of randomWritesNeverBreakTheBank: \(seed)")
        var generator = SeededGenerator(seed: seed)
        for host in ["6.1-max", "6.12-max", "6.12-neoverse-n1"] {
            let cpu = try vcpu(on: host)
            for id in cpu.list().shuffled(using: &generator) where id != .vcpuInit {
                let size = try #require(id.size)
                let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let before = try cpu.read(id)
                let value = try #require(RegisterValue(littleEndian: bytes))
                do {
                    try cpu.write(value, to: id)
                } catch {
                    let isCounter = RegisterDictionary.entry(for: id)?.isCounter == true
                    #expect(error.errno != .noEntry && !isCounter)
                    #expect(try cpu.read(id) == before, "a refused write changes nothing: \(error)")
                }
            }
            for id in cpu.list() { #expect(try cpu.read(id).size == id.size) }
        }
    }
}
