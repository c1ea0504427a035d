package import Registers
package import VCPUModel

/// The registers of the emulated CPU: the host's profile and the dictionary, put together for one
/// set of vCPU features.
package struct RegisterTable: Hashable, Sendable {
    /// In ascending order of id.
    package let definitions: [RegisterDefinition]
    let systemCount: Int
    let host: HostFacts
    private let positions: [RegisterID: Int]

    init(definitions: [RegisterDefinition], systemCount: Int, host: HostFacts) {
        self.definitions = definitions
        self.systemCount = systemCount
        self.host = host
        positions = Dictionary(definitions.enumerated().map { ($1.id, $0) }) { first, _ in first }
    }

    /// The definition of a register; nil for one that a vCPU with these features does not have.
    package subscript(id: RegisterID) -> RegisterDefinition? {
        positions[id].map { definitions[$0] }
    }

    /// A state in which every register has its reset value.
    func initialState() -> CPUState {
        var state = CPUState(systemCount: systemCount)
        for definition in definitions { reset(definition, in: &state) }
        return state
    }

    /// What repeating `KVM_ARM_VCPU_INIT` does to the registers.
    func reset(_ state: inout CPUState) {
        for definition in definitions where definition.flags.contains(.resettable) {
            reset(definition, in: &state)
        }
    }

    private func reset(_ definition: RegisterDefinition, in state: inout CPUState) {
        guard !definition.flags.contains(.alias) else { return }
        state[definition] = definition.resetValue
    }
}

extension CPUState {
    /// What one register holds.
    subscript(definition: RegisterDefinition) -> RegisterValue {
        get { self[definition.storage, size: definition.id.size ?? 8] }
        set { self[definition.storage, size: definition.id.size ?? 8] = newValue }
    }
}

// MARK: - Raw access

extension RegisterTable {
    /// Reads a register without side effects (`read_raw_cp_reg`, `target/arm/helper.c`); nil when
    /// the table has no such register, or it has no raw access.
    package func rawRead(_ id: RegisterID, from state: CPUState) -> RegisterValue? {
        guard let definition = self[id], !definition.flags.contains(.noRaw) else { return nil }
        return state[definition]
    }

    /// Writes a register without side effects and without refusing.
    ///
    /// As `write_raw_cp_reg` does in QEMU's `target/arm/helper.c`: a constant does not change, a masked register takes
    /// the bits of its mask, an ID register the fields this host can offer. Only reading back tells what was taken.
    package func rawWrite(_ value: RegisterValue, to id: RegisterID, in state: inout CPUState) {
        guard let definition = self[id], value.size == id.size,
            definition.flags.isDisjoint(with: [.noRaw, .constant])
        else { return }
        let old = state[definition].lowBits
        let mask = writableMask(of: definition, for: value)
        state[definition] = value.replacingLowBits(with: value.lowBits & mask | old & ~mask)
    }

    private func writableMask(
        of definition: RegisterDefinition, for value: RegisterValue
    ) -> UInt64 {
        switch definition.rule {
        case .idFields(let mask):
            IDRegister(definition, host: host, writable: mask).acceptableMask(of: value.lowBits)
        case .pmuControl: PMUControl.acceptableMask(of: value.lowBits, host: host)
        default: definition.writableMask
        }
    }
}
