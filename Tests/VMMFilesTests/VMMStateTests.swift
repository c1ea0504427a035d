import Registers
import Testing
import VCPUModel
import VMMFiles

@Suite("The state that a VMM's file tells")
struct VMMStateTests {
    private static func register(_ id: RegisterID, _ bits: UInt64) throws -> VMMRegister {
        let size = try #require(id.size)
        let zero = try #require(RegisterValue.zero(size: size))
        return try #require(VMMRegister(id, zero.replacingLowBits(with: bits)))
    }

    @Test("Registers keep the file's order, and the snapshot has them by their ids")
    func order() throws {
        let registers = try [
            Self.register(.sctlrEL1, 1), Self.register(.x(1), 2), Self.register(.x(0), 3),
        ]
        let vcpu = try VMMVCPU(index: 0, registers: registers, mpState: 5)
        #expect(vcpu.registers == registers)
        let list = vcpu.state.registers
        #expect(list[.x(0)]?.bits == 3)
        #expect(list[.sctlrEL1]?.bits == 1)
        #expect(list[.mpState]?.bits == 5)
    }

    @Test("Features that no file tells are those that the registers show")
    func features() throws {
        let plain = try VMMVCPU(index: 0, registers: [Self.register(.x(0), 0)])
        #expect(plain.state.registers[.vcpuInit].flatMap { VCPUInit($0) }?.features == .psci02)
        let vector = try VMMVCPU(
            index: 0, registers: [Self.register(.z(0), 0), Self.register(.pmcrEL0, 0)])
        let shown = try #require(vector.state.registers[.vcpuInit].flatMap { VCPUInit($0) })
        #expect(shown.features == [.psci02, .sve, .pmuV3])
        #expect(vector.state.registers[.vcpuFinalized] == shown.features.finalizedValue)
    }

    @Test("What stands twice is refused, and so are vCPUs in another order")
    func refused() throws {
        let twice = try [Self.register(.x(0), 0), Self.register(.x(0), 0)]
        let error = #expect(throws: VMMFileError.self) {
            try VMMVCPU(index: 7, registers: twice)
        }
        #expect(error?.description.contains("vCPU 7: expected each register once") == true)
        let vcpus = try [1, 0].map { try VMMVCPU(index: $0, registers: []) }
        #expect(throws: VMMFileError.self) {
            try VMMState(.firecracker, facts: [], vcpus: vcpus)
        }
    }

    @Test("Ids of other architectures and of vcpusnap itself are no registers of a file")
    func ids() {
        #expect(VMMRegister(.mpState, RegisterValue(0, size: 4)) == nil)
        #expect(VMMRegister(.x(0), RegisterValue(0, size: 4)) == nil)
        #expect(VMMRegister(RegisterID(rawValue: 0x4030_0000_0010_0000), RegisterValue(0)) == nil)
    }

    @Test("The provenance says which VMM, and what the file says of itself")
    func provenance() throws {
        let state = try VMMState(
            .firecracker, facts: [.init("version", "10.0.0")],
            vcpus: [VMMVCPU(index: 0, registers: [Self.register(.midrEL1, 0x410f_d0c0)])])
        let provenance = state.snapshot.provenance
        #expect(provenance[.vmm] == "Firecracker")
        #expect(provenance[.init(rawValue: "file.version")] == "10.0.0")
        #expect(provenance[.midr] == "0x410fd0c0")
    }
}
