import TestFiles
import Testing
import VCPUModel
import VMMFiles

/// Files that nobody's VMM wrote: what they say is never believed.
@Suite("Hostile files of libkrun, cloud-hypervisor and crosvm")
struct HostileFileTests {
    private static func little(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
    }

    /// A checkpoint with one vCPU and without an interrupt controller.
    private static func checkpoint(
        lists: [UInt8] = [UInt8](repeating: 0, count: 12), count: UInt64 = 1,
        registers: [(id: UInt64, low: UInt64, high: UInt64)], counted: UInt64? = nil,
        more: [UInt8] = []
    ) -> [UInt8] {
        var list: [UInt8] = []
        for (id, low, high) in registers {
            list += little(id, 8) + little(low, 8) + little(high, 8)
        }
        let vcpu = little(0, 4) + little(counted ?? UInt64(registers.count), 4) + list + more
        return little(UInt64(lists.count), 4) + lists + little(count, 4)
            + little(UInt64(vcpu.count), 4) + vcpu
    }

    private static let x0: (id: UInt64, low: UInt64, high: UInt64) = (0x6030_0000_0010_0000, 1, 0)

    private static let checkpoints: [(name: String, bytes: [UInt8], word: String)] = [
        ("as many vCPUs as there can be", checkpoint(count: 0xffff_ffff, registers: [x0]), "vCPUs"),
        ("no vCPU", little(0, 4) + little(0, 4), "expected"),
        (
            "as many registers as there can be",
            checkpoint(registers: [x0], counted: 0xffff_ffff), "vCPU 0"
        ),
        ("a register twice", checkpoint(registers: [x0, x0]), "x0"),
        (
            "a register of 2048 bits", checkpoint(registers: [(0x6080_0000_0015_0000, 0, 0)]),
            "at most 128 bits"
        ),
        (
            "a value that is too wide", checkpoint(registers: [(x0.id, 0, 1)]), "8 bytes"
        ),
        (
            "an id of another architecture",
            checkpoint(registers: [(0x2030_0000_0010_0000, 0, 0)]), "a register of KVM"
        ),
        ("a list that is shorter than its blob", checkpoint(registers: [x0], more: [1]), "Mac"),
        (
            "a list that is longer than the state",
            checkpoint(lists: little(0xffff_ffff, 4) + little(0, 8), registers: [x0]),
            "distributor"
        ),
        (
            "a vCPU that is not there",
            checkpoint(
                lists: little(1, 4) + little(0, 8) + little(1, 4) + little(7 << 32, 8)
                    + little(0, 4) + little(0, 4), registers: [x0]), "0x7"
        ),
    ]

    @Test("libkrun", arguments: checkpoints)
    func libkrun(name: String, bytes: [UInt8], word: String) {
        let error = #expect(throws: VMMFileError.self) { try LibkrunCheckpoint.read(bytes) }
        #expect(error?.description.contains(word) == true, "\(name): \(String(describing: error))")
    }

    @Test("A checkpoint without an interrupt controller has none")
    func noController() throws {
        let state = try LibkrunCheckpoint.read(Self.checkpoint(registers: [Self.x0]))
        #expect(state.vm.count == 0)
    }

    // MARK: cloud-hypervisor

    private static func tree(_ states: [String], controller: String? = nil) -> [UInt8] {
        func node(_ state: String) -> String {
            let text = state.replacing("\"", with: "\\\"")
            return #"{"snapshots":{},"snapshot_data":{"state":""# + text + #""}}"#
        }
        let vcpus = states.enumerated().map { #""\#($0)":\#(node($1))"# }.joined(separator: ",")
        let chip = controller.map { #""gic-v3-its":"# + node($0) } ?? ""
        return Array(
            (#"{"snapshots":{"cpu-manager":{"snapshots":{\#(vcpus)}},"#
                + #""device-manager":{"snapshots":{\#(chip)}}},"snapshot_data":null}"#).utf8)
    }

    private static func vcpu(_ registers: String = "", core: Int = 864) -> String {
        let bytes = [String](repeating: "0", count: core).joined(separator: ",")
        return #"{"Kvm":{"mp_state":[0,0,0,0],"core_regs":[\#(bytes)],"sys_regs":[\#(registers)]}}"#
    }

    private static let states: [(String, String)] = [
        (vcpu(core: 863), "core_regs"), (vcpu("[1,2,3]"), "sys_regs"),
        (vcpu(#"{"id":18446744073709551616,"addr":0}"#), "sys_regs"),
        (vcpu(#"{"id":6931039826524241920,"addr":1e3}"#), "sys_regs"),
        (#"{"Mshv":{}}"#, "Mshv"), ("[", "JSON"), (#"{"Kvm":{}}"#, "mp_state"),
        (#"{"Kvm":{"mp_state":[0,0,0,0],"extended_regs":1}}"#, "extended_regs"),
    ]

    @Test("cloud-hypervisor", arguments: states)
    func cloudHypervisor(state: String, word: String) {
        let error = #expect(throws: VMMFileError.self) {
            try CloudHypervisorState.read(Self.tree([state]))
        }
        #expect(error?.description.contains(word) == true, "\(String(describing: error))")
    }

    @Test(
        "A controller whose parts do not fit below one another is left out, and so is one of other lengths"
    )
    func manyVCPUs() throws {
        for (count, frames) in [(1200, 24), (1, 23)] {
            func words(_ count: Int) -> String {
                [String](repeating: "0", count: count).joined(separator: ",")
            }
            let chip =
                #"{"dist":[\#(words(82))],"rdist":[\#(words(frames * count))],"#
                + #""icc":[\#(words(9 * count))],"gicd_ctlr":0}"#
            let state = try CloudHypervisorState.read(
                Self.tree([String](repeating: Self.vcpu(), count: count), controller: chip))
            #expect(state.vcpus.count == count && state.vm.count == 0)
            #expect(state.remarks.count == 1)
        }
    }

    @Test(
        "Dumps",
        arguments: [
            ("", "no register"), ("# nothing\n", "no register"),
            ("0x6030000000100000\n", "line 1: expected a value"),
            ("0x6030000000100000 1\nNOTHING 1\n", "byte 21: line 2"),
            ("0x6030000000100000 0x1ffffffffffffffff\n", "8 bytes"),
            ("6030000000100000 4 0 0 1\n", "the size"),
            ("6030000000100000 8 0 0\n", "five columns"),
            ("6090000000100000 1\n", "a size"), ("MP_STATE 0\n", "KVM's list"),
            ("0x6030000000100000 1\nx0 1\n", "twice"), ("vcpu x\n", "number of a vCPU"),
            ("vcpu 1\nx0 1\nvcpu 1\nx0 1\n", "ascend"),
        ])
    func dump(text: String, word: String) {
        let error = #expect(throws: VMMFileError.self) { try RegisterDump.read(Array(text.utf8)) }
        #expect(error?.description.contains(word) == true, "\(String(describing: error))")
    }

    @Test("A dump has each vCPU's registers, whatever separates their names and values")
    func goodDump() throws {
        let text =
            "vcpu 1\r\nx0 = 1\r\n\nvcpu 0\n0x6030000000100000: 0x2\n6030000000100002 8 2 0 0\n"
        let state = try RegisterDump.read(Array(text.utf8))
        #expect(state.vcpus.map(\.index) == [0, 1])
        #expect(state.vcpus.map { $0.registers.map(\.value.lowBits) } == [[2], [1]])
        #expect(state.remarks.count == 1)
    }

    // MARK: crosvm

    private static let items: [([UInt8], String)] = [
        ([UInt8](repeating: 0x81, count: 100), "inside each other"),
        ([0x9b] + [UInt8](repeating: 0xff, count: 8), "cut off"),
        ([0xbb] + [UInt8](repeating: 0xff, count: 8), "cut off"),
        ([0x5b] + [UInt8](repeating: 0xff, count: 8), "cut off"),
        ([0x9f, 0xff], "definite length"), ([0xc2, 0x01], "byte string"), ([0x20], "crosvm"),
        ([0x00, 0x00], "first item"), ([], "cut off"), ([0xa0], "vcpu_id"),
        (
            [0xa1, 0x67] + Array("vcpu_id".utf8) + [0x1b] + [UInt8](repeating: 0xff, count: 8),
            "vcpu_id"
        ),
        (Array(#"{"vcpu_id":0,"x":[0]}"#.utf8), "31 numbers"),
        (Array(#"{"vcpu_id":0"#.utf8), "JSON"),
    ]

    @Test("crosvm", arguments: items)
    func crosvm(bytes: [UInt8], word: String) {
        let error = #expect(throws: VMMFileError.self) {
            try CrosvmSnapshot.read(vcpus: [try .init(named: "vcpu0", bytes)])
        }
        #expect(error?.description.contains(word) == true, "\(String(describing: error))")
    }

    // MARK: Recognition

    @Test("Nothing else is taken for a checkpoint")
    func recognition() throws {
        let others: [[UInt8]] = [
            [], [0], [UInt8](repeating: 0, count: 64), Array("vhost 1\nname x\n".utf8),
            Array("SMOLPORT".utf8) + [UInt8](repeating: 0, count: 32),
            [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0],
            try StreamFixture.kvmN1.bytes, [0x1f, 0x8b, 0x08] + [UInt8](repeating: 0, count: 61),
            [0x28, 0xb5, 0x2f, 0xfd], Array("{\"a\": 1}".utf8), [0xa1, 0x61, 0x61, 0x00],
        ]
        for other in others {
            let beginning = Array(other.prefix(64))
            #expect(!LibkrunCheckpoint.isBeginning(beginning), "\(beginning)")
            #expect(
                !CloudHypervisorState.isBeginning(beginning)
                    && !CrosvmSnapshot.isBeginning(beginning))
        }
        let spaced = Array("{\n  \"snapshots\": {".utf8)
        #expect(CloudHypervisorState.isBeginning(spaced))
    }
}
