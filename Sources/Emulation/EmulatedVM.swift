internal import Registers
internal import VCPUModel

/// What joins the vCPUs of a VM; they keep it alive.
final class EmulatedVM {
    private struct Member {
        weak var cpu: EmulatedCPU?
    }

    private var members: [Member] = []
    /// The capabilities enabled on it, by name.
    let enabled: Set<String>

    init(enabled: Set<String>) {
        self.enabled = enabled
    }

    func add(_ cpu: EmulatedCPU) {
        members.append(Member(cpu: cpu))
        cpu.vm = self
    }

    private func others(than cpu: EmulatedCPU) -> some Sequence<EmulatedCPU> {
        members.lazy.compactMap(\.cpu).filter { $0 !== cpu }
    }

    /// Gives the other vCPUs what one of them was given, where the register is the VM's.
    func share(_ definition: RegisterDefinition, from cpu: EmulatedCPU) {
        guard members.count > 1, definition.isOfVM else { return }
        for other in others(than: cpu) {
            guard let own = other.table[definition.id] else { continue }
            other.state[own] = cpu.state[definition]
        }
    }

    /// Gives a vCPU that was just initialised what the VM has already.
    func bringUpToDate(_ cpu: EmulatedCPU) {
        guard members.count > 1,
            let other = others(than: cpu).first(where: { $0.state.run.initialisation != nil })
        else { return }
        for definition in cpu.table.definitions where definition.isOfVM {
            guard let own = other.table[definition.id] else { continue }
            cpu.state[definition] = other.state[own]
        }
    }
}

extension RegisterDefinition {
    fileprivate var isOfVM: Bool { RegisterDictionary.entry(for: id)?.isVMWide == true }
}
