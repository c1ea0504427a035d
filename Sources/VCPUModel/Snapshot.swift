internal import LinuxSystem
public import Registers

/// The saved state of one virtual machine: of its vCPUs, and what the VM has once.
public struct Snapshot: Hashable, Sendable {
    /// Where the state comes from.
    public var provenance: Provenance
    /// In ascending order of `index`.
    public var vcpus: [VCPUState]
    /// What the VM has once, beside its vCPUs; empty where nothing of it was saved.
    public var vm: RegisterList

    /// A snapshot of vCPUs in ascending order of index, each index once; the file's writer refuses any other order.
    public init(
        provenance: Provenance, vcpus: [VCPUState], vm: RegisterList = RegisterList()
    ) {
        self.provenance = provenance
        self.vcpus = vcpus
        self.vm = vm
    }

    /// All but the registers of some categories.
    public func without(_ categories: Set<RegisterCategory>) -> Snapshot {
        categories.isEmpty ? self : filtered { !categories.contains(RegisterCategory(of: $0)) }
    }

    /// The same with the registers of all units for which this holds.
    package func filtered(where isKept: (RegisterID) -> Bool) -> Snapshot {
        Snapshot(
            provenance: provenance,
            vcpus: vcpus.map {
                VCPUState(index: $0.index, registers: $0.registers.filtered(where: isKept))
            }, vm: vm.filtered(where: isKept))
    }
}

/// The complete state of one vCPU.
public struct VCPUState: Hashable, Sendable {
    /// The vCPU's number, the argument of `KVM_CREATE_VCPU`.
    public var index: UInt32
    /// Every register of every width, and what KVM keeps outside its list (see `RegisterBank`).
    public var registers: RegisterList

    /// The state of the vCPU with this number.
    public init(index: UInt32, registers: RegisterList) {
        self.index = index
        self.registers = registers
    }
}

/// A vCPU of a snapshot as a bank: it holds exactly what it lists and takes any value of the right
/// size.
public final class SnapshotBank: RegisterBank {
    /// What the vCPU holds now.
    public private(set) var registers: RegisterList

    /// A vCPU that holds these registers, and never has others.
    public init(_ registers: RegisterList) {
        self.registers = registers
    }

    /// The ids, ascending; writing changes none of them.
    public func list() -> [RegisterID] {
        registers.ids
    }

    /// The value of one register.
    /// - Throws: errno `ENOENT` for a register that is not listed.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard let value = registers[id] else { throw RegisterBankError(.read, id, .noEntry) }
        return value
    }

    /// Replaces the value of one register.
    /// - Throws: errno `ENOENT` for a register that is not listed, `EINVAL` for a value of another size.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        guard registers.contains(id) else { throw RegisterBankError(.write, id, .noEntry) }
        try value.checkSize(for: id)
        registers.set(value, for: id)
    }
}
