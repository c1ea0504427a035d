internal import Registers
internal import VCPUModel

/// An emulated host that makes many vCPUs: what is the same for all of them is worked out once.
///
/// For one thread.
public final class EmulatedHost {
    public let profile: HostProfile
    private var fresh: [VCPUFeatures: (table: RegisterTable, state: CPUState)] = [:]

    public init(_ profile: HostProfile) {
        self.profile = profile
    }

    /// The vCPUs of one VM, by number, not initialised yet: what KVM keeps once for the whole VM is the
    /// same in all of them.
    public func makeVCPUs(_ count: Int) -> [EmulatedCPU] {
        let vm = EmulatedVM()
        return (0..<max(0, count)).map { index in
            EmulatedCPU(on: self, index: UInt32(clamping: index), in: vm)
        }
    }

    /// The registers of a vCPU with these features, and their values after the init.
    func registers(
        of features: VCPUFeatures
    ) -> (table: RegisterTable, state: CPUState) {
        if let known = fresh[features] { return known }
        let table = RegisterTable(profile, features: features)
        let made = (table: table, state: table.initialState())
        fresh[features] = made
        return made
    }
}
