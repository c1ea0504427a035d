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

    /// The kernels nearest to the guest's own, older and newer ones, with which a fresh guest has something of a register
    /// that is not lost, and what it has; nothing where its own kernel gives that, too, or it is a guess.
    /// - Returns: nil for the value where a fresh guest does not have the register.
    func kernels(taking id: RegisterID) -> [(span: KernelSpan, value: RegisterValue?)] {
        let changes = RegisterDictionary.entry(for: id)?.freshChanges ?? []
        let dates = Set([KernelVersion.oldestKnown].compactMap(\.self) + changes).sorted()
        guard let own = source?.kernel, let place = dates.lastIndex(where: { $0 <= own }),
            let now = start(on: own), now.lost.contains(id)
        else { return [] }
        return [Array(dates[...place].reversed()), Array(dates[(place + 1)...])].compactMap {
            span($0, of: id, own)
        }
    }

    /// - Parameter dates: those from the guest's own kernel on, in either direction.
    private func span(
        _ dates: [KernelVersion], of id: RegisterID, _ own: KernelVersion
    ) -> (span: KernelSpan, value: RegisterValue?)? {
        let isOlder = dates.first.map { $0 <= own } ?? false
        // The dates before which its own kernel is have it as a fresh guest has it now.
        let candidates = isOlder ? dates.dropFirst() : dates[...]
        guard let nearest = candidates.first(where: { isTaken(id, $0) }) else { return nil }
        let value = start(on: nearest)?.registers[id]
        let run = candidates.drop { $0 != nearest }.prefix {
            isTaken(id, $0) && start(on: $0)?.registers[id] == value
        }
        let next = isOlder ? dates.last { $0 > nearest } : dates.dropFirst(run.endIndex).first
        let first = isOlder && run.endIndex == dates.endIndex ? nil : run.min()
        return (KernelSpan(from: first, before: next), value)
    }

    private func isTaken(_ id: RegisterID, _ kernel: KernelVersion) -> Bool {
        start(on: kernel).map { !$0.lost.contains(id) } ?? false
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

    /// - Returns: nil where the host with that kernel cannot be told, or makes no such vCPU.
    private func make(on kernel: KernelVersion) throws -> Start? {
        guard let source, let midr = source.midr,
            let made = snapshot.vcpus.first?.registers[.vcpuInit].flatMap({ VCPUInit($0) })
        else { return nil }
        let host = try source.withKernel("\(kernel)", like: HostProfile.builtIn(ofCPU: midr))
        guard made.features.intersection(source.features).isSubset(of: host.features) else {
            return nil
        }
        let guest = try PlannedVM.freshGuest(
            on: host, features: made.features.intersection(host.features))
        let reports = try PlannedVM(on: EmulatedHost(destination), vcpuCount: 1)
            .restore(guest.vcpus.map(\.unit), policy: policy)
        let guessed = host.guesses.map(\.register)
        return Start(
            registers: guest.vcpus[0].registers,
            lost: Set(reports.flatMap(\.losses).map(\.id) + guessed))
    }
}
