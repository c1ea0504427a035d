import Foundation
import QEMUStream
import Registers
import TestFiles
import Testing
import VCPUModel

/// Interrupt controllers of real streams, against `interrupts.py` of Tests/QEMU, which knows nothing of this program and
/// goes by the names in the streams' descriptions.
@Suite("Interrupt controllers of streams")
struct InterruptStateTests {
    static let streams = [
        "kvm-6.12-max", "kvm-6.12-neoverse-n1", "tcg-cortex-a15", "tcg-max", "tcg-11.1-gicv3-el2",
    ]

    private static func contents(of name: String) throws -> [UInt8] {
        let file = ProjectFolder.file("Tests/QEMUStreamTests/Streams/\(name)")
        return Array(try Data(contentsOf: URL(fileURLWithPath: file.path)))
    }

    private static func stream(_ name: String) throws -> [UInt8] {
        try contents(of: name + ".mig")
    }

    @Test("Every register is that of another reader, and there are no others", arguments: streams)
    func values(name: String) throws {
        let stream = try QEMUStream(Self.stream(name))
        let interrupts = try #require(stream.interrupts)
        var expected: [String: [RegisterID: UInt64]] = [:]
        let lines = String(decoding: try Self.contents(of: name + ".interrupts"), as: UTF8.self)
        for line in lines.split(separator: "\n") {
            let words = line.split(separator: " ")
            let id = try #require(RegisterID(parsing: String(words[1])), "\(line)")
            expected[String(words[0]), default: [:]][id] = UInt64(words[2].dropFirst(2), radix: 16)
        }
        #expect(expected.count == stream.cpus.count + 1)
        for (unit, registers) in interrupts.units {
            let found = registers.filter { $0.0 != .unknownState }.map { ($0, $1.lowBits) }
            #expect(Dictionary(uniqueKeysWithValues: found) == expected[unit], "\(unit)")
        }
    }

    @Test("What KVM hides is said to be unknown, and nothing of QEMU's own", arguments: streams)
    func unknown(name: String) throws {
        let interrupts = try #require(try QEMUStream(Self.stream(name)).interrupts)
        let unknown = interrupts.vm[.unknownState].map { UnknownState(rawValue: $0.lowBits) }
        #expect(unknown?.contains(.linesOfEdges) == (name.hasPrefix("kvm") ? true : nil))
        #expect(unknown?.contains(.itsTables) != true)
    }

    @Test("A stream of devices alone has them too")
    func devices() throws {
        let alone = try #require(try StreamFixture.kvmDevices.stream.interrupts)
        let whole = try #require(try StreamFixture.kvmN1.stream.interrupts)
        // What the machine's name tells.
        let setUp = whole.vm.ids.filter { !alone.vm.contains($0) }
        let names = ["GIC_NR_IRQS", "GIC_ADDRESS_DIST", "GIC_REDIST_REGION0", "GITS0_ADDRESS"]
        #expect(setUp.map(\.name) == names)
        #expect(alone.vm.ids == whole.vm.ids.filter { !setUp.contains($0) })
        #expect(alone.vcpus.map(\.ids) == whole.vcpus.map(\.ids))
    }

    @Test(
        "Banks have it beside the rest, and keep it as it is",
        arguments: ["kvm-6.12-max", "tcg-cortex-a15"])
    func banks(name: String) throws {
        let stream = try QEMUStream(Self.stream(name))
        let interrupts = try #require(stream.interrupts)
        let banks = [try #require(stream.vmBank)] + stream.banks.map { $0 as any RegisterBank }
        for (bank, (_, registers)) in zip(banks, interrupts.units) {
            let listed = try bank.list()
            #expect(listed == listed.sorted() && Set(listed).isSuperset(of: registers.ids))
            for (id, value) in registers {
                #expect(try bank.read(id) == value)
                try bank.write(value, to: id)
                let other = RegisterValue(~value.lowBits, size: value.size)
                #expect(throws: RegisterBankError.self, "\(id.name)") {
                    try bank.write(other, to: id)
                }
                #expect(try bank.read(id) == value)
            }
        }
        let cpu = try #require(stream.banks.first)
        try cpu.write(RegisterValue(5, size: 8), to: .x(0))
        let patch = try stream.patch(replacing: [cpu.section])
        let changed = try QEMUStream(patch.applied(to: try Self.stream(name)))
        #expect(changed.interrupts == interrupts)
        #expect(changed.cpus.map(\.body) != stream.cpus.map(\.body))
    }

    @Test("Without the mark of QEMU 2.12, which has other words, it is left out, and that is said")
    func mark() throws {
        let bytes = try Self.stream("kvm-6.12-neoverse-n1")
        let start = try body(of: "arm_gicv3", in: bytes)
        var damaged = bytes
        let mark = Array("gicd_no_migration_shift_bug".utf8)
        let place = try #require(
            bytes.indices.dropFirst(start).first { bytes[$0...].starts(with: mark) })
        damaged[place] ^= 1
        let stream = try QEMUStream(damaged)
        #expect(stream.interrupts == nil && stream.vmBank == nil)
        #expect(stream.interruptProblem?.contains("arm_gicv3") == true)
        #expect(stream.banks.allSatisfy { !$0.list().contains(.gicrCtlr) })
    }

    @Test("Where nothing says where it is, that is said")
    func searched() throws {
        let whole = try QEMUStream(Self.stream("kvm-6.12-neoverse-n1"))
        let cut = try QEMUStream(
            Array(Self.stream("kvm-6.12-neoverse-n1").dropLast(40)), reading: .partial)
        #expect(whole.interrupts != nil && cut.interrupts == nil)
        #expect(cut.interruptProblem != nil && cut.cpus.count == whole.cpus.count)
    }

    /// Where the body of a section begins.
    private func body(of name: String, in bytes: [UInt8]) throws -> Int {
        let header = [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, 0]
        let start = try #require(
            bytes.indices.first {
                $0 >= 5 && bytes[$0 - 5] == 4 && bytes[$0...].starts(with: header)
            })
        return start + header.count + 4
    }

    @Test(
        "Another version is not understood, and the vCPUs are read",
        arguments: [("kvm-6.12-max", "arm_gicv3"), ("tcg-max", "arm_gic")])
    func otherVersion(name: String, device: String) throws {
        var bytes = try Self.stream(name)
        let whole = try QEMUStream(bytes)
        bytes[try body(of: device, in: bytes) - 1] ^= 2
        let stream = try QEMUStream(bytes)
        #expect(stream.interrupts == nil && stream.interruptProblem != nil)
        #expect(whole.interruptProblem == nil)
        #expect(stream.cpus.map(\.body) == whole.cpus.map(\.body))
    }

    @Test(
        "A flipped byte changes a register, or the section is not understood, or it tells nothing")
    func flips() throws {
        let bytes = try Self.stream("kvm-6.12-neoverse-n1")
        let whole = try QEMUStream(bytes)
        let start = try body(of: "arm_gicv3", in: bytes)
        var (changed, refused) = (0, 0)
        for offset in stride(from: 0, to: 10_932, by: 13) {
            var damaged = bytes
            damaged[start + offset] ^= 0x85
            let stream = try QEMUStream(damaged)
            #expect(stream.cpus.map(\.body) == whole.cpus.map(\.body))
            if stream.interruptProblem != nil { refused += 1 }
            if stream.interrupts != whole.interrupts { changed += 1 }
        }
        #expect(changed > 100 && refused >= 1)
    }
}

extension InterruptState {
    fileprivate var units: [(String, RegisterList)] {
        [("vm", vm)] + vcpus.enumerated().map { (String($0), $1) }
    }
}
