internal import Emulation
internal import Registers
internal import Synchronization
internal import Transfer
internal import VCPUModel

/// The destination with newer kernels, as they are derived for `plan --kernel`, and what a guest loses there: each is made
/// once for a plan.
final class NewerKernels: Sendable {
    /// What is the same for all vCPUs that hold it.
    private struct Question: Hashable {
        var id: RegisterID
        var value: RegisterValue?
        var kernel: KernelVersion
    }

    /// A vCPU, and what of it is lost with each kernel.
    private struct Losses {
        var guest: RegisterList
        var lost: [KernelVersion: Set<RegisterID>?] = [:]
    }

    private let profile: HostProfile
    private let policy: RestorePolicy
    private let hosts = Mutex([KernelVersion: HostProfile?]())
    private let answers = Mutex([Question: Bool]())
    private let last = Mutex(Losses(guest: RegisterList()))

    init(of profile: HostProfile, policy: RestorePolicy) {
        self.profile = profile
        self.policy = policy
    }

    /// The kernels from which on the host takes a register of a guest's vCPU, the releases of its own series apart; nothing
    /// where no kernel does, or where that rests on a guess.
    func taking(
        _ id: RegisterID, of guest: RegisterList
    ) -> (span: KernelSpan, ofSeries: KernelVersion?)? {
        guard let own = profile.kernel, let entry = RegisterDictionary.entry(for: id) else {
            return nil
        }
        let dates = entry.changes.filter { $0 > own }
        let isTaken = dates.map { take(id, of: guest, with: $0) }
        let taking = zip(dates, isTaken).filter(\.1).map(\.0)
        guard let first = taking.first(where: { $0.patch == 0 }) else { return nil }
        let end = zip(dates, isTaken).first { $0 > first && !$1 }?.0
        let ofSeries = taking.first { $0.series == own.series }
        return (KernelSpan(from: first, before: end), ofSeries)
    }

    private func take(
        _ id: RegisterID, of guest: RegisterList, with kernel: KernelVersion
    ) -> Bool {
        let question = Question(id: id, value: guest[id], kernel: kernel)
        if let answer = answers.withLock({ $0[question] }) { return answer }
        let answer = losses(of: guest, with: kernel)?.contains(id) == false
        answers.withLock { $0[question] = answer }
        return answer
    }

    /// Nil where the host with that kernel cannot be told.
    private func losses(
        of guest: RegisterList, with kernel: KernelVersion
    ) -> Set<RegisterID>? {
        let known = last.withLock { last in
            if last.guest != guest { last = Losses(guest: guest) }
            return last.lost[kernel]
        }
        if let known { return known }
        let lost = host(with: kernel).flatMap { host in
            try? Self.losses(of: guest, on: host, policy)
        }
        last.withLock { last in
            if last.guest == guest { last.lost[kernel] = .some(lost) }
        }
        return lost
    }

    private func host(with kernel: KernelVersion) -> HostProfile? {
        if let host = hosts.withLock({ $0[kernel] }) { return host }
        let like = profile.midr.flatMap { try? HostProfile.builtIn(ofCPU: $0) } ?? []
        let host = try? profile.withKernel("\(kernel)", like: like)
        hosts.withLock { $0[kernel] = .some(host) }
        return host
    }

    /// Also what the host only guesses.
    ///
    /// A capability that makes more writable is a remedy of its own.
    private static func losses(
        of guest: RegisterList, on host: HostProfile, _ policy: RestorePolicy
    ) throws(RestoreError) -> Set<RegisterID> {
        let vm = PlannedVM(on: EmulatedHost(host), vcpuCount: 1, enabling: [])
        let reports = try vm.restore([UnitState(.vcpu(0), guest)], policy: policy)
        return Set(reports.flatMap(\.registers).filter(\.outcome.isLoss).map(\.id))
            .union(host.guesses.map(\.register))
    }
}
