internal import LinuxSystem
public import Registers

/// The saved state of the vCPUs of one virtual machine.
public struct Snapshot: Hashable, Sendable {
    public var provenance: Provenance
    /// In ascending order of `index`.
    public var vcpus: [VCPUState]

    public init(provenance: Provenance, vcpus: [VCPUState]) {
        self.provenance = provenance
        self.vcpus = vcpus
    }
}

/// The complete state of one vCPU.
public struct VCPUState: Hashable, Sendable {
    /// The vCPU's number, the argument of `KVM_CREATE_VCPU`.
    public var index: UInt32
    /// Every register of every width, and what KVM keeps outside its list (see `RegisterBank`).
    public var registers: RegisterList

    public init(index: UInt32, registers: RegisterList) {
        self.index = index
        self.registers = registers
    }
}

/// A vCPU of a snapshot as a bank: it holds exactly what it lists and takes any value of the right
/// size.
public final class SnapshotBank: RegisterBank {
    public private(set) var registers: RegisterList

    public init(_ registers: RegisterList) {
        self.registers = registers
    }

    public func list() -> [RegisterID] {
        registers.ids
    }

    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard let value = registers[id] else { throw RegisterBankError(.read, id, .noEntry) }
        return value
    }

    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        guard registers.contains(id) else { throw RegisterBankError(.write, id, .noEntry) }
        try value.checkSize(for: id)
        registers.set(value, for: id)
    }
}
