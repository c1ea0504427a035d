internal import LinuxSystem
internal import Policy
internal import Registers
internal import VCPUModel

/// The restore of one vCPU: what was attempted on each register, then the verdict.
struct VCPURestore {
    /// What happened when a register's turn came.
    private struct Attempt {
        var id: RegisterID
        var saved: RegisterValue
        var wanted: RegisterValue
        var overrides: [PolicyRule]
        var before: RegisterValue?
        var action: Action

        var failure: RegisterBankError? {
            if case .failed(let error) = action { return error }
            return nil
        }
    }

    private enum Action {
        case wrote
        case failed(RegisterBankError)
        case heldAlready
        case absent(RegisterBankError)
        case skipped(SkipRule)
        case left(PolicyRule)
    }

    private let index: UInt32
    private let bank: any RegisterBank
    private let options: Restore.Options
    /// The vCPU as it was saved.
    private let guest: RegisterList
    private let pending: [RestorePhase: [(id: RegisterID, saved: RegisterValue)]]
    private var attempts: [Attempt] = []

    init(_ state: VCPUState, into bank: any RegisterBank, options: Restore.Options) {
        index = state.index
        self.bank = bank
        self.options = options
        guest = state.registers
        pending = Dictionary(
            grouping: state.registers.map { (id: $0.0, saved: $0.1) },
            by: { RestorePhase(of: $0.id) })
    }

    // MARK: Writing

    mutating func write(_ phase: RestorePhase) {
        for (id, saved) in pending[phase] ?? [] {
            attempts.append(attempt(id, saved))
        }
    }

    private func attempt(_ id: RegisterID, _ saved: RegisterValue) -> Attempt {
        let (wanted, overrides) = options.policy.value(of: id, saved: saved)
        let omission = options.policy.omission(of: id)
        var attempt = Attempt(
            id: id, saved: saved, wanted: wanted, overrides: overrides, before: nil,
            action: .wrote)
        do throws(RegisterBankError) {
            attempt.before = try bank.read(id)
        } catch {
            if error.errno == .noEntry {
                attempt.action = omission.map { .left($0) } ?? .absent(error)
                return attempt
            }
            // The rest (VCPU_INIT reads ENOEXEC before it is written) may still be writable.
        }
        attempt.action =
            omission.map { .left($0) } ?? write(wanted, to: id, holding: attempt.before)
        return attempt
    }

    private func write(
        _ wanted: RegisterValue, to id: RegisterID, holding before: RegisterValue?
    ) -> Action {
        let entry = RegisterDictionary.entry(for: id)
        if entry?.isClearTwin == true { return .skipped(.clearView) }
        if before == wanted { return .heldAlready }
        do throws(RegisterBankError) {
            try bank.replace(id, with: wanted)
            return .wrote
        } catch {
            return .failed(error)
        }
    }

    // MARK: Judging

    /// Reads every register back and gives each its outcome.
    func account() throws(RegisterBankError) -> RestoreReport {
        var registers = attempts.map(judge)
        let known = Set(attempts.map(\.id))
        for id in try bank.list() where !known.contains(id) {
            registers.append(destinationOnly(id))
        }
        registers.sort { $0.id < $1.id }
        return RestoreReport(vcpu: index, registers: registers, undo: nil)
    }

    private func judge(_ attempt: Attempt) -> RegisterRestore {
        var result = verdict(on: attempt)
        if let loss = result.loss(of: attempt.saved) {
            result.pardon = options.policy.pardon(loss, of: guest)
        }
        return result
    }

    private func verdict(on attempt: Attempt) -> RegisterRestore {
        var result = RegisterRestore(
            id: attempt.id, outcome: .restored, wanted: attempt.wanted, before: attempt.before,
            found: nil, reason: nil, overrides: attempt.overrides)
        if case .left(let rule) = attempt.action {
            result.outcome = .skipped(.policy)
            result.found = try? bank.read(attempt.id)
            result.reason = "the policy leaves it out: \(rule)"
            return result
        }
        let reasons =
            options.explains ? RestoreReasons(id: attempt.id, kernel: options.kernel) : nil
        if case .absent(let error) = attempt.action {
            result.outcome = .absent
            result.reason = reasons?.absence(error)
            return result
        }
        do throws(RegisterBankError) {
            result.found = try bank.read(attempt.id)
        } catch {
            result.outcome = .refused(error.errno)
            result.reason = "it could be written but not read back: \(error)"
            return result
        }
        result.outcome = outcome(of: attempt, found: result.found ?? attempt.wanted)
        result.reason = reasons?.explanation(of: result, failure: attempt.failure)
        return result
    }

    private func outcome(of attempt: Attempt, found: RegisterValue) -> RestoreOutcome {
        let volatileBits = RegisterDictionary.volatileBits(of: attempt.id)
        switch attempt.action {
        case .skipped(let rule): return .skipped(rule)
        case .left: return .skipped(.policy)
        case .failed(let error): return .refused(error.errno)
        case .absent: return .absent
        case .wrote, .heldAlready: break
        }
        if volatileBits == .max { return .volatile }
        guard let difference = found.differingBits(from: attempt.wanted) else {
            return .acceptedThenChanged
        }
        let lost = difference.masked(by: ~volatileBits)
        if lost.isZero {
            if case .heldAlready = attempt.action { return .alreadyEqual }
            return .restored
        }
        return isMasked(attempt, found: found, lost: lost)
            ? .keptButMasked(lost: lost) : .acceptedThenChanged
    }

    /// Whether the destination took part of the write: it changed, and each bit that is not as
    /// written is as before or zero.
    private func isMasked(_ attempt: Attempt, found: RegisterValue, lost: RegisterValue) -> Bool {
        guard case .wrote = attempt.action, found != attempt.before else { return false }
        let before = attempt.before?.littleEndianBytes ?? found.littleEndianBytes.map { _ in 0 }
        return zip(lost.littleEndianBytes, zip(found.littleEndianBytes, before))
            .allSatisfy { lost, bytes in lost & bytes.0 & ~bytes.1 == 0 }
    }

    private func destinationOnly(_ id: RegisterID) -> RegisterRestore {
        let value = try? bank.read(id)
        return RegisterRestore(
            id: id, outcome: .notInSnapshot, wanted: nil, before: value, found: value,
            reason: RestoreReasons.notInSnapshot)
    }

    // MARK: Undoing

    /// Puts back what was written, in restore order, and reads it back.
    func undo() -> [RegisterUndo] {
        let written = attempts.filter { attempt in
            if case .wrote = attempt.action { return true }
            return false
        }
        let restorable = written.compactMap { attempt in
            attempt.before.map { (id: attempt.id, before: $0) }
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
