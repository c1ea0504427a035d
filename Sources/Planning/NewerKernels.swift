internal import Emulation
internal import Registers
internal import Synchronization
internal import Transfer
internal import VCPUModel

/// The destination with newer kernels, as they are derived for `plan --kernel`, and what a guest loses there: each is made
/// once for a plan.
final class NewerKernels: Sendable {
    /// What becomes of a register there.
    private enum Fate {
        case taken, lost
        /// The host cannot be told, or only guesses what it has of the register.
        case unknown
    }

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
    /// The features of the guest's vCPUs; nil where they are not told.
    private let made: VCPUFeatures?
    private let policy: RestorePolicy
    private let hosts = Mutex([KernelVersion: HostProfile?]())
    private let answers = Mutex([Question: Fate]())
    private let last = Mutex(Losses(guest: RegisterList()))

    init(of profile: HostProfile, making made: VCPUFeatures?, policy: RestorePolicy) {
        self.profile = profile
        self.made = made
        self.policy = policy
    }

    /// Whether it can be told what the host has with another kernel.
    var areKnown: Bool { RegisterDictionary.newestKernel.flatMap(host) != nil }

    /// The kernels from which on the host takes a register of a guest's vCPU, the releases of its own series apart; nothing
    /// where no kernel does, or where that rests on a guess.
    func taking(
        _ id: RegisterID, of guest: RegisterList
    ) -> (span: KernelSpan, ofSeries: KernelVersion?)? {
        guard let own = profile.kernel, let entry = RegisterDictionary.entry(for: id) else {
            return nil
        }
        let fates = entry.changes.filter { $0 > own }.map { kernel in
            (kernel: kernel, fate: fate(of: id, of: guest, with: kernel))
        }
        let taking = fates.filter { $0.fate == .taken }.map(\.kernel)
        guard let first = taking.first(where: { $0.patch == 0 }) else { return nil }
        let end = fates.first { $0.kernel > first && $0.fate == .lost }?.kernel
        let ofSeries = taking.first { $0.series == own.series }
        return (KernelSpan(from: first, before: end), ofSeries)
    }

    private func fate(
        of id: RegisterID, of guest: RegisterList, with kernel: KernelVersion
    ) -> Fate {
        let question = Question(id: id, value: guest[id], kernel: kernel)
        if let answer = answers.withLock({ $0[question] }) { return answer }
        var answer = Fate.unknown
        if let host = host(with: kernel), !host.guesses.contains(where: { $0.register == id }),
            let lost = losses(of: guest, on: host, with: kernel)
        {
            answer = lost.contains(id) ? .lost : .taken
        }
        answers.withLock { $0[question] = answer }
        return answer
    }

    /// Nil where the host does not take so much as its vCPU.
    private func losses(
        of guest: RegisterList, on host: HostProfile, with kernel: KernelVersion
    ) -> Set<RegisterID>? {
        let known = last.withLock { last in
            if last.guest != guest { last = Losses(guest: guest) }
            return last.lost[kernel]
        }
        if let known { return known }
        // A capability that makes more writable is a remedy of its own.
        let vm = PlannedVM(on: EmulatedHost(host), vcpuCount: 1, enabling: [])
        let reports = try? vm.restore([UnitState(.vcpu(0), guest)], policy: policy)
        let lost = reports.map { reports in
            Set(reports.flatMap(\.registers).filter(\.outcome.isLoss).map(\.id))
        }
        last.withLock { last in
            if last.guest == guest { last.lost[kernel] = .some(lost) }
        }
        return lost
    }

    private func host(with kernel: KernelVersion) -> HostProfile? {
        if let host = hosts.withLock({ $0[kernel] }) { return host }
        let like = profile.midr.flatMap { try? HostProfile.builtIn(ofCPU: $0) } ?? []
        let host = try? profile.withKernel("\(kernel)", like: like, making: made)
        hosts.withLock { $0[kernel] = .some(host) }
        return host
    }
}
