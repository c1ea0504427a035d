internal import Emulation
internal import Registers
internal import Synchronization
internal import Transfer
internal import VCPUModel

/// What is lost of a guest at the destination if it had been started on its host with another kernel: found once for a
/// plan.
final class FreshGuests: Sendable {
    /// A guest that was started, and what of it is lost at the destination.
    private struct Start {
        let registers: RegisterList
        let lost: Set<RegisterID>
    }

    private let guests: StartedGuests
    private let destination: HostProfile
    private let policy: RestorePolicy
    private let starts = Mutex([KernelVersion: Start?]())

    init(_ guests: StartedGuests, to destination: HostProfile, policy: RestorePolicy) {
        self.guests = guests
        self.destination = destination
        self.policy = policy
    }

    /// The kernels nearest to the guest's own, older and newer ones, whose fresh guests have something of a register that
    /// is not lost, and what they have; nothing where its own kernel gives that, too, or it is a guess.
    /// - Parameter isOneValue: whether it has to be the same with all of them.
    /// - Returns: no values where fresh guests do not have the register.
    func kernels(
        taking id: RegisterID, isOneValue: Bool
    ) -> [(span: KernelSpan, values: [RegisterValue])] {
        let changes = RegisterDictionary.entry(for: id)?.changes ?? []
        let dates = Set([KernelVersion.oldestKnown].compactMap(\.self) + changes).sorted()
        guard let own = guests.host?.kernel, let place = dates.lastIndex(where: { $0 <= own }),
            let now = start(on: own), now.lost.contains(id)
        else { return [] }
        let runs = [
            nearestRun(dates[..<place].reversed(), of: id, isOneValue),
            nearestRun(Array(dates[place...].dropFirst()), of: id, isOneValue),
        ]
        return runs.filter { !$0.isEmpty }.map { run in
            let first = run.min()
            let end = dates.first { date in run.allSatisfy { $0 < date } }
            return (
                KernelSpan(from: first == dates.first ? nil : first, before: end),
                run.compactMap { start(on: $0)?.registers[id] }
            )
        }
    }

    /// The first of some dates, and those behind it, from which on a register is taken.
    ///
    /// Not of a few releases of a stable series alone.
    private func nearestRun(
        _ dates: [KernelVersion], of id: RegisterID, _ isOneValue: Bool
    ) -> [KernelVersion] {
        let nearest = dates.first { date in
            dates.allSatisfy { $0.series != date.series || $0 < date || isTaken(id, $0) }
        }
        let held = nearest.flatMap { start(on: $0)?.registers[id] }
        return dates.drop { $0 != nearest }.prefix { date in
            let other = start(on: date)?.registers[id]
            let isAlike = isOneValue ? other == held : (other == nil) == (held == nil)
            return isTaken(id, date) && isAlike
        }
    }

    /// State that is only not saved is not gone: a guest that does not have a register must be told so.
    private func isTaken(_ id: RegisterID, _ kernel: KernelVersion) -> Bool {
        guard let start = start(on: kernel), !start.lost.contains(id) else { return false }
        let needs = RegisterDictionary.entry(for: id)?.newestNeeds ?? []
        return start.registers.contains(id)
            || needs.contains { need in
                guard case .idField(let field) = need else { return false }
                return start.registers[field.register].map { !field.holds(for: $0.lowBits) }
                    ?? false
            }
    }

    private func start(on kernel: KernelVersion) -> Start? {
        if let known = starts.withLock({ $0[kernel] }) { return known }
        let start = try? make(on: kernel)
        starts.withLock { $0[kernel] = .some(start) }
        return start
    }

    private func make(on kernel: KernelVersion) throws -> Start? {
        guard let guest = guests.guest(on: kernel) else { return nil }
        let reports = try PlannedVM(on: EmulatedHost(destination), vcpuCount: 1)
            .restore([guest.state], policy: policy)
        return Start(
            registers: guest.state.registers,
            lost: Set(reports.flatMap(\.losses).map(\.id) + guest.guessed))
    }
}
