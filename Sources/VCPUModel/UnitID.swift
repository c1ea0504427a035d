public import Registers

/// Whose state something is: a vCPU's, or the VM's own.
public enum UnitID: Hashable, Comparable, Sendable {
    /// What the VM has once.
    case vm
    /// What one of its vCPUs has.
    /// - Parameter index: the argument of `KVM_CREATE_VCPU`.
    case vcpu(_ index: UInt32)
}

extension UnitID {
    /// The number of a vCPU; nil for the VM.
    public var index: UInt32? {
        if case .vcpu(let index) = self { index } else { nil }
    }
}

extension UnitID: CustomStringConvertible {
    /// `VM`, `vCPU 0`.
    public var description: String {
        switch self {
        case .vm: "VM"
        case .vcpu(let index): "vCPU \(index)"
        }
    }
}

/// The state of one unit of a virtual machine: what a register bank holds.
public struct UnitState: Hashable, Sendable {
    /// Whose state it is.
    public var unit: UnitID
    /// Every register that was saved of it.
    public var registers: RegisterList

    /// The state of a unit.
    public init(_ unit: UnitID, _ registers: RegisterList) {
        self.unit = unit
        self.registers = registers
    }

    /// The registers that no such unit can do without, and that are not here, ascending; a VM has none.
    public var missing: [RegisterID] { unit == .vm ? [] : registers.missing }
}

extension VCPUState {
    /// The vCPU as a unit.
    public var unit: UnitState { UnitState(.vcpu(index), registers) }
}

extension Snapshot {
    /// The VM's own state, where any was saved, then that of its vCPUs.
    public var units: [UnitState] {
        (vm.count > 0 ? [UnitState(.vm, vm)] : []) + vcpus.map(\.unit)
    }
}
