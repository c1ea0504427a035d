internal import Emulation
internal import Registers
internal import Transfer
internal import VCPUModel

/// A VM on an emulated host, made for one step of a plan: what `vcpusnap restore` would make on that host.
struct PlannedVM {
    private let profile: HostProfile
    private let vcpus: [EmulatedCPU]
    /// What it has once.
    private let bank: EmulatedVMBank

    /// - Parameter capabilities: enabled on it, those that the host has; by default as a restore does.
    init(
        on host: EmulatedHost, vcpuCount: Int,
        enabling capabilities: [KVMCapability] = KVMCapability.ofWritableRegisters
    ) {
        profile = host.profile
        (vcpus, bank) = host.makeVM(vcpuCount: vcpuCount, enabling: capabilities)
    }

    /// A fresh guest of a host with one vCPU.
    /// - Parameter features: what it is made with; nil for all that an ordinary guest can use.
    static func freshGuest(
        on profile: HostProfile, features: VCPUFeatures? = nil
    ) throws(RestoreError) -> Snapshot {
        let vm = PlannedVM(on: EmulatedHost(profile), vcpuCount: 1, enabling: [])
        var request = profile.vcpuInit ?? VCPUInit(features: [])
        if let features { request.features = features }
        try RestoreError.wrapping { () throws(RegisterBankError) in
            try vm.vcpus[0].initialize(with: request)
        }
        return try vm.guest(numbered: [0])
    }

    /// A guest with one vCPU that is started on a host with a baseline.
    /// - Returns: also the registers that the host refuses, each with the reason.
    static func freshGuest(
        on profile: HostProfile, with baseline: BaselineTemplate
    ) throws(RestoreError) -> (guest: Snapshot, refusals: [(id: RegisterID, reason: String)]) {
        let vm = PlannedVM(on: EmulatedHost(profile), vcpuCount: 1)
        let refusals = try vm.start(with: baseline.registers(on: profile))
        return (try vm.guest(numbered: [0]), refusals)
    }

    /// Writes what the only vCPU is to have before it runs; whatever else there is keeps its value.
    /// - Returns: the registers that the host refuses, each with the reason.
    func start(
        with registers: RegisterList
    ) throws(RestoreError) -> [(id: RegisterID, reason: String)] {
        try restore(
            [UnitState(.vcpu(0), registers)], policy: RestorePolicy(.safe), isPartial: true
        ).flatMap(\.losses).map { ($0.id, $0.reason ?? $0.outcome.name) }
    }

    /// Restores a snapshot, whose vCPUs are as many.
    func restore(
        _ snapshot: Snapshot, policy: RestorePolicy, clock: ClockMode = .stop
    ) throws(RestoreError) -> RestoreAccount {
        var options = options(policy)
        options.clock = clock
        return try Restore.perform(snapshot, into: vcpus, vm: bank, options: options)
    }

    /// Restores vCPUs alone.
    /// - Parameter isPartial: whether what they do not say of a register is no loss.
    func restore(
        _ states: [UnitState], policy: RestorePolicy, isPartial: Bool = false
    ) throws(RestoreError) -> [RestoreReport] {
        var options = options(policy)
        options.isPartial = isPartial
        return try Restore.run(states, into: vcpus, options: options)
    }

    /// The guest as it is now, under the numbers that its vCPUs have elsewhere.
    func guest(numbered indices: [UInt32]) throws(RestoreError) -> Snapshot {
        var provenance = Provenance()
        provenance.setHost(
            kernel: profile.kernelRelease, midr: profile.midr,
            counterFrequency: profile.counterFrequency)
        var guest = Snapshot(provenance: provenance, vcpus: [])
        for (index, vcpu) in zip(indices, vcpus) {
            let registers = try RestoreError.wrapping { () throws(RegisterBankError) in
                try vcpu.readAll()
            }
            guest.vcpus.append(VCPUState(index: index, registers: registers))
        }
        guest.vm = try RestoreError.wrapping { () throws(RegisterBankError) in
            try bank.readAll()
        }
        return guest
    }

    private func options(_ policy: RestorePolicy) -> Restore.Options {
        var options = Restore.Options()
        options.policy = policy
        options.kernel = profile.kernel
        options.enabled = KVMCapability.ofWritableRegisters
        return options
    }
}
