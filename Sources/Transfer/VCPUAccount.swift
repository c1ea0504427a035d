internal import LinuxSystem
internal import Policy
internal import Registers
internal import VCPUModel

/// What a restore did to one vCPU, before it is judged.
struct VCPUAccount: Sendable {
    /// A register that was not saved, and the destination's value where it can be read.
    struct Other: Hashable, Sendable {
        var id: RegisterID
        var value: RegisterValue?
        /// Whether no vCPU can do without it.
        var isEssential: Bool
    }

    var index: UInt32
    /// The vCPU as it was saved.
    var guest: RegisterList
    /// By the register's place in the list.
    var attempts: [RestoreAttempt]
    /// In ascending order of id.
    var others: [Other]
    var undo: [RegisterUndo]?

    /// The places of the registers with which something else happened than on another vCPU that was saved
    /// the same; nil where the two have little in common.
    func differences(from other: VCPUAccount) -> [Int]? {
        guard guest == other.guest, others == other.others else { return nil }
        let places = attempts.indices.filter { attempts[$0] != other.attempts[$0] }
        return places.count <= attempts.count / 8 ? places : nil
    }
}

// MARK: - Judging

extension VCPUAccount {
    /// Gives every register its outcome.
    func report(_ options: Restore.Options) -> RestoreReport {
        let own = attempts.indices.map { judge($0, options) }
        let rest = others.map { destinationOnly($0, options) }
        var registers = own + rest
        if !rest.isEmpty { registers.sort { $0.id < $1.id } }
        return RestoreReport(vcpu: index, registers: registers, undo: undo)
    }

    /// The outcome of the register at a place of the list.
    func judge(_ place: Int, _ options: Restore.Options) -> RegisterRestore {
        let (id, saved) = (guest.ids[place], guest.values[place])
        var result = verdict(on: attempts[place], id, saved, options)
        if let loss = result.loss(of: saved) {
            result.pardon = options.policy.pardon(loss, of: guest)
        }
        return result
    }

    private func verdict(
        on attempt: RestoreAttempt, _ id: RegisterID, _ saved: RegisterValue,
        _ options: Restore.Options
    ) -> RegisterRestore {
        let (wanted, overrides) = options.policy.value(of: id, saved: saved)
        var result = RegisterRestore(
            id: id, outcome: .restored, wanted: wanted, before: attempt.before,
            found: attempt.found, reason: nil, overrides: overrides)
        let reasons =
            options.explains
            ? RestoreReasons(id: id, kernel: options.kernel, enabled: options.enabled) : nil
        switch attempt.action {
        case .skipped(.policy):
            result.outcome = .skipped(.policy)
            result.reason = options.policy.omission(of: id).map {
                "the policy leaves it out: \($0)"
            }
        case .absent(let failure):
            result.outcome = .absent
            result.reason = reasons?.absence(failure)
        case .unreadable(let failure, let isWritten):
            result.outcome = .refused(failure.errno)
            result.reason =
                failure.errno == .notExecutable && !isWritten
                ? RestoreReasons.notInitialised
                : "it could be written but not read back: \(failure.error(.read, id))"
        case .unreachable(let failure):
            result.outcome = .refused(failure.errno)
            result.reason = reasons?.unreachable(failure)
        default:
            result.outcome = outcome(
                of: attempt, id, wanted: wanted, found: attempt.found ?? wanted)
            result.reason = reasons?.explanation(of: result, failure: attempt.failure)
        }
        return result
    }

    private func outcome(
        of attempt: RestoreAttempt, _ id: RegisterID, wanted: RegisterValue, found: RegisterValue
    ) -> RestoreOutcome {
        let volatileBits = RegisterDictionary.volatileBits(of: id)
        let lost = found.differingBits(from: wanted)?.masked(by: ~volatileBits)
        switch attempt.action {
        case .skipped(let rule): return .skipped(rule)
        case .unreadable(let failure, _), .unreachable(let failure): return .refused(failure.errno)
        // What is one for all vCPUs may hold the value all the same.
        case .failed(let failure) where volatileBits == .max || lost?.isZero != true:
            return .refused(failure.errno)
        case .absent: return .absent
        case .wrote, .heldAlready, .failed: break
        }
        if volatileBits == .max { return .volatile }
        guard let lost else { return .acceptedThenChanged }
        if lost.isZero { return attempt.action == .heldAlready ? .alreadyEqual : .restored }
        return Self.isMasked(attempt, found: found, lost: lost)
            ? .keptButMasked(lost: lost) : .acceptedThenChanged
    }

    /// Whether the destination took part of the write: it changed, and each bit that is not as
    /// written is as before or zero.
    private static func isMasked(
        _ attempt: RestoreAttempt, found: RegisterValue, lost: RegisterValue
    ) -> Bool {
        guard attempt.action == .wrote, found != attempt.before else { return false }
        let before = attempt.before?.littleEndianBytes ?? found.littleEndianBytes.map { _ in 0 }
        return zip(lost.littleEndianBytes, zip(found.littleEndianBytes, before))
            .allSatisfy { lost, bytes in lost & bytes.0 & ~bytes.1 == 0 }
    }

    private func destinationOnly(
        _ other: Other, _ options: Restore.Options
    ) -> RegisterRestore {
        var result = RegisterRestore(
            id: other.id, outcome: .notInSnapshot, wanted: nil, before: other.value,
            found: other.value, reason: RestoreReasons.notInSnapshot)
        guard other.isEssential, !options.isPartial, options.policy.omission(of: other.id) == nil
        else { return result }
        result.outcome = .missing
        result.reason = RestoreReasons.missing
        if let loss = result.loss(of: other.value ?? RegisterValue(0)) {
            result.pardon = options.policy.pardon(loss, of: guest)
        }
        return result
    }
}

extension RestoreAttempt {
    /// Why the write failed, if it did.
    fileprivate var failure: Failure? {
        if case .failed(let failure) = action { return failure }
        return nil
    }
}

extension RestoreAttempt.Failure {
    fileprivate func error(
        _ operation: RegisterBankError.Operation, _ id: RegisterID
    ) -> RegisterBankError {
        RegisterBankError(operation, id, errno, explanation: explanation)
    }
}
