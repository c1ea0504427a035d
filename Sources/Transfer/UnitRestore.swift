internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The restore of one unit: what is written, and what it then holds.
struct UnitRestore {
    private let unit: UnitID
    private let bank: any RegisterBank
    private let options: Restore.Options
    /// The unit as it was saved.
    private let guest: RegisterList
    private let order: RestoreOrder
    /// By the register's place in the list.
    private var attempts: [RestoreAttempt]
    /// What the registers held before anything but the initialization was written, by their places; for an undo.
    private var originals: [RegisterValue?] = []
    /// Why a register that was written cannot be put back, by its place: what it held could not be read,
    /// or did not take that again.
    private var stuck: [Int: RegisterBankError] = [:]
    /// That the VM's vCPUs do not stand still.
    private(set) var standstillFailure: RegisterBankError?

    init(
        _ state: UnitState, into bank: any RegisterBank, order: RestoreOrder,
        options: Restore.Options
    ) {
        unit = state.unit
        self.bank = bank
        self.options = options
        guest = state.registers
        self.order = order
        attempts = Array(
            repeating: RestoreAttempt(action: .heldAlready), count: state.registers.count)
    }

    // MARK: Writing

    mutating func write(_ phase: RestorePhase) {
        for place in order[phase] where standstillFailure == nil {
            attempts[place] = attempt(place)
        }
    }

    private mutating func attempt(_ place: Int) -> RestoreAttempt {
        let (id, saved) = (guest.ids[place], guest.values[place])
        let isLeftOut = options.policy.omission(of: id) != nil
        var attempt = RestoreAttempt(action: .skipped(.policy))
        var unread: RegisterBankError?
        do throws(RegisterBankError) {
            attempt.before = try bank.read(id)
        } catch {
            if error.errno == .noEntry {
                if !isLeftOut { attempt.action = .absent(.init(error)) }
                return attempt
            }
            if error.needsStandstill { standstillFailure = error }
            // The rest (VCPU_INIT reads ENOEXEC before it is written) may still be writable.
            unread = error
        }
        guard !isLeftOut else { return attempt }
        attempt.action = write(saved, to: id, holding: attempt.before)
        if attempt.isWritten { stuck[place] = unread }
        return attempt
    }

    private mutating func write(
        _ saved: RegisterValue, to id: RegisterID, holding before: RegisterValue?
    ) -> RestoreAttempt.Action {
        if RegisterDictionary.entry(for: id)?.isClearView == true { return .skipped(.clearView) }
        do throws(RegisterBankError) {
            var wanted = options.policy.value(of: id, saved: saved).value
            if id.isSetByClockMode {
                wanted = try options.clock.value(of: id, saved: wanted, in: guest, on: bank)
            }
            if !options.hasTables, wanted != before, id.needsTables(for: wanted.lowBits) {
                return .skipped(.guestMemory)
            }
            return try bank.write(wanted, to: id, over: before) ? .wrote : .heldAlready
        } catch {
            if error.needsStandstill { standstillFailure = error }
            return .failed(.init(error))
        }
    }

    /// Keeps what the vCPU holds, for an undo; of what moves by itself that is read when it is written.
    mutating func remember() {
        originals = guest.ids.map { id in
            RegisterDictionary.volatileBits(of: id) == .max ? nil : try? bank.read(id)
        }
    }

    // MARK: Reading back

    /// Reads every register back.
    mutating func account() throws(RegisterBankError) -> UnitAccount {
        for place in attempts.indices { readBack(place) }
        let listed = try bank.list()
        let missing = missing(from: listed)
        let unsaved = missing.union(listed.filter { !guest.contains($0) })
        let others = unsaved.sorted().map { id in
            UnitAccount.Other(
                id: id, value: try? bank.read(id), isEssential: missing.contains(id))
        }
        return UnitAccount(unit: unit, guest: guest, attempts: attempts, others: others)
    }

    /// What the guest lacks, and the destination has because no vCPU can do without it.
    ///
    /// A vCPU that is not initialized and finalized does not list yet what it has.
    private func missing(from listed: [RegisterID]) -> Set<RegisterID> {
        let lacking = Set(UnitState(unit, guest).missing)
        guard !lacking.isEmpty else { return [] }
        let isUnfinished =
            listed.contains(.vcpuInit)
            && listed.allSatisfy { $0.architecture == .own || $0 == .sveVLS }
        return isUnfinished ? lacking : lacking.intersection(listed)
    }

    private mutating func readBack(_ place: Int) {
        if case .absent = attempts[place].action { return }
        let id = guest.ids[place]
        do throws(RegisterBankError) {
            attempts[place].found = try bank.read(id)
        } catch {
            switch attempts[place].action {
            case .skipped(.policy): return
            case .failed(let failure): attempts[place].action = .unreachable(failure)
            default:
                attempts[place].action = .unreadable(
                    .init(error), written: attempts[place].isWritten)
            }
        }
    }

    /// Forgets what only an undo needs.
    mutating func release() {
        attempts = []
        stuck = [:]
    }

    // MARK: Undoing

    /// What the register at a place held before the restore.
    private func original(_ place: Int) -> RegisterValue? {
        let isInitialization = RestorePhase(of: guest.ids[place]) < .firstOfInitialized
        guard !isInitialization, !originals.isEmpty else { return attempts[place].before }
        return originals[place] ?? attempts[place].before
    }

    /// Puts back what was written in one phase, as far as it is known what that was.
    mutating func putBack(_ phase: RestorePhase) {
        for place in order[phase] {
            guard attempts[place].isWritten, let before = original(place) else { continue }
            do throws(RegisterBankError) {
                try bank.replace(guest.ids[place], with: before)
            } catch {
                stuck[place] = error
            }
        }
    }

    /// What became of each register that was written, in the order in which they were.
    func undone() -> [RegisterUndo] {
        order.all.filter { attempts[$0].isWritten }.map { place in
            let (id, before) = (guest.ids[place], original(place))
            let found = try? bank.read(id)
            let difference = before.flatMap { found?.differingBits(from: $0, of: id) }
            let isUndone = difference?.isZero == true
            return RegisterUndo(
                id: id, before: before, found: found, isUndone: isUndone,
                reason: isUndone ? nil : RestoreReasons.notUndone(id, stuck[place]))
        }
    }
}
