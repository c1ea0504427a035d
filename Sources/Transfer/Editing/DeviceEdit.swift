internal import Registers
internal import VCPUModel

/// A change of what is in devices, or what the VM has once: no CPU state has it, so it is written where it is.
struct DeviceEdit {
    private let bank: any RegisterBank
    private var changes: [RegisterID: (before: RegisterValue, wanted: RegisterValue)] = [:]

    init(in bank: any RegisterBank) {
        self.bank = bank
    }

    /// Notes what a register is to become; nothing is written yet.
    /// - Parameter body: is given what it holds, or is to hold by now.
    /// - Throws: where the register cannot be read, and what `body` throws.
    mutating func change(
        _ id: RegisterID, _ body: (RegisterValue) throws(EditError) -> RegisterValue
    ) throws(EditError) {
        if let known = changes[id] {
            changes[id]?.wanted = try body(known.wanted)
        } else {
            let held = try EditError.reading(id, in: bank)
            changes[id] = (held, try body(held))
        }
    }

    /// Writes what differs, in the order of a restore.
    func made() -> [VCPUEdit.Change] {
        RestoreOrder(changes.keys.sorted()).inOrder.compactMap { id in
            guard let change = changes[id], change.before != change.wanted else { return nil }
            return put(change.wanted, to: id, over: change.before)
        }
    }

    private func put(
        _ wanted: RegisterValue, to id: RegisterID, over before: RegisterValue
    ) -> VCPUEdit.Change {
        do throws(RegisterBankError) {
            let (outcome, found) = try bank.put(wanted, to: id)
            return VCPUEdit.Change(
                id: id, before: before, wanted: wanted, found: found, outcome: outcome)
        } catch {
            return VCPUEdit.Change(
                id: id, before: before, wanted: wanted, found: try? bank.read(id),
                outcome: .refused(error.errno), explanation: error.explanation)
        }
    }
}
