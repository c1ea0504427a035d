internal import Emulation
internal import Registers
internal import Synchronization
internal import Transfer
internal import VCPUModel

/// A guest as it would be if it had been started on its host with other kernels: each is made once, for all moves of the
/// guest that are planned.
final class StartedGuests: Sendable {
    /// A guest, and the registers of which its host only guesses what they hold.
    typealias Guest = (state: UnitState, guessed: [RegisterID])

    private let snapshot: Snapshot
    /// Where it was started, if that is known better than by the snapshot.
    private let given: HostProfile?
    private let told = Mutex([HostProfile?]())
    private let guests = Mutex([KernelVersion: Guest?]())

    init(of snapshot: Snapshot, on host: HostProfile?) {
        self.snapshot = snapshot
        given = host
    }

    /// The host on which it was started; nil where that cannot be told.
    var host: HostProfile? {
        if let given { return given }
        if let known = told.withLock({ $0.first }) { return known }
        let host = try? HostProfile(from: snapshot)
        told.withLock { $0 = [host] }
        return host
    }

    /// - Returns: nil where the host with that kernel cannot be told, or makes no such vCPU.
    func guest(on kernel: KernelVersion) -> Guest? {
        if let known = guests.withLock({ $0[kernel] }) { return known }
        let guest = try? start(on: kernel)
        guests.withLock { $0[kernel] = .some(guest) }
        return guest
    }

    private func start(on kernel: KernelVersion) throws -> Guest? {
        guard let source = host, let midr = source.midr,
            let made = snapshot.vcpus.first?.registers[.vcpuInit].flatMap({ VCPUInit($0) })
        else { return nil }
        let features = made.features.intersection(source.features)
        let host = try source.withKernel(
            "\(kernel)", like: HostProfile.builtIn(ofCPU: midr), making: features)
        guard features.isSubset(of: host.features) else { return nil }
        let guest = try PlannedVM.freshGuest(on: host, features: features)
        return (guest.vcpus[0].unit, host.guesses.map(\.register))
    }
}
