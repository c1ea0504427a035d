import Emulation
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// vCPUs of one VM on a host, made with these features, or as the profile's was, and finalized.
func start(
    on profile: HostProfile, vcpus count: Int = 1, features: VCPUFeatures? = nil
) throws -> [EmulatedCPU] {
    let request = try #require(profile.vcpuInit)
    let features = features ?? request.features
    let cpus = EmulatedHost(profile).makeVCPUs(count)
    for cpu in cpus {
        try cpu.initialize(with: VCPUInit(target: request.target, features: features))
    }
    return cpus
}

/// What a save of vCPUs on a host gives.
func save(_ cpus: [EmulatedCPU], on profile: HostProfile) throws -> Snapshot {
    var snapshot = Snapshot(provenance: Provenance(), vcpus: [])
    snapshot.provenance[.kernel] = profile.kernelRelease
    snapshot.provenance[.counterFrequency] = profile.counterFrequency.map { String($0) }
    for (index, cpu) in cpus.enumerated() {
        snapshot.vcpus.append(
            VCPUState(index: UInt32(index), registers: try Capture(of: cpu).registers))
    }
    return snapshot
}

/// A guest as it was started on a host.
func guest(of profile: HostProfile, vcpus count: Int = 1) throws -> Snapshot {
    try save(start(on: profile, vcpus: count), on: profile)
}

extension Snapshot {
    /// Gives a register of every vCPU these low bits, and zero above them.
    mutating func set(_ name: String, _ bits: UInt64) throws {
        let id = try register(name)
        let value = try value(String(bits), of: id)
        for index in vcpus.indices { vcpus[index].registers.set(value, for: id) }
    }
}

extension HostProfile {
    /// Gives a register these low bits, and zero above them.
    mutating func set(_ name: String, _ bits: UInt64) throws {
        let id = try register(name)
        registers.set(try value(String(bits), of: id), for: id)
    }

    /// Gives a field of a register another value.
    mutating func setField(_ name: String, _ field: String, _ bits: UInt64) throws {
        let place = try #require(RegisterDictionary.entry(named: name)?.field(named: field))
        try set(name, self.bits(name) & ~place.mask | place.placing(bits))
    }

    func bits(_ name: String) throws -> UInt64 {
        try #require(registers[register(name)]).lowBits
    }
}

extension MovePlan {
    /// The loss of one register, on the first vCPU.
    func loss(
        of name: String, _ place: SourceLocation = #_sourceLocation
    ) throws -> PlannedLoss {
        let id = try register(name)
        return try #require(
            units.first?.losses.first { $0.restore.id == id }, "no loss of \(name)",
            sourceLocation: place)
    }

    /// The names of all registers that are lost, on the first vCPU.
    var lostNames: [String] { units.first?.losses.map(\.restore.id.name) ?? [] }
}

extension MovePlan {
    /// All registers that are lost, on the first vCPU.
    var lostIDs: Set<RegisterID> { Set(units.first?.losses.map(\.restore.id) ?? []) }
}

extension PlannedLoss {
    /// Whether a VMM has to enable something for the register to be taken, whatever the kernel.
    var takesACapability: Bool { RegisterDictionary.entry(for: restore.id)?.capability != nil }
}

extension KernelVersion {
    /// Those from which on anything is otherwise, of any register.
    static let ofChanges = Set(RegisterDictionary.all.flatMap(\.changes)).sorted()
}

extension HostProfile {
    /// The same machine with another kernel, as a plan derives it.
    func withKernel(_ kernel: KernelVersion) throws -> HostProfile {
        try withKernel("\(kernel)", like: HostProfile.builtIn(ofCPU: #require(midr)))
    }
}
