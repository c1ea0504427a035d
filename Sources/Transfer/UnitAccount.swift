internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// What a restore did to one unit, before it is judged.
struct UnitAccount: Sendable {
    /// A register that was not saved, and the destination's value where it can be read.
    struct Other: Hashable, Sendable {
        var id: RegisterID
        var value: RegisterValue?
        /// Whether no vCPU can do without it.
        var isEssential: Bool
    }

    var unit: UnitID
    /// The unit as it was saved.
    var guest: RegisterList
    /// By the register's place in the list.
    var attempts: [RestoreAttempt]
    /// In ascending order of id.
    var others: [Other]
    var undo: [RegisterUndo]?

    /// The places of the registers with which something else happened than on another unit that was saved
    /// the same; nil where the two have little in common.
    func differences(from other: UnitAccount) -> [Int]? {
        guard guest == other.guest, others == other.others else { return nil }
        let places = attempts.indices.filter { attempts[$0] != other.attempts[$0] }
        return places.count <= attempts.count / 8 ? places : nil
    }
}

// MARK: - Judging

extension UnitAccount {
    /// Gives every register its outcome.
    func report(_ context: RestoreContext) -> RestoreReport {
        let own = attempts.indices.map { judge($0, context) }
        let rest = others.map { destinationOnly($0, context) }
        var registers = own + rest
        if !rest.isEmpty { registers.sort { $0.id < $1.id } }
        return RestoreReport(unit: unit, registers: registers, undo: undo)
    }

    /// The outcome of the register at a place of the list.
    func judge(_ place: Int, _ context: RestoreContext) -> RegisterRestore {
        let (id, saved) = (guest.ids[place], guest.values[place])
        var result = verdict(on: attempts[place], id, saved, context)
        let loss = result.loss(of: saved)?.onKernel(context.options.kernel)
        result.pardon = loss.flatMap { context.options.policy.pardon($0, of: guest) }
        return result
    }

    private func verdict(
        on attempt: RestoreAttempt, _ id: RegisterID, _ saved: RegisterValue,
        _ context: RestoreContext
    ) -> RegisterRestore {
        let (wanted, overrides) = context.options.policy.value(of: id, saved: saved)
        return RegisterRestore(
            id: id,
            outcome: outcome(of: attempt, id, wanted: wanted), wanted: wanted,
            before: attempt.before, found: attempt.found,
            grounds: RestoreReasons.Grounds(action: attempt.action, context: context),
            overrides: overrides)
    }

    private func outcome(
        of attempt: RestoreAttempt, _ id: RegisterID, wanted: RegisterValue
    ) -> RegisterOutcome {
        var held: RegisterOutcome {
            RegisterOutcome(
                of: id, wanted: wanted, before: attempt.before, found: attempt.found ?? wanted)
        }
        switch attempt.action {
        case .skipped(let rule): return .skipped(rule)
        case .absent: return .absent
        case .unreadable(let failure, _), .unreachable(let failure): return .refused(failure.errno)
        case .wrote, .heldAlready: return held
        // What is one for all vCPUs may hold the value all the same.
        case .failed(let failure): return held == .taken ? .taken : .refused(failure.errno)
        }
    }

    /// What became of a register that was not saved.
    func destinationOnly(
        _ other: Other, _ context: RestoreContext
    ) -> RegisterRestore {
        var result = RegisterRestore(
            id: other.id, outcome: .untouched, wanted: nil, before: other.value,
            found: other.value, grounds: nil)
        guard other.isEssential, !context.options.isPartial,
            context.options.policy.omission(of: other.id) == nil
        else { return result }
        result.outcome = .missing
        let loss = result.loss(of: other.value ?? RegisterValue(0))
        result.pardon = loss.flatMap { context.options.policy.pardon($0, of: guest) }
        return result
    }
}

extension RestoreAttempt.Failure {
    func error(
        _ operation: RegisterBankError.Operation, _ id: RegisterID
    ) -> RegisterBankError {
        RegisterBankError(operation, id, errno, explanation: explanation)
    }
}
