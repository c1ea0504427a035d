internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// The TARGET of a restore: banks to write to, and what becomes of them afterwards.
struct RestoreTarget {
    let banks: [any RegisterBank]
    let kernel: KernelVersion?
    /// The capabilities enabled on a VM that was made here.
    let enabled: [KVMCapability]
    private let location: Location
    private let provenance: Provenance
    /// What the target held, where it is a file.
    private let existing: SnapshotFile.Changeable?
    /// The vCPU numbers of a file, which its banks do not know.
    private let indices: [UInt32]

    /// CNTFRQ_EL0 of the host, where it is known, in Hz.
    var counterFrequency: UInt64? { provenance.counterFrequency }

    /// A VM of another process, which stands still until the restore is finished.
    private var process: RunningProcess.Stopped?

    /// Opens a file or a VM that runs, or makes as many fresh vCPUs as the snapshot has.
    /// - Parameter isChanging: whether a file will be rewritten.
    init(_ location: Location, for snapshot: Snapshot, isChanging: Bool) throws {
        self.location = location
        enabled = location.host == nil ? [] : KVMCapability.ofWritableRegisters
        if case .process(let process, let vm) = location {
            let stopped = try RunningProcess(process, vm: vm, location.text).stop(for: snapshot)
            self.process = stopped
            banks = stopped.banks
            provenance = stopped.provenance
            kernel = stopped.provenance.kernelVersion
            indices = snapshot.vcpus.map(\.index)
            existing = nil
            return
        }
        if let host = location.host {
            let machine = try HostMachine.make(
                host, vcpus: snapshot.vcpus.count, enabling: enabled)
            banks = machine.banks
            provenance = machine.provenance.from(location)
            kernel = machine.kernel
            indices = snapshot.vcpus.map(\.index)
            existing = nil
            return
        }
        let file = try SnapshotFile.readToChange(location, inPlace: isChanging)
        let existing = file.snapshot
        guard existing.vcpus.map(\.index) == snapshot.vcpus.map(\.index) else {
            throw CommandError(
                "\(location.text) has \(existing.indexText), the snapshot has "
                    + "\(snapshot.indexText): restore into a snapshot with the same vCPUs")
        }
        banks = existing.vcpus.map { SnapshotBank($0.registers) }
        provenance = existing.provenance
        kernel = existing.provenance.kernelVersion
        indices = existing.vcpus.map(\.index)
        self.existing = file
    }

    /// Keeps the result: in the target itself where that is a file, and in `output` if given.
    /// - Parameter isUndone: whether the target was put back, so that its file stays as it is.
    func finish(_ output: Location?, isUndone: Bool) throws {
        let isRewritten = existing != nil && !isUndone
        let result =
            !isRewritten && output == nil
            ? nil : try SnapshotSource.capture(banks, provenance, indices: indices).snapshot
        try process?.letGo()
        guard let result else { return }
        var changed = existing ?? .init(result, madeOn: location)
        changed.snapshot = result
        let destinations = [isRewritten ? location : nil, output].compactMap(\.self)
        for destination in destinations { try SnapshotFile.write(changed, to: destination) }
    }
}

extension Snapshot {
    /// Throws for a snapshot without vCPUs, which a file may be.
    /// - Parameter verb: what was to be done with it.
    func requireVCPUs(of location: Location, to verb: String) throws {
        guard vcpus.isEmpty else { return }
        throw CommandError("\(location.text) holds no vCPU: there is nothing to \(verb)")
    }

    /// Says of which vCPUs the policy overrides a register that they do not have.
    func warnOfIdleOverrides(of policy: RestorePolicy, from location: Location) {
        var idle: [(rule: PolicyRule, vcpus: VCPUNumbers)] = []
        var places: [PolicyRule: Int] = [:]
        var last: (ids: [RegisterID], rules: [PolicyRule]) = ([], [])
        for vcpu in vcpus {
            if last.ids != vcpu.registers.ids {
                last = (vcpu.registers.ids, policy.idleOverrides(among: vcpu.registers.ids))
            }
            for rule in last.rules {
                let place = places[rule] ?? idle.endIndex
                if place == idle.endIndex {
                    places[rule] = place
                    idle.append((rule, VCPUNumbers()))
                }
                idle[place].vcpus.append(vcpu.index)
            }
        }
        for (rule, vcpus) in idle {
            StandardError.write(
                "vcpusnap: \(location.text): the policy's \(rule) does nothing: \(vcpus.title) "
                    + "\(vcpus.count == 1 ? "does" : "do") not have the register\n")
        }
    }

    /// The vCPUs' numbers, for messages: `vCPU 0`, `vCPUs 0-3`.
    var indexText: String { VCPUNumbers(vcpus.map(\.index)).title }
}
