internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import VCPUModel

extension RegisterTable {
    /// Writes a register as `KVM_SET_ONE_REG` does on this host.
    func write(
        _ value: RegisterValue, to definition: RegisterDefinition, in state: inout CPUState
    ) throws(Refusal) {
        switch definition.rule {
        case .scalable: state[definition] = withoutUnusedBytes(value, definition.id, state)
        case .vectorLengths: try writeVectorLengths(value, definition, &state)
        case .programState:
            try ProgramState(value.lowBits).check(host)
            state[definition] = value
        case .any, .general: state[definition] = value
        case .unchanged: try require(value, state[definition])
        case .zero: if !value.isZero { throw Refusal("expected 0x0, found \(value)") }
        case .ignored: break
        default:
            let bits = try stored(value.lowBits, in: definition, state)
            state[definition] = value.replacingLowBits(with: bits)
        }
        if case .core = definition.id.group { state.narrow() }
    }

    /// What the low 64 bits of a register are after a write; rules that speak of bits speak of those.
    private func stored(
        _ value: UInt64, in definition: RegisterDefinition, _ state: CPUState
    ) throws(Refusal) -> UInt64 {
        let old = state[definition].lowBits
        switch definition.rule {
        case .keeping(let mask): return value & mask
        case .changing(let mask): return old & ~mask | value & mask
        case .constrained(let mask):
            try require(RegisterValue(value & ~mask), RegisterValue(old & ~mask))
        case .idFields(let mask):
            return try IDRegister(definition, host: host, writable: mask).stored(value)
        case .cacheLevels: try CacheLevels(bits: value).check(cacheType: host.cacheType)
        case .cacheGeometry:
            try CacheGeometry(value, id: definition.id).check(cacheType: host.cacheType)
        case .pmuControl: return PMUControl(old).written(value, host: host)
        case .pmuMachine: if value != 0 { try require(RegisterValue(value), RegisterValue(old)) }
        case .eventCounter:
            let features = self[.idAA64DFR0EL1].map { state[$0].lowBits } ?? 0
            return value & EventCounter.mask(idAA64DFR0: features)
        case .counters(let write):
            return pmuControl(of: state).written(value, to: old, write)
        case .psciVersion: try PSCIVersion(rawValue: value).check(host)
        case .workaround(let inOrder):
            let id = definition.id
            let hostBits = workaroundLevel(old, id, state)
            let bits = try WorkaroundLevel.stored(
                value, in: id, hostBits: hostBits, inOrder: inOrder)
            return bits == hostBits ? old : bits
        case .services(let known):
            guard value & ~known == 0 else {
                throw Refusal("the host does not offer services \((value & ~known).hex)")
            }
        case .any, .general, .unchanged, .zero, .ignored, .programState, .scalable, .vectorLengths:
            break
        }
        return value
    }

    /// The level of an SMCCC workaround as a read finds it.
    ///
    /// Where the CPU has SSBS, KVM says that firmware has no mitigation of Spectre v4, unless the guest
    /// is told that it does not have SSBS; then none is required (`get_kernel_wa_level`,
    /// `arch/arm64/kvm/hypercalls.c`).
    func workaroundLevel(_ level: UInt64, _ id: RegisterID, _ state: CPUState) -> UInt64 {
        guard id == .smcccArchWorkaround2, level == 0, let definition = self[.idAA64PFR1EL1],
            RegisterField.IDAA64PFR1EL1.ssbs.touches(definition.resetValue.lowBits),
            !RegisterField.IDAA64PFR1EL1.ssbs.touches(state[definition].lowBits)
        else { return level }
        return RegisterField.SMCCCARCHWORKAROUND2.LEVEL.notRequired
    }

    private func require(_ value: RegisterValue, _ expected: RegisterValue) throws(Refusal) {
        guard value == expected else {
            throw Refusal("expected \(expected), found \(value)")
        }
    }

    /// PMCR_EL0 now.
    func pmuControl(of state: CPUState) -> PMUControl {
        PMUControl(self[.pmcrEL0].map { state[$0].lowBits } ?? 0)
    }
}

// MARK: - SVE

extension RegisterTable {
    /// The value without the bytes above the vCPU's vector length, which read as zero.
    private func withoutUnusedBytes(
        _ value: RegisterValue, _ id: RegisterID, _ state: CPUState
    ) -> RegisterValue {
        let longest = longestVector(of: state)
        // A predicate has a bit for each byte of a vector.
        let used = id.size == RegisterID.maximumSize ? longest : longest / 8
        let bytes = value.littleEndianBytes.enumerated().map { $0 < used ? $1 : 0 }
        return RegisterValue(littleEndian: bytes) ?? value
    }

    private func longestVector(of state: CPUState) -> Int {
        self[.sveVLS].map { SVEVectorLengths(state[$0]).longest } ?? 0
    }

    private func writeVectorLengths(
        _ value: RegisterValue, _ definition: RegisterDefinition, _ state: inout CPUState
    ) throws(Refusal) {
        guard !state.run.finalized.contains(.sve) else {
            throw Refusal(
                "vector lengths are fixed once the vCPU is finalized", errno: .notPermitted)
        }
        let wanted = SVEVectorLengths(value)
        guard let offered = host.vectorLengths, wanted.isPrefix(of: offered) else {
            let lengths = host.vectorLengths?.lengths.map(\.description) ?? []
            throw Refusal(
                "expected the host's lengths up to one of them ("
                    + lengths.joined(separator: ", ") + " bytes), found "
                    + wanted.lengths.map(\.description).joined(separator: ", "))
        }
        state[definition] = value
    }
}
