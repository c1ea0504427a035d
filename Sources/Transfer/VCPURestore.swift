internal import LinuxSystem
internal import Policy
internal import Registers
internal import VCPUModel

/// The restore of one vCPU: what is written, and what it then holds.
struct VCPURestore {
    private let index: UInt32
    private let bank: any RegisterBank
    private let policy: RestorePolicy
    /// The vCPU as it was saved.
    private let guest: RegisterList
    private let order: RestoreOrder
    /// By the register's place in the list.
    private var attempts: [RestoreAttempt]

    init(
        _ state: VCPUState, into bank: any RegisterBank, order: RestoreOrder, policy: RestorePolicy
    ) {
        index = state.index
        self.bank = bank
        self.policy = policy
        guest = state.registers
        self.order = order
        attempts = Array(
            repeating: RestoreAttempt(action: .heldAlready), count: state.registers.count)
    }

    // MARK: Writing

    mutating func write(_ phase: RestorePhase) {
        for place in order[phase] {
            attempts[place] = attempt(guest.ids[place], guest.values[place])
        }
    }

    private func attempt(_ id: RegisterID, _ saved: RegisterValue) -> RestoreAttempt {
        let isLeftOut = policy.omission(of: id) != nil
        var attempt = RestoreAttempt(action: .skipped(.policy))
        do throws(RegisterBankError) {
            attempt.before = try bank.read(id)
        } catch {
            if error.errno == .noEntry {
                if !isLeftOut { attempt.action = .absent(.init(error)) }
                return attempt
            }
            // The rest (VCPU_INIT reads ENOEXEC before it is written) may still be writable.
        }
        guard !isLeftOut else { return attempt }
        let wanted = policy.value(of: id, saved: saved).value
        attempt.action = write(wanted, to: id, holding: attempt.before)
        return attempt
    }

    private func write(
        _ wanted: RegisterValue, to id: RegisterID, holding before: RegisterValue?
    ) -> RestoreAttempt.Action {
        let entry = RegisterDictionary.entry(for: id)
        if entry?.isClearTwin == true { return .skipped(.clearView) }
        if before == wanted { return .heldAlready }
        do throws(RegisterBankError) {
            try bank.replace(id, with: wanted)
            return .wrote
        } catch {
            return .failed(.init(error))
        }
    }

    // MARK: Reading back

    /// Reads every register back.
    mutating func account() throws(RegisterBankError) -> VCPUAccount {
        for place in attempts.indices { readBack(place) }
        var others: [VCPUAccount.Other] = []
        for id in try bank.list() where !guest.contains(id) {
            others.append(VCPUAccount.Other(id: id, value: try? bank.read(id)))
        }
        others.sort { $0.id < $1.id }
        return VCPUAccount(index: index, guest: guest, attempts: attempts, others: others)
    }

    private mutating func readBack(_ place: Int) {
        if case .absent = attempts[place].action { return }
        let id = guest.ids[place]
        do throws(RegisterBankError) {
            attempts[place].found = try bank.read(id)
        } catch {
            if attempts[place].action == .skipped(.policy) { return }
            attempts[place].action = .unreadable(
                .init(error), written: attempts[place].isWritten)
        }
    }

    /// Forgets what only an undo needs.
    mutating func release() {
        attempts = []
    }

    // MARK: Undoing

    /// Puts back what was written, in restore order, and reads it back.
    func undo() -> [RegisterUndo] {
        let restorable = order.all.compactMap { place -> (id: RegisterID, before: RegisterValue)? in
            guard attempts[place].isWritten, let before = attempts[place].before else {
                return nil
            }
            return (guest.ids[place], before)
        }
        // A refusal shows in the read-back that follows.
        for (id, before) in restorable { try? bank.replace(id, with: before) }
        return restorable.map { id, before in
            let found = try? bank.read(id)
            let mask = ~RegisterDictionary.volatileBits(of: id)
            return RegisterUndo(
                id: id, before: before, found: found,
                isUndone: found?.masked(by: mask) == before.masked(by: mask))
        }
    }
}
