import Registers
import Testing
import VCPUModel

@Suite("Difference of two snapshots")
struct SnapshotDifferenceTests {
    private func id(_ name: String) throws -> RegisterID {
        try #require(RegisterID(parsing: name))
    }

    private func snapshot(
        _ values: [String: UInt64], index: UInt32 = 0, tool: String = "test"
    ) throws -> Snapshot {
        var registers = RegisterList()
        for (name, bits) in values {
            let id = try id(name)
            let isSet = registers.set(RegisterValue(bits, size: id.size ?? 8), for: id)
            #expect(isSet)
        }
        var provenance = Provenance()
        provenance[.tool] = tool
        return Snapshot(
            provenance: provenance, vcpus: [VCPUState(index: index, registers: registers)])
    }

    @Test func sameIsEmpty() throws {
        let one = try snapshot(["x0": 1, "SCTLR_EL1": 2])
        let difference = SnapshotDifference(one, one)
        #expect(difference.isSame && difference.isExactlySame)
        #expect(difference.provenance.isEmpty)
    }

    @Test func theVMIsAUnitOfItsOwn() throws {
        var (left, right) = (try snapshot(["x0": 1]), try snapshot(["x0": 1]))
        left.vm = try snapshot(["x1": 5]).vcpus[0].registers
        var difference = SnapshotDifference(left, right)
        #expect(!difference.isSame)
        #expect(difference.units.map(\.unit) == [.vm])
        #expect(difference.units[0].presence == .left)
        right.vm = try snapshot(["x1": 6]).vcpus[0].registers
        difference = SnapshotDifference(left, right)
        #expect(difference.units.map(\.presence) == [nil])
        #expect(difference.units[0].registers.map(\.id.name) == ["x1"])
    }

    /// The file keeps bytes, so texts that Unicode calls equivalent are two texts.
    @Test func provenanceIsComparedAsBytes() throws {
        let difference = SnapshotDifference(
            try snapshot(["x0": 1], tool: "caf\u{e9}"), try snapshot(["x0": 1], tool: "cafe\u{301}")
        )
        #expect(difference.provenance.map(\.key) == [.tool])
        #expect(difference.isExactlySame)
    }

    /// A translation that failed says other things than one that succeeded.
    @Test func fieldsOfTheLayoutThatBothValuesHave() throws {
        func fields(_ left: UInt64, _ right: UInt64) throws -> [String]? {
            let difference = SnapshotDifference(
                try snapshot(["PAR_EL1": left]), try snapshot(["PAR_EL1": right]))
            return difference.units.first?.registers.first?.fields.map(\.field.name)
        }
        #expect(try fields(0x80b, 0x80f) == ["FST"])
        #expect(try fields(0x1000, 0x3000) == ["PA"])
        #expect(try fields(0x80b, 0x3000) == [])
    }

    @Test func fieldsThatAnAArch32GuestDoesNotHave() throws {
        func fields(_ name: String, pstate: UInt64) throws -> [String]? {
            let difference = SnapshotDifference(
                try snapshot([name: 0, "pstate": pstate]), try snapshot([name: 7, "pstate": 0x3c5]))
            return difference.units.first?.registers.first { $0.id.name == name }?.fields
                .map(\.field.name)
        }
        #expect(try fields("ESR_EL1", pstate: 0x3c5) == ["ISS"])
        #expect(try fields("ESR_EL1", pstate: 0x1d3) == [])
        #expect(try fields("CNTKCTL_EL1", pstate: 0x1d3) != [])
    }

    @Test func fieldsAreNamed() throws {
        let difference = SnapshotDifference(
            try snapshot(["ID_AA64PFR0_EL1": 0x1000_0000_0000_0011]),
            try snapshot(["ID_AA64PFR0_EL1": 0x0000_0000_0000_0011]))
        let register = try #require(difference.units.first?.registers.first)
        #expect(register.fields.map(\.field.name) == ["CSV3"])
        #expect(register.fields.first?.left == 1)
        #expect(register.fields.first?.right == 0)
        #expect(register.category == .identification)
        #expect(!difference.isSame)
    }

    @Test func countersStandApart() throws {
        let difference = SnapshotDifference(
            try snapshot(["CNTVCT_EL0": 1, "CNTV_CTL_EL0": 5]),
            try snapshot(["CNTVCT_EL0": 2, "CNTV_CTL_EL0": 1]))
        let vcpu = try #require(difference.units.first)
        #expect(vcpu.registers.isEmpty)
        #expect(Set(vcpu.volatile.map(\.id.name)) == ["CNTVCT_EL0", "CNTV_CTL_EL0"])
        #expect(difference.isSame)
        #expect(!difference.isExactlySame)
    }

    @Test func oneSidedRegistersDiffer() throws {
        let difference = SnapshotDifference(
            try snapshot(["x0": 1, "TCR2_EL1": 0]), try snapshot(["x0": 1]))
        let register = try #require(difference.units.first?.registers.first)
        #expect(register.left?.bits == 0)
        #expect(register.right == nil)
        #expect(register.fields.isEmpty)
    }

    @Test func vcpusOfOneSideAreNamed() throws {
        let difference = SnapshotDifference(
            try snapshot(["x0": 1], index: 0), try snapshot(["x0": 1], index: 3))
        #expect(difference.units.map(\.unit) == [.vcpu(0), .vcpu(3)])
        #expect(difference.units.map(\.presence) == [.left, .right])
        #expect(!difference.isSame)
    }

    @Test func provenanceIsListedButDoesNotCount() throws {
        let difference = SnapshotDifference(
            try snapshot(["x0": 1], tool: "a"), try snapshot(["x0": 1], tool: "b"))
        #expect(difference.provenance.map(\.key) == [.tool])
        #expect(difference.isSame)
    }
}
