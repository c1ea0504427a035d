import Emulation
import Foundation
import LinuxSystem
import Planning
import QEMUStream
import Registers
import TestFiles
import Testing
import Transfer
import VCPUModel

@Suite("What QEMU does with a stream when it emulates the vCPUs")
struct EmulatedLoadTests {
    private static let old = QEMUVersion(10, 0)

    private func stream(_ version: String) throws -> QEMUStream {
        let file = "Tests/QEMUStreamTests/Streams/tcg-\(version)-cortex-a57.mig"
        return try QEMUStream(
            Array(Data(contentsOf: ProjectFolder.url.appendingPathComponent(file))))
    }

    private func destination(
        _ name: String, machine: String? = "virt-7.2"
    ) throws -> TCGDestination {
        let model = try #require(try TCGModel.builtIn(named: "\(name)-cortex-a57"))
        return TCGDestination(
            model, try #require(QEMUVersion(parsing: name)), machine: machine, vcpus: 1)
    }

    private func plan(_ stream: QEMUStream, _ destination: String) throws -> LoadPlan {
        try LoadPlan(
            of: stream, on: try self.destination(destination), policy: RestorePolicy(.safe))
    }

    private func mend(_ stream: QEMUStream, _ destination: String) throws -> StreamMend {
        try StreamMend(
            of: stream, on: try self.destination(destination), policy: RestorePolicy(.safe))
    }

    @Test("Every recorded model is read, and is of the CPU and version in its name")
    func models() throws {
        #expect(TCGModel.builtInNames.count >= 30)
        for name in TCGModel.builtInNames {
            let model = try #require(try TCGModel.builtIn(named: name))
            #expect(model.name == name && model.registers.count > 200)
            #expect(model.subsections.contains("cpu/vfp"))
        }
        #expect(
            try TCGModel.recorded("max", of: "10.0")?.qemu
                == TCGModel.versions(of: "max").last { $0.hasPrefix("10.0.") })
        #expect(try TCGModel.recorded("max", of: "10.0.2")?.qemu == "10.0.2")
        #expect(try TCGModel.recorded("max", of: "9.0") == nil)
    }

    @Test(
        "A stream loads in the QEMU that wrote it, by the recorded model and by the stream itself")
    func own() throws {
        for (version, qemu) in [("10.0", "10.0.13"), ("11.1", "11.1.3")] {
            let stream = try stream(version)
            let plan = try plan(stream, qemu)
            #expect(plan.verdict == .loads && plan.output.isEmpty && plan.isEmulated)
            let itself = try TCGDestination(
                stream, try #require(QEMUVersion(parsing: version)), named: "itself")
            let other = try LoadPlan(of: stream, on: itself, policy: RestorePolicy(.safe))
            #expect(other.verdict == .loads)
        }
    }

    @Test("11.1 names what only the stream has, and ends with EINVAL")
    func newer() throws {
        let plan = try plan(try stream("10.0"), "11.1.3")
        #expect(plan.verdict == .fails && plan.vcpus[0].failure == .unknownRegisters)
        #expect(
            plan.output == [
                "handle_cpreg_only_in_incoming_stream: system register 0x1013c030 in the incoming "
                    + "stream but unknown on the destination: fail migration",
                "load of migration failed: Invalid argument: error while loading state for instance "
                    + "0x0 of device 'cpu': post load hook failed for: cpu, version_id: 22, "
                    + "minimum_version: 22, ret: -1",
            ])
        #expect(try plan.load(of: "ID_AA64ISAR0_EL1").fate == .unknown)
    }

    @Test("10.0 ends with an assertion at the timer that 11.1 gives every CPU")
    func timer() throws {
        let plan = try plan(try stream("11.1"), "10.0.13")
        #expect(plan.vcpus[0].failure == .timerWithoutWFxT)
        #expect(plan.output.count == 1 && plan.output[0].contains("Assertion"))
    }

    @Test("What is constant there and not in the stream is compared with memory")
    func unset() throws {
        var section = try stream("11.1").cpus[0]
        let timer = try #require(section.subsection("cpu/wfxt-timer"))
        #expect(section.bytes(of: timer) == Array(repeating: 0xff, count: 8))
        let mended = try StreamMend(
            of: try stream("11.1"), on: nil, policy: RestorePolicy(.safe), versions: [Self.old],
            knownTo: Self.old)
        #expect(mended.isSafe && mended.vcpus[0].leftOut.map(\.name) == ["cpu/wfxt-timer"])
        section = mended.sections[0]
        #expect(section.subsection("cpu/wfxt-timer") == nil)
        let plan = try plan(try stream("11.1").replacing(mended.sections), "10.0.13")
        #expect(plan.vcpus[0].failure == .unsetConstants)
        let load = try plan.load(of: "ID_AA64ISAR0_EL1")
        #expect(load.fate == .refused && load.incoming == nil && load.held?.lowBits == 0x11120)
    }

    @Test(
        "A mended stream has the destination's list and no other, and loads there",
        arguments: [("11.1", "10.0.13"), ("11.1", "10.0.2"), ("10.0", "11.1.3")])
    func mended(version: String, qemu: String) throws {
        let stream = try stream(version)
        let mend = try mend(stream, qemu)
        #expect(mend.isSafe && mend.refusals.isEmpty)
        let result = try stream.replacing(mend.sections)
        let model = try #require(try TCGModel.builtIn(named: "\(qemu)-cortex-a57"))
        #expect(result.cpus[0].entries.map(\.id) == model.registers.map(\.id))
        #expect(try plan(result, qemu).verdict == .loads)
        #expect(try self.mend(result, qemu).changesNothing)
    }

    @Test("What the guest wrote into a register that the destination lacks is not taken out")
    func written() throws {
        let stranger = RegisterID(rawValue: 0x6030_0000_0013_8fff)
        let changed = try stream("10.0").replacing(
            try stream("10.0").cpus.map { section in
                var section = section
                var entries = section.entries
                entries.set(stranger, 7)
                try section.replaceEntries(entries)
                return section
            })
        let mend = try mend(changed, "11.1.3")
        #expect(!mend.isSafe && mend.refusals.map(\.id) == [stranger])
        let rules = try RestorePolicy(
            parsing: Array("vpolicy 1\ndrop \(stranger.name)\n".utf8), file: "policy")
        let forced = try StreamMend(
            of: changed, on: try destination("11.1.3"), policy: rules)
        #expect(forced.isSafe)
    }

    @Test("A subsection that holds something is not left out, and says what loads it")
    func subsectionWithValue() throws {
        let original = try stream("11.1")
        let section = original.cpus[0]
        let timer = try #require(section.subsection("cpu/wfxt-timer"))
        var bytes = try original.bytes.read(at: 0, count: Int(original.bytes.size))
        let body = section.bytes(of: timer)
        let place = try #require(
            bytes.firstRange(of: Array("cpu/wfxt-timer".utf8) + [0, 0, 0, 1] + body))
        bytes[place.upperBound - 1] = 0
        let mend = try StreamMend(
            of: try QEMUStream(bytes), on: nil, policy: RestorePolicy(.safe),
            versions: [Self.old], knownTo: Self.old)
        #expect(!mend.isSafe && mend.vcpus[0].leftOut.isEmpty)
        #expect(mend.vcpus[0].unknownSubsections.map(\.firstVersion) == [QEMUVersion(9, 1)])
    }

    @Test("A register of 32 bits holds no more, but for those that hold 64")
    func upperHalf() throws {
        let model = try #require(try TCGModel.builtIn(named: "10.0.13-cortex-a57"))
        for kind in [TCGModel.Register.Kind.variable, .wide] {
            let ids = model.registers.filter { $0.kind == kind && $0.id.size == 4 }.map(\.id)
            let id = try #require(ids.last)
            let changed = try stream("10.0").replacing(
                try stream("10.0").cpus.map { section in
                    var section = section
                    var entries = section.entries
                    entries.set(id, 1 << 32)
                    try section.replaceEntries(entries)
                    return section
                })
            let isWide = kind == .wide
            let itself = try TCGDestination(try stream("10.0"), Self.old, named: "itself")
            for place in [try destination("10.0.13"), itself] {
                let plan = try LoadPlan(of: changed, on: place, policy: RestorePolicy(.safe))
                #expect(plan.vcpus[0].failure == (isWide ? nil : .otherConstants), "\(id)")
                #expect((plan.verdict == .loads) == isWide, "\(id)")
            }
        }
    }

    @Test("Machine types have values of their own")
    func machines() throws {
        let model = try #require(try TCGModel.builtIn(named: "10.0.13-max"))
        func value(_ machine: String?) -> UInt64? {
            model.registers(with: machine).first { $0.id == .idAA64ISAR1EL1 }?.value
        }
        #expect(value(nil) != value("virt-9.2"))
        #expect(value("virt-9.2") == value("virt-7.2") && value("virt-10.0") == value(nil))
    }

    @Test(
        "The number of vCPUs stands in two bits of a register, above which 7.2 goes on",
        arguments: [
            ("7.2.22", [0, 0x100_0000, 0x300_0000, 0x400_0000]),
            ("10.0.13", [0, 0x100_0000, 0x300_0000, 0x300_0000]),
            ("11.1.3", [0, 0x100_0000, 0x300_0000, 0x300_0000]),
        ] as [(String, [UInt64])])
    func countedRegisters(qemu: String, values: [UInt64]) throws {
        let model = try #require(try TCGModel.builtIn(named: "\(qemu)-cortex-a57"))
        for (count, value) in zip([1, 2, 4, 5], values) {
            let counted = model.registers(with: nil, vcpus: count).filter { $0.kind == .counted }
            #expect(counted.count == 2 && counted.allSatisfy { $0.value == value })
        }
    }

    @Test("A register with the number of vCPUs that a stream lacks is added by a mend")
    func countedRegisterIsAdded() throws {
        let stream = try QEMUStream(.kvmN1)
        let model = try #require(try TCGModel.builtIn(named: "11.1.3-cortex-a57"))
        let place = TCGDestination(
            model, QEMUVersion(11, 1), machine: "virt-10.0", vcpus: stream.cpus.count)
        let force = RestorePolicy(.force)
        #expect(try LoadPlan(of: stream, on: place, policy: force).verdict == .fails)
        let mend = try StreamMend(of: stream, on: place, policy: force)
        #expect(mend.isSafe)
        let counted = try #require(model.registers.first { $0.kind == .counted })
        for section in mend.sections {
            let value = section.entries.first { $0.id == counted.id }?.value
            #expect(value == 0x100_0000)
        }
    }
}
