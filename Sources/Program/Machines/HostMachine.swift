internal import Emulation
internal import KVM
internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// A host's vCPUs, made for one command: in a scratch VM of KVM, or emulated.
struct HostMachine {
    var banks: [any RegisterBank]
    /// What is known of the host: kernel, MIDR, capabilities, counter frequency.
    var provenance: Provenance
    var kernel: KernelVersion?
    /// What `VCPU_INIT` is written with when nobody says otherwise.
    private var defaultInit: RegisterValue

    /// Makes vCPUs that are not initialised yet, as `KVM_CREATE_VCPU` leaves them.
    /// - Parameter capabilities: what to enable on their VM before, where the host has it.
    static func make(
        _ host: Location.Host, vcpus: Int, enabling capabilities: [KVMCapability] = []
    ) throws -> HostMachine {
        switch host {
        case .kvm: try HostMachine(kvmVCPUs: vcpus, enabling: capabilities)
        case .emulated(let name):
            HostMachine(try ProfileFile.load(name), vcpus: vcpus, enabling: capabilities)
        }
    }

    private init(kvmVCPUs count: Int, enabling capabilities: [KVMCapability]) throws {
        let system = try KVMSystem()
        let host = try KVMHost(system)
        banks = try ScratchVM(on: system, vcpuCount: count, enabling: capabilities).banks
        provenance = Provenance(
            kernel: host.kernelRelease, midr: host.midr, counterFrequency: host.counterFrequency,
            capabilities: host.capabilities)
        kernel = KernelVersion(parsing: host.kernelRelease)
        defaultInit = host.abilities.defaultInit.value
    }

    private init(_ profile: HostProfile, vcpus count: Int, enabling capabilities: [KVMCapability]) {
        banks = EmulatedHost(profile).makeVCPUs(count, enabling: capabilities)
        provenance = Provenance(
            kernel: profile.kernelRelease, midr: profile.midr,
            counterFrequency: profile.counterFrequency,
            capabilities: profile.capabilities.sorted { $0.key < $1.key }
                .map { (name: $0.key, value: Int($0.value)) })
        kernel = profile.kernel
        defaultInit = profile.registers[.vcpuInit] ?? RegisterValue(0)
    }

    /// Gives every vCPU its reset state, with all features an ordinary guest can use here.
    func initialise() throws(RegisterBankError) {
        for bank in banks {
            try bank.write(defaultInit, to: .vcpuInit)
            guard try bank.list().contains(.vcpuFinalized) else { continue }
            let features = try bank.read(.vcpuInit).lowBits >> 32
            let finalizable = VCPUFeatures.finalizable.rawValue
            try bank.write(
                RegisterValue(features & UInt64(finalizable), size: 4), to: .vcpuFinalized)
        }
    }
}

extension Location {
    /// A place where vCPUs can be made.
    enum Host {
        case kvm
        case emulated(String)
    }

    /// Nil for files, and for a VM that runs.
    var host: Host? {
        switch self {
        case .kvm: .kvm
        case .emulated(let name): .emulated(name)
        case .file, .standardStream, .qmp, .process: nil
        }
    }

    /// The path of a host profile, by its name's end: a pipe cannot be looked into and read again.
    var profilePath: String? {
        guard case .file(let path) = self, path.hasSuffix(".vhost") else { return nil }
        return path
    }
}

extension Provenance {
    fileprivate init(
        kernel: String, midr: UInt64?, counterFrequency: UInt64?,
        capabilities: [(name: String, value: Int)]
    ) {
        self.init()
        self[.tool] = Version.text
        self[.time] = SystemClock.utcTimestamp()
        self[.kernel] = kernel
        self[.midr] = midr.map { RegisterValue($0).description }
        self[.counterFrequency] = counterFrequency.map { String($0) }
        for (name, value) in capabilities where value != 0 && Self.matters(name) {
            self[.capability(name)] = String(value)
        }
    }

    /// Whether a capability says something about what a vCPU's state can be.
    private static func matters(_ capability: String) -> Bool {
        capability.hasPrefix("KVM_CAP_ARM_")
            || ["KVM_CAP_COUNTER_OFFSET", "KVM_CAP_STEAL_TIME"].contains(capability)
    }
}
