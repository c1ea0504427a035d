import Planning
import QEMUStream
import TestFiles
import TestSubjects
import Testing
import Transfer

/// What a stream says beside its fields and its list, and what QEMU says where it does not know it.
@Suite("Subsections that a version of QEMU does not know")
struct SubsectionLoadTests {
    private static let lengths = [
        "cpu/zt0": 64, "cpu/syndrome64": 8, "cpu/pstate64": 8,
        "cpu/event": 1, "cpu/fpmr": 8, "cpu/iwmmxt": 192, "cpu/thumb2ee": 8, "cpu/serror": 10,
        "cpu/wfxt-timer": 8,
    ]

    /// A stream without a description, whose last vCPU has that subsection, too.
    private func stream(with name: String) throws -> QEMUStream {
        let length = try #require(Self.lengths[name])
        func subsection(_ name: String, _ fields: [UInt8]) -> [UInt8] {
            [5, UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, 1] + fields
        }
        var bytes = try StreamFixture.kvmDevices.bytes
        let last = subsection("cpu/irq-line-state", [0, 0, 0, 0])
        let start = try #require(
            bytes.indices.last { bytes[$0...].starts(with: last) }, "no subsection to put it after")
        // The timer's is no time at all.
        let fields = [UInt8](repeating: name == "cpu/wfxt-timer" ? 0xff : 0, count: length)
        bytes.insert(contentsOf: subsection(name, fields), at: start + last.count)
        return try QEMUStream(bytes)
    }

    @Test(
        "They end the load by the versions before they came and after they went",
        arguments: [
            ("cpu/zt0", [(10, 0)], [(10, 1)]), ("cpu/syndrome64", [(10, 1)], [(10, 2)]),
            ("cpu/pstate64", [(10, 1)], [(10, 2)]), ("cpu/event", [(10, 2)], [(11, 0)]),
            ("cpu/fpmr", [(10, 0), (11, 0)], [(11, 1)]),
            ("cpu/iwmmxt", [(11, 1)], [(7, 2), (10, 0)]),
            ("cpu/thumb2ee", [], [(7, 2), (11, 1)]), ("cpu/serror", [], [(7, 2), (11, 1)]),
        ] as [(String, [(Int, Int)], [(Int, Int)])])
    func dates(name: String, without: [(Int, Int)], with: [(Int, Int)]) throws {
        let stream = try stream(with: name)
        #expect(stream.cpus.last?.subsection(name) != nil)
        for version in without {
            let plan = try loadPlan(
                stream, on: "6.12-neoverse-n1", by: QEMUVersion(version.0, version.1))
            #expect(plan.verdict == .fails)
            #expect(plan.vcpus.map(\.failure) == [nil, .unknownSubsection(name)])
        }
        for version in with {
            let plan = try loadPlan(
                stream, on: "6.12-neoverse-n1", by: QEMUVersion(version.0, version.1))
            #expect(plan.verdict != .fails)
        }
    }

    @Test("QEMU with KVM has no timer of WFxT, and ends at once where it knows of one")
    func timer() throws {
        let stream = try stream(with: "cpu/wfxt-timer")
        let host = "6.12-neoverse-n1"
        for (version, function) in [
            (QEMUVersion(10, 0), "vmstate_load_state"), (QEMUVersion(11, 1), "vmstate_load_vmsd"),
        ] {
            let plan = try loadPlan(stream, on: host, by: version)
            #expect(plan.verdict == .fails)
            #expect(plan.vcpus.map(\.failure) == [nil, .timerWithoutWFxT])
            #expect(plan.output.count == 1 && plan.output[0].hasPrefix("\(function): Assertion"))
        }
        let older = try loadPlan(stream, on: host, by: QEMUVersion(7, 2))
        #expect(older.vcpus.last?.failure == .unknownSubsection("cpu/wfxt-timer"))
        let mend = try StreamMend(
            of: stream, on: try builtIn(host), policy: RestorePolicy(.safe),
            versions: [QEMUVersion(11, 1)])
        #expect(mend.isSafe && mend.vcpus.last?.leftOut.map(\.name) == ["cpu/wfxt-timer"])
    }

    @Test("What QEMU prints")
    func words() throws {
        let device = "error while loading state for instance 0x1 of device 'cpu'"
        let old = try loadPlan(
            try stream(with: "cpu/fpmr"), on: "6.12-neoverse-n1", by: QEMUVersion(10, 0))
        #expect(old.output == [device, "load of migration failed: No such file or directory"])
        let new = try loadPlan(
            try stream(with: "cpu/iwmmxt"), on: "6.12-neoverse-n1", by: QEMUVersion(11, 1))
        #expect(
            new.output == [
                "load of migration failed: Invalid argument: \(device): "
                    + "VM subsection 'cpu/iwmmxt' in 'cpu' does not exist"
            ])
    }

    @Test("A mend is for the versions that know them all, where none is named")
    func mend() throws {
        let stream = try stream(with: "cpu/fpmr")
        let profile = try builtIn("6.12-neoverse-n1")
        let policy = RestorePolicy(.force)
        let mend = try StreamMend(of: stream, on: profile, policy: policy)
        #expect(mend.plans.map(\.version) == [QEMUVersion(11, 1)])
        #expect(mend.isSafe)
        let older = try StreamMend(
            of: stream, on: profile, policy: policy, versions: [QEMUVersion(10, 0)])
        #expect(older.isSafe)
        let leftOut = older.vcpus.flatMap(\.leftOut).map(\.name)
        #expect(leftOut == ["cpu/fpmr"], "\(leftOut)")
    }
}
