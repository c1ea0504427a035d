internal import Emulation
internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel
internal import VMMFiles

/// How a VMM gives the vCPUs of its file to KVM: in the file's order, and it gives up at the first call that fails.
protocol WayOfLoading: Sendable {
    /// Features that the VMM refuses by itself.
    var refused: VCPUFeatures { get }

    /// Whether a register is written before the vCPU is finalized.
    func isBeforeFinalization(_ id: RegisterID) -> Bool

    /// What the VMM prints where it gives up; nil where it panics.
    func line(for failure: VMMLoad.Failure) -> String?
}

/// Loads one vCPU of a file into an emulated one.
struct VMMLoader {
    let way: any WayOfLoading
    let policy: RestorePolicy
    let guest: VMMVCPU
    let vcpu: EmulatedCPU

    func load() -> VMMLoad.VCPU {
        var result = VMMLoad.VCPU(index: guest.index, registers: [])
        let request = guest.initialization ?? VCPUInit(features: .psci02)
        let refused = request.features.intersection(way.refused)
        result.fail(refused.isEmpty ? nil : .features(refused))
        result.fail(initialize(request))
        write(to: &result) { way.isBeforeFinalization($0) }
        result.fail(finalize(request.features))
        write(to: &result) { !way.isBeforeFinalization($0) }
        if let mpState = guest.mpState {
            let value = RegisterValue(UInt64(mpState), size: 4)
            result.fail(errno(try vcpu.write(value, to: .mpState)).map { .mpState($0) })
        }
        if let address = guest.stolenTime {
            let value = RegisterValue(address)
            result.fail(errno(try vcpu.write(value, to: .pvtimeIpa)).map { .stolenTime($0) })
        }
        result.registers += kept(beside: Set(guest.registers.map(\.id)))
        result.registers.sort { $0.id < $1.id }
        return result
    }

    /// Looks at what the vCPU holds of what it took, when all vCPUs were loaded, and asks the policy of what is lost
    /// silently: a VMM that gives up knows no policy.
    func settle(_ result: inout VMMLoad.VCPU) {
        for index in result.registers.indices {
            result.registers[index].compare(with: vcpu)
            guard ![.unknown, .refused].contains(result.registers[index].fate) else { continue }
            result.registers[index].ask(policy, of: guest.state.registers, on: vcpu)
        }
    }

    private func errno(
        _ write: @autoclosure () throws(RegisterBankError) -> Void
    ) -> Errno? {
        do throws(RegisterBankError) {
            try write()
            return nil
        } catch {
            return error.errno
        }
    }

    /// The emulated vCPU leaves out what the host does not have, which KVM refuses.
    private func initialize(_ request: VCPUInit) -> VMMLoad.Failure? {
        if let refusal = errno(try vcpu.write(request.value, to: .vcpuInit)) {
            return .initialization([], refusal)
        }
        let given = (try? vcpu.read(.vcpuInit)).flatMap { VCPUInit($0) }?.features ?? []
        let missing = request.features.subtracting(given).subtracting(.powerOff)
        return missing.isEmpty ? nil : .initialization(missing, .invalidArgument)
    }

    private func finalize(_ features: VCPUFeatures) -> VMMLoad.Failure? {
        guard let value = features.finalizedValue else { return nil }
        return errno(try vcpu.write(value, to: .vcpuFinalized)).map { .finalization($0) }
    }

    /// Writes the registers for which that holds, in the order of the file.
    private func write(to result: inout VMMLoad.VCPU, where isWritten: (RegisterID) -> Bool) {
        for (index, register) in guest.registers.enumerated() where isWritten(register.id) {
            let refusal = errno(try vcpu.write(register.value, to: register.id))
            result.fail(refusal.map { .register(register, $0, number: index + 1) })
            result.registers.append(load(of: register, refusal))
        }
    }

    private func load(of register: VMMRegister, _ errno: Errno?) -> RegisterLoad {
        let isAbsent = errno == .noEntry
        return RegisterLoad(
            id: register.id,
            outcome: isAbsent ? .absent : errno.map { .refused($0) } ?? .taken,
            answer: isAbsent ? .failure : .silence, incoming: register.value,
            held: errno == nil ? nil : (try? vcpu.read(register.id)))
    }

    /// What only the destination has.
    private func kept(beside known: Set<RegisterID>) -> [RegisterLoad] {
        vcpu.list().filter { $0.architecture == .arm64 && !known.contains($0) }.map { id in
            let isMissing = RegisterDictionary.entry(for: id)?.isEssential == true
            return RegisterLoad(
                id: id, outcome: isMissing ? .missing : .untouched, held: try? vcpu.read(id))
        }
    }
}

extension VMMLoad.VCPU {
    /// Notes why the VMM gives up; the first reason counts.
    fileprivate mutating func fail(_ reason: VMMLoad.Failure?) {
        if failure == nil { failure = reason }
    }
}

extension VMM {
    /// Nil for a VMM of which it is not known.
    var wayOfLoading: (any WayOfLoading)? {
        switch self {
        case .firecracker: FirecrackerLoading()
        case .libkrun, .cloudHypervisor, .crosvm, .dump: nil
        }
    }
}
