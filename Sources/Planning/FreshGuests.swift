internal import Emulation
internal import Registers
internal import Synchronization
internal import Transfer
internal import VCPUModel

/// Guests as they would come to the destination if they had been started on their host with another kernel: each is made
/// and moved once for a plan.
final class FreshGuests: Sendable {
    /// A guest that was started, and what of it is lost at the destination.
    private struct Start {
        let registers: RegisterList
        let lost: Set<RegisterID>
    }

    /// Which guest is to be started.
    private struct Order: Hashable {
        var host: HostProfile
        var kernel: KernelVersion
        var made: VCPUFeatures
    }

    /// A guest, and the registers of which its host only guesses what they hold.
    private typealias Guest = (state: UnitState, guessed: [RegisterID])

    /// The guests of the last hosts: they are the same for all destinations.
    private static let guests = Mutex([Order: Guest?]())
    private static let mostGuests = 1024

    private let snapshot: Snapshot
    /// Where it was started, if that is known better than by the snapshot.
    private let given: HostProfile?
    private let destination: HostProfile
    private let policy: RestorePolicy
    private let told = Mutex([HostProfile?]())
    private let starts = Mutex([KernelVersion: Start?]())

    init(
        of snapshot: Snapshot, on host: HostProfile?, to destination: HostProfile,
        policy: RestorePolicy
    ) {
        self.snapshot = snapshot
        given = host
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
        let changes = RegisterDictionary.entry(for: id)?.freshChanges ?? []
        let dates = Set([KernelVersion.oldestKnown].compactMap(\.self) + changes).sorted()
        guard let own = source?.kernel, let place = dates.lastIndex(where: { $0 <= own }),
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
        let nearest = dates.first { isTaken(id, $0) && !isOfSeries($0, id) }
        let held = nearest.flatMap { start(on: $0)?.registers[id] }
        return dates.drop { $0 != nearest }.prefix { date in
            let other = start(on: date)?.registers[id]
            let isAlike = isOneValue ? other == held : (other == nil) == (held == nil)
            return isTaken(id, date) && isAlike
        }
    }

    /// Whether what a kernel shows changes again within its series.
    private func isOfSeries(_ kernel: KernelVersion, _ id: RegisterID) -> Bool {
        let changes = RegisterDictionary.entry(for: id)?.freshChanges ?? []
        return changes.first { $0 > kernel }?.series == kernel.series
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

    private var source: HostProfile? {
        if let given { return given }
        if let known = told.withLock({ $0.first }) { return known }
        let host = try? HostProfile(from: snapshot)
        told.withLock { $0 = [host] }
        return host
    }

    private func start(on kernel: KernelVersion) -> Start? {
        if let known = starts.withLock({ $0[kernel] }) { return known }
        let start = try? make(on: kernel)
        starts.withLock { $0[kernel] = .some(start) }
        return start
    }

    private func make(on kernel: KernelVersion) throws -> Start? {
        guard let source,
            let made = snapshot.vcpus.first?.registers[.vcpuInit].flatMap({ VCPUInit($0) }),
            let guest = Self.guest(
                Order(
                    host: source, kernel: kernel,
                    made: made.features.intersection(source.features)))
        else { return nil }
        let reports = try PlannedVM(on: EmulatedHost(destination), vcpuCount: 1)
            .restore([guest.state], policy: policy)
        return Start(
            registers: guest.state.registers,
            lost: Set(reports.flatMap(\.losses).map(\.id) + guest.guessed))
    }

    private static func guest(_ order: Order) -> Guest? {
        if let known = guests.withLock({ $0[order] }) { return known }
        let guest = try? start(order)
        guests.withLock { known in
            if known.count >= mostGuests { known = [:] }
            known[order] = .some(guest)
        }
        return guest
    }

    /// - Returns: nil where the host with that kernel cannot be told, or makes no such vCPU.
    private static func start(_ order: Order) throws -> Guest? {
        guard let midr = order.host.midr else { return nil }
        let host = try order.host.withKernel(
            "\(order.kernel)", like: HostProfile.builtIn(ofCPU: midr))
        guard order.made.isSubset(of: host.features) else { return nil }
        let guest = try PlannedVM.freshGuest(on: host, features: order.made)
        return (guest.vcpus[0].unit, host.guesses.map(\.register))
    }
}
