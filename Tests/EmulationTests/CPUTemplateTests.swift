import Emulation
import Foundation
import Registers
import SeededRandom
import TestFiles
import TestSubjects
import Testing
import VCPUModel

@Suite("CPU templates, dumps and fingerprints")
struct CPUTemplateTests {
    private static func file(_ host: String) throws -> [UInt8] {
        let path = "Tests/TestFiles/Fingerprints/\(host).json"
        return Array(try Data(contentsOf: ProjectFolder.file(path)))
    }

    private func template(_ text: String) throws -> CPUTemplate {
        try CPUFingerprint(parsing: Array(text.utf8)).configuration
    }

    // MARK: Bitmaps

    @Test(
        arguments: [
            ("0b1", 0xf0, 0xf1), ("0b0000xxxx", 0xff, 0x0f), ("1_0_x", 0x3, 0x5), ("0bx", 0x5, 0x5),
            ("0b0x1", 0x4, 0x1), ("0b" + String(repeating: "1", count: 64), 0, UInt64.max),
        ] as [(String, UInt64, UInt64)])
    func bitmaps(text: String, before: UInt64, after: UInt64) throws {
        let pattern = try #require(BitPattern(parsing: text))
        #expect(pattern.applied(to: RegisterValue(before)) == RegisterValue(after))
        let again = try #require(BitPattern(parsing: "\(pattern)"))
        #expect(again == pattern)
    }

    @Test("Of 128 bits, all count")
    func wideBitmap() throws {
        let pattern = try #require(BitPattern(parsing: "0b1" + String(repeating: "x", count: 127)))
        let zero = try #require(RegisterValue.zero(size: 16))
        #expect(pattern.applied(to: zero).littleEndianBytes.last == 0x80)
        #expect("\(pattern)".utf8.count == 130)
        let wider = try #require(RegisterValue.zero(size: 32))
        #expect(pattern.applied(to: wider) == wider)
    }

    @Test(arguments: ["", "0b", "_", "0X1", "0b2", "+1", String(repeating: "1", count: 129)])
    func noBitmap(text: String) {
        #expect(BitPattern(parsing: text) == nil)
    }

    // MARK: Templates

    @Test("A template is written as it is read")
    func writtenAndRead() throws {
        let text = """
            {"kvm_capabilities": ["170", "!171"], "vcpu_features": [{"index": 0, "bitmap": "0b1xxxx"}],
             "reg_modifiers": [{"addr": "0b110000000110000000000000000000000000000000100111100000000100000",
                                "bitmap": "0b0000_xxxx"}]}
            """
        let template = try template(text)
        #expect(template.modifiers.map(\.register) == [.idAA64PFR0EL1])
        #expect(template.capabilities == ["170", "!171"])
        #expect(template.madeFeatures == [.psci02, .sve])
        #expect(try self.template(template.file) == template)
        #expect(try self.template(CPUTemplate().file) == CPUTemplate())
    }

    @Test(
        "What Firecracker would not take is refused with its place",
        arguments: [
            ("[]", "the file: expected an object"), ("{", "not JSON"), ("nul", "byte 0"),
            (#"{"a": 1}"#, "a: expected once each"),
            (#"{"cpuid_modifiers": []}"#, "x86-64"),
            (#"{"reg_modifiers": [], "reg_modifiers": []}"#, "reg_modifiers: expected once"),
            (#"{"kvm_capabilities": [171]}"#, "kvm_capabilities[0]: expected a string"),
            (#"{"kvm_capabilities": ["99999999999"]}"#, "kvm_capabilities[0]"),
            (#"{"kvm_capabilities": {}}"#, "expected an array, found an object"),
            (#"{"vcpu_features": [{"index": 1, "bitmap": "0b1"}]}"#, "vcpu_features[0].index"),
            (
                #"{"vcpu_features": [{"index": 0, "bitmap": "0b\#(String(repeating: "1", count: 33))"}]}"#,
                "32 digits"
            ),
            (#"{"reg_modifiers": [{"addr": "0x1"}]}"#, "reg_modifiers[0]: expected an object with"),
            (#"{"reg_modifiers": [{"addr": 1, "bitmap": "0b1"}]}"#, "addr: expected the id"),
            (#"{"reg_modifiers": [{"addr": "603000000013c020", "bitmap": "0b1"}]}"#, "addr"),
            (#"{"reg_modifiers": [{"addr": "0b+1", "bitmap": "0b1"}]}"#, "addr"),
            (#"{"reg_modifiers": [{"addr": "0x606000000015ffff", "bitmap": "0b1"}]}"#, "addr"),
            (
                #"{"reg_modifiers": [{"addr": "0x60200000001000d4", "bitmap": "0b1\#(String(repeating: "x", count: 32))"}]}"#,
                "the 32 bits of fpsr"
            ),
            (
                #"{"guest_cpu_config": {"reg_modifiers": []}}"#,
                "firecracker_version: expected a string"
            ),
        ])
    func refused(text: String, place: String) {
        let error = #expect(throws: CPUTemplateError.self) { try template(text) }
        #expect(error?.description.contains(place) == true, "\(String(describing: error))")
    }

    // MARK: Fingerprints

    @Test(
        "A fingerprint is the fresh vCPU that was dumped",
        arguments: ["6.12-neoverse-n1", "7.3-neoverse-n1"])
    func freshVCPU(host: String) throws {
        let fingerprint = try CPUFingerprint(parsing: try Self.file(host))
        let real = EmulatedCPU(profile: try builtIn(host))
        try real.initialize(with: VCPUInit(features: .psci02))
        let read = try #require(fingerprint.snapshot?.vcpus.first?.registers)
        let expected = try real.readAll()
        #expect(read.ids == expected.ids)
        for (id, value) in expected {
            #expect(
                read[id]?.withoutMotion(of: id) == value.withoutMotion(of: id), "\(id.name)")
        }
        let profile = try HostProfile(from: fingerprint)
        #expect(profile.isOfFingerprint && profile.name == host)
        let recorded = try builtIn(host)
        #expect(profile.kernelRelease == recorded.kernelRelease)
        #expect(profile.features == .psci02 && profile.midr == recorded.midr)
        #expect(try HostProfile(parsing: profile.text, file: "again").isOfFingerprint)
    }

    @Test("A dump is told by what it has, and a template in its place is none")
    func dump() throws {
        let fingerprint = try CPUFingerprint(parsing: try Self.file("6.12-neoverse-n1"))
        let dump = try CPUFingerprint(parsing: Array(fingerprint.configuration.file.utf8))
        #expect(!dump.isTemplate && dump.kernelRelease == nil)
        #expect(dump.snapshot?.vcpus == fingerprint.snapshot?.vcpus)
        #expect(throws: HostProfileError.noKernel) { try HostProfile(from: dump) }
        // What decides bits that are not there can only be a dump.
        var some = fingerprint.configuration
        some.modifiers.removeAll { $0.register == .pstate }
        #expect(throws: CPUTemplateError.self) {
            try CPUFingerprint(parsing: Array(some.file.utf8))
        }
        some.modifiers = [.init(register: .midrEL1, pattern: BitPattern(1, in: .max))]
        let template = try CPUFingerprint(parsing: Array(some.file.utf8))
        #expect(template.isTemplate && template.snapshot == nil)
        #expect(throws: HostProfileError.noVCPU) { try HostProfile(from: template) }
    }

    @Test("A register that stands in a dump twice is refused")
    func twice() throws {
        var dump = try CPUFingerprint(parsing: try Self.file("6.12-neoverse-n1")).configuration
        dump.modifiers.append(dump.modifiers[0])
        #expect(throws: CPUTemplateError.self) {
            try CPUFingerprint(parsing: Array(dump.file.utf8))
        }
    }

    @Test(
        "Files are recognized by their first member",
        arguments: [
            ("{\"kvm_capabilities\"", true), ("{\n  \"firecracker", true), ("  { \"reg_mod", true),
            ("{\"guest_cpu_confi", true), ("{\"vcpu_id\": 0", false), ("{\"vcpu", true),
            ("{\"cpuid_modifie", true), ("{\"k", false), ("{}", false),
            ("[\"reg_modifiers\"", false), ("", false),
            ("{\"snapshots\":{", false),
        ])
    func recognized(beginning: String, isOne: Bool) {
        #expect(CPUFingerprint.recognizes(Array(beginning.utf8)) == isOne)
    }

    @Test("Whatever is damaged is read or refused")
    func damaged() throws {
        let whole = try Self.file("6.12-neoverse-n1")
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var bytes = Array(whole.prefix(Int.random(in: 0...whole.count, using: &random)))
            for _ in 0..<4 where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            if let read = try? CPUFingerprint(parsing: bytes) { _ = read.snapshot }
        }
    }
}
