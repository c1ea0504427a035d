import Emulation
import LinuxSystem
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel
import VMMFiles

/// What Firecracker does with its own file on a host: its order, its checks and its words.
@Suite("Loads of a VMM's file")
struct VMMLoadTests {
    /// Fresh vCPUs of a host as Firecracker saves them: KVM's list in KVM's order, core registers first.
    private static func state(
        of host: String, features: VCPUFeatures = .psci02, vcpus: Int = 2
    ) throws -> VMMState {
        let made = EmulatedHost(try builtIn(host)).makeVCPUs(vcpus)
        let request = VCPUInit(features: features)
        return try VMMState(
            .firecracker, facts: [],
            vcpus: made.enumerated().map { index, vcpu in
                try vcpu.initialize(with: request)
                let listed = vcpu.list().filter { $0.architecture == .arm64 }
                let core = listed.filter { if case .core = $0.group { true } else { false } }
                let ids = core + listed.filter { !core.contains($0) }
                let registers = try ids.map { id in try #require(VMMRegister(id, try vcpu.read(id)))
                }
                return try VMMVCPU(
                    index: UInt32(index), registers: registers, mpState: index == 0 ? 0 : 5,
                    initialization: request)
            })
    }

    private static func load(
        _ state: VMMState, on host: String, _ policy: RestorePolicy = RestorePolicy(.safe)
    ) throws -> VMMLoad {
        try #require(VMMLoad(of: state, on: try builtIn(host), policy: policy))
    }

    @Test("On its own host it loads, and nothing is printed")
    func ownHost() throws {
        let load = try Self.load(try Self.state(of: "6.12-neoverse-n1"), on: "6.12-neoverse-n1")
        #expect(load.verdict == .loads)
        #expect(load.output.isEmpty)
        #expect(load.vcpus.count == 2)
        #expect(load.vcpus.allSatisfy { $0.failure == nil && $0.registers.count > 200 })
    }

    @Test("It gives up at the first register of the file's order that KVM refuses")
    func firstRefusal() throws {
        let state = try Self.state(of: "6.12-neoverse-n1")
        let load = try Self.load(state, on: "6.1-neoverse-n1")
        #expect(load.verdict == .fails)
        let refused = Set(load.vcpus[0].registers.filter(\.fate.isFailure).map(\.id))
        let order = state.vcpus[0].registers
        let first = try #require(order.firstIndex { refused.contains($0.id) })
        guard case .register(let register, let errno, let number) = load.vcpus[0].failure else {
            return #expect(Bool(false), "\(String(describing: load.vcpus[0].failure))")
        }
        #expect(register == order[first] && number == first + 1)
        let line = try #require(load.output.first)
        #expect(load.output.count == 1)
        #expect(
            line.hasPrefix(
                "Load snapshot error: Failed to restore from snapshot: Failed to build microVM from "
                    + "snapshot: Failed to restore vCPUs: Failed to run action on vcpu: Failed to restore "
                    + "the state of the vcpu: Failed to set register \(register.id.hex) to value 0x"
            ))
        #expect(line.hasSuffix(": \(errno.sentence) (os error \(errno.rawValue))"))
    }

    @Test("In another order another register is the first")
    func otherOrder() throws {
        let state = try Self.state(of: "6.12-neoverse-n1", vcpus: 1)
        let vcpu = state.vcpus[0]
        let reversed = try VMMState(
            .firecracker, facts: [],
            vcpus: [
                VMMVCPU(
                    index: 0, registers: vcpu.registers.reversed(), mpState: 0,
                    initialization: vcpu.initialization)
            ])
        let loads = try [state, reversed].map { try Self.load($0, on: "6.1-neoverse-n1") }
        #expect(loads[0].vcpus[0].failure != loads[1].vcpus[0].failure)
        #expect(loads.allSatisfy { $0.verdict == .fails })
    }

    @Test("A value is printed with all its digits, and an absent register as no file")
    func words() throws {
        let state = try Self.state(of: "6.12-neoverse-n1", vcpus: 1)
        let count = try #require(state.vcpus[0].registers.first { $0.id == .cntpctEL0 })
        let alone = try VMMState(
            .firecracker, facts: [],
            vcpus: [
                VMMVCPU(
                    index: 0,
                    registers: [try #require(VMMRegister(count.id, RegisterValue(0x1234)))],
                    initialization: VCPUInit(features: .psci02))
            ])
        let load = try Self.load(alone, on: "6.1-neoverse-n1")
        #expect(
            load.output.first?.hasSuffix(
                "Failed to set register \(RegisterID.cntpctEL0.hex) to value 0x0000000000001234: No such "
                    + "file or directory (os error 2)") == true, "\(load.output)")
        #expect(load.vcpus[0].registers.first { $0.id == .cntpctEL0 }?.fate == .unknown)
    }

    @Test("A PMU is refused by Firecracker itself, SVE by a host that has none")
    func features() throws {
        let host = "6.12-neoverse-n1"
        let pmu = try Self.load(
            try Self.state(of: host, features: [.psci02, .pmuV3]), on: host)
        #expect(pmu.vcpus[0].failure == .features(.pmuV3))
        #expect(
            pmu.output.first?.hasSuffix(
                "Found unsupported KVM_ARM_VCPU_PMU_V3 bit set in vcpu features.") == true)
        let sve = try Self.load(
            try Self.state(of: "6.12-neoverse-v1", features: [.psci02, .sve]), on: host)
        #expect(sve.vcpus[0].failure == .initialization(.sve, .invalidArgument))
        #expect(
            sve.output.first?.hasSuffix(
                "Error initializing the vcpu: Invalid argument (os error 22)") == true)
    }

    @Test("With SVE the vector lengths are written before the vCPU is finalized")
    func vectorLengths() throws {
        let state = try Self.state(of: "6.12-neoverse-v1", features: [.psci02, .sve])
        #expect(state.vcpus[0].registers.contains { $0.id == .sveVLS })
        let load = try Self.load(state, on: "6.12-neoverse-v1")
        #expect(load.verdict == .loads, "\(String(describing: load.vcpus[0].failure))")
    }
}
