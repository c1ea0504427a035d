public import Emulation
public import LinuxSystem
internal import Registers
public import Transfer
public import VCPUModel
public import VMMFiles

/// What a VMM will do with its own file when it loads it with KVM on some host.
///
/// The vCPUs are emulated ones of the host's profile, so each write gets the answer that KVM will give. What the VMM gives to
/// the interrupt controller afterward is not looked at.
public struct VMMLoad: Sendable {
    /// Why a VMM gives up at a vCPU.
    public enum Failure: Hashable, Sendable {
        /// The VMM refuses the features by itself.
        case features(VCPUFeatures)
        /// `KVM_ARM_VCPU_INIT` fails: the host does not have these features.
        case initialization(VCPUFeatures, Errno)
        /// `KVM_ARM_VCPU_FINALIZE` fails.
        case finalization(Errno)
        /// `KVM_SET_ONE_REG` fails.
        /// - Parameter number: its place in the file's list, counted from 1.
        case register(VMMRegister, Errno, number: Int)
        /// `KVM_SET_MP_STATE` fails.
        case mpState(Errno)
        /// The address of the record of stolen time is not taken.
        case stolenTime(Errno)
    }

    /// What becomes of one vCPU.
    public struct VCPU: Hashable, Sendable {
        /// The vCPU's number.
        public let index: UInt32
        /// Where the VMM gives up at this vCPU; nil where it does not.
        public internal(set) var failure: Failure?
        /// Every register of the file or the destination, in ascending order of id.
        ///
        /// If the VMM gives up earlier, this is what would have become of them.
        public internal(set) var registers: [RegisterLoad]

        /// The losses that the policy counts.
        public var losses: [RegisterLoad] { registers.filter(\.isLoss) }
    }

    /// The profile's name.
    public let host: String
    /// Whose file it is, and who loads it.
    public let vmm: VMM
    /// The policy's name.
    public let policy: String
    /// In the order of the file; the VMM gives up at the first that fails.
    public let vcpus: [VCPU]
    /// The lines that the VMM prints, without time stamps.
    public let output: [String]
    /// What the move does to the guest beside what it loses, by the first vCPU.
    public let notices: [MoveNotice]

    /// The verdict on the whole VM: one vCPU that fails makes the load fail, and pardoned losses do not count.
    public var verdict: LoadPlan.Verdict {
        if vcpus.contains(where: { $0.failure != nil }) { return .fails }
        return vcpus.allSatisfy(\.losses.isEmpty) ? .loads : .loadsWithLosses
    }

    /// Whether it is known what a VMM does with its files.
    public static func knows(_ vmm: VMM) -> Bool { vmm.wayOfLoading != nil }

    /// Loads every vCPU into an emulated one of the host, as that VMM does.
    /// - Parameter policy: decides which losses count; the VMM does not know it.
    /// - Returns: nil where it is not known what that VMM does.
    public init?(of state: VMMState, on profile: HostProfile, policy: RestorePolicy) {
        guard let way = state.vmm.wayOfLoading else { return nil }
        let made = EmulatedHost(profile).makeVCPUs(state.vcpus.count)
        let loaders = zip(state.vcpus, made).map { guest, vcpu in
            VMMLoader(way: way, policy: policy, guest: guest, vcpu: vcpu)
        }
        var loads = loaders.map { $0.load() }
        // What is the VM's holds what the last vCPU was given.
        for position in loads.indices { loaders[position].settle(&loads[position]) }
        (host, vmm, self.policy, vcpus) = (profile.name, state.vmm, policy.name, loads)
        output = loads.compactMap(\.failure).prefix(1).compactMap { way.line(for: $0) }
        let midr = loads.first?.registers.first { $0.id == .midrEL1 }?.held
        notices =
            state.vcpus.first.map {
                MoveNotice.all(of: $0.state.registers, on: profile, seeing: midr)
            } ?? []
    }
}
