internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// What decides which vCPU state can be restored on a host.
public struct KVMHost: Sendable {
    /// `uname -r`.
    public let kernelRelease: String
    /// CNTFRQ_EL0 in Hz; 0 on machines that are not arm64.
    public let counterFrequency: UInt64
    /// `KVM_CHECK_EXTENSION` of each of `KVMCapability.all` that arm64 reports.
    public let capabilities: [(name: String, value: Int)]
    /// What a vCPU of this host can be initialized with.
    public let abilities: VCPUAbilities
    /// Which bits of the ID registers may be changed; nil on kernels before 6.7, which do not say.
    public let writableMasks: WritableMasks?
    /// MIDR_EL1 as a vCPU sees it; nil when it cannot be read.
    public let midr: UInt64?

    /// Asks the host, by a VM with one vCPU made for that purpose.
    /// - Throws: where the host makes no VM or vCPU, or does not answer.
    public init(_ system: borrowing KVMSystem) throws(KVMError) {
        let vm = try system.makeVM()
        kernelRelease = HostIdentity.kernelRelease()
        counterFrequency = HostIdentity.counterFrequency()
        capabilities = Self.capabilities(of: vm)
        abilities = try VCPUAbilities(of: vm)
        writableMasks = try vm.writableMasks()
        midr = try Self.midr(in: vm)
    }

    /// Asked of a VM: some capabilities are an error (EINVAL) when asked of `/dev/kvm`.
    ///
    /// One that cannot be asked at all is left out.
    static func capabilities(of vm: borrowing VM) -> [(name: String, value: Int)] {
        var answers: [(name: String, value: Int)] = []
        for capability in KVMCapability.all where capability.isReportedByARM64 {
            guard let value = try? vm.value(of: Capability(capability)) else { continue }
            answers.append((capability.name, value))
        }
        return answers
    }

    private static func midr(in vm: borrowing VM) throws(KVMError) -> UInt64? {
        let scratch = try ScratchVM(in: vm, vcpuCount: 1)
        guard let bank = scratch.banks.first,
            (try? bank.initialize(with: scratch.abilities.defaultInit)) != nil
        else { return nil }
        return (try? bank.read(.midrEL1))?.bits
    }
}
