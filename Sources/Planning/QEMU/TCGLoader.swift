internal import Emulation
internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import Transfer
internal import VCPUModel

/// Loads one section into a vCPU that QEMU emulates (`cpu_post_load` in `target/arm/machine.c`,
/// `write_list_to_cpustate` in `target/arm/helper.c`).
struct TCGLoader {
    let destination: TCGDestination
    let policy: RestorePolicy
    let section: CPUSection
    /// The section as a bank, for what QEMU keeps outside the list.
    let guest: RegisterList

    func load() -> VCPULoad {
        var result = VCPULoad(
            index: section.instance, registers: list(section.entries) + fixedRegisters)
        result.failure = failure(result.registers)
        for index in result.registers.indices {
            let id = result.registers[index].id
            result.registers[index].id = id.translated(from: .tcg)
            // It has no KVM services.
            let loss = result.registers[index].loss?.offering(0)
            result.registers[index].pardon = loss.flatMap { policy.pardon($0, of: guest) }
        }
        result.registers.sort { $0.id < $1.id }
        return result
    }

    private func list(_ incoming: [CPUSection.Entry]) -> [RegisterLoad] {
        let values = Dictionary(incoming.map { ($0.id, $0) }) { first, _ in first }
        let local = destination.registers
        let known = Set(local.map(\.id))
        let walk = ListWalk(version: destination.version, last: local.last?.id) { entry in
            entry.id == QEMUVersion.toleratedByEmulation
        }
        return local.map { load($0, values[$0.id]) }
            + walk.loads(of: incoming.filter { !known.contains($0.id) })
    }

    private func load(_ register: TCGModel.Register, _ entry: CPUSection.Entry?) -> RegisterLoad {
        let own = CPUSection.Entry(id: register.id, value: register.value).registerValue
        guard let value = entry?.registerValue else {
            // QEMU writes what the list's memory holds, which is no constant but by chance.
            let isTaken = isTaken(0, register)
            return RegisterLoad(
                id: register.id, outcome: isTaken ? .missing : Self.otherConstant,
                answer: isTaken ? .memory : .comparison, held: isTaken ? nil : own)
        }
        let isTaken = isTaken(entry?.value ?? 0, register)
        return RegisterLoad(
            id: register.id, outcome: isTaken ? .taken : Self.otherConstant,
            answer: isTaken ? .silence : .comparison, incoming: value, held: isTaken ? value : own)
    }

    private static let otherConstant = RegisterOutcome.refused(.invalidArgument)

    /// Whether a value reads back after it was written.
    private func isTaken(_ value: UInt64, _ register: TCGModel.Register) -> Bool {
        switch register.kind {
        case .variable:
            value & (RegisterDictionary.entry(for: register.id)?.bitsQEMUDrops ?? 0) == 0
                && (register.id.size != 4 || value <= UInt32.max)
        case .wide: true
        case .constant, .counted: value == register.value
        }
    }

    /// QEMU's own state struct takes all of them, whatever the CPU has.
    private var fixedRegisters: [RegisterLoad] {
        guest.filter { !$0.0.isCPRegister && $0.0.architecture != .own }.map { id, value in
            RegisterLoad(id: id, outcome: .taken, incoming: value, held: value)
        }
    }

    /// - Parameter registers: by the ids of the list.
    private func failure(_ registers: [RegisterLoad]) -> VCPULoad.Failure? {
        let (version, local) = (destination.version, destination.registers)
        if let early = VCPULoad.Failure(beforeLists: section, by: version, limit: local.count) {
            return early
        }
        let subsections = RefusedSubsections(by: version, of: local)
        if section.subsection(RefusedSubsections.timer) != nil, !subsections.takesTimer {
            return .timerWithoutWFxT
        }
        if registers.contains(where: { $0.fate == .unknown }) { return .unknownRegisters }
        let refused = registers.filter { $0.fate == .refused }
        if refused.contains(where: { $0.incoming != nil }) { return .otherConstants }
        let constants = Set(local.filter(\.kind.isConstant).map(\.id))
        let isLeftToMemory =
            version.leavesMemoryInLists
            && registers.contains { $0.fate == .unset && constants.contains($0.id) }
        return refused.isEmpty && !isLeftToMemory ? nil : .unsetConstants
    }
}
