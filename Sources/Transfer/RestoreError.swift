internal import Registers
public import VCPUModel

/// Why a restore was not begun, or its outcome could not be read.
public enum RestoreError: Error, Hashable, Sendable {
    /// There is no vCPU to restore.
    case noVCPU
    /// There are more vCPUs on one side than on the other.
    case counts(states: Int, banks: Int)
    /// Two vCPUs of a guest with a GICv3, with these numbers, have one MPIDR_EL1, by which that tells them apart.
    case sameAffinity(UInt32, UInt32, mpidr: RegisterValue)
    /// A bank cannot even list its registers, or its vCPUs do not stand still.
    case bank(RegisterBankError)
    /// `Restore.Options.goesOn` ended it; what was written stays.
    case canceled
}

extension RestoreError: CustomStringConvertible {
    /// What is wrong with the units or banks.
    public var description: String {
        switch self {
        case .noVCPU: "there is no vCPU to restore"
        case .counts(let states, let banks):
            "\(states) vCPUs cannot be restored into \(banks): make as many as were saved"
        case .sameAffinity(let first, let second, let mpidr):
            "vCPUs \(first) and \(second) have the same affinity (MPIDR_EL1 \(mpidr)), so a GICv3 cannot tell them "
                + "apart: give each its own (vcpusnap set --vcpu), or leave out the interrupt controller (--without gic)"
        case .bank(let error): error.description
        case .canceled:
            "the restore was ended by whoever asked for it, and the vCPUs have only a part of the state: make new ones"
        }
    }
}

extension RestoreError {
    /// Makes sure that a GICv3 can tell the vCPUs of a guest apart.
    static func checkAffinities(of states: [UnitState]) throws(RestoreError) {
        var seen: [UInt32: UInt32] = [:]
        for state in states {
            guard case .vcpu(let index) = state.unit, let mpidr = state.registers[.mpidrEL1],
                state.registers.contains(.gicrCtlr)
            else { continue }
            if let other = seen.updateValue(index, forKey: UInt32(affinityIn: mpidr.lowBits)) {
                throw .sameAffinity(other, index, mpidr: mpidr)
            }
        }
    }

    /// What `body` throws, as an error of a restore.
    /// - Throws: what `body` throws, as `RestoreError.bank`.
    package static func wrapping<Value>(
        _ body: () throws(RegisterBankError) -> Value
    ) throws(RestoreError) -> Value {
        try Result(catching: body).mapError(RestoreError.bank).get()
    }
}
