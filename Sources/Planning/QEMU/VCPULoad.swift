internal import Emulation
internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import Transfer
internal import VCPUModel

/// What becomes of one vCPU's section when QEMU loads a stream.
public struct VCPULoad: Hashable, Sendable {
    /// Why QEMU gives up at this vCPU; nil when it does not.
    public enum Failure: Hashable, Sendable {
        /// The stream's list is longer than the destination's (`VMSTATE_INT32_POSITIVE_LE`).
        case tooManyRegisters(Int, limit: Int)
        /// A subsection that this version does not have (`vmstate_subsection_load`).
        case unknownSubsection(String)
        /// A register the destination does not have (`cpu_post_load`).
        case unknownRegisters
        /// KVM refuses a value (`write_list_to_kvmstate`).
        case refusedValues
        /// A timer of WFxT, which the destination's CPU does not have: KVM's never do.
        case timerWithoutWFxT
        /// A register of an emulated CPU cannot hold the value (`write_list_to_cpustate`).
        case otherConstants
        /// The stream does not have constant registers of an emulated CPU, so that QEMU compares them with whatever was in
        /// its memory.
        case unsetConstants
    }

    /// The vCPU's number.
    public var index: UInt32
    /// Nil when QEMU does not give up at this vCPU; another can still make it fail.
    public var failure: Failure?
    /// Whether KVM refuses a value that QEMU had taken from the stream by then.
    ///
    /// Even after a failed load QEMU puts all registers once more (`cpu_synchronize_all_post_init`), and since 8.0 it
    /// ends with that error.
    public var putFails = false
    /// Every register of the stream or the destination, in ascending order of id.
    ///
    /// If QEMU gives up earlier, this is what would have become of them.
    public var registers: [RegisterLoad]
    /// The vector lengths of a guest with SVE; nil for one without.
    public var vectors: VectorLengths?

    /// The losses that the policy counts.
    public var losses: [RegisterLoad] { registers.filter(\.isLoss) }
}

/// Loads one section into a vCPU as QEMU with KVM does (`cpu_post_load` in `target/arm/machine.c`,
/// `write_list_to_kvmstate` in `target/arm/kvm.c`).
struct VCPULoader {
    let version: QEMUVersion
    let policy: RestorePolicy
    let section: CPUSection
    /// The section as a bank, for what QEMU keeps outside the list.
    let guest: RegisterList
    let vcpu: EmulatedCPU
    /// The destination's vector lengths, in bytes, ascending.
    let vectorLengths: [Int]

    func load() -> VCPULoad {
        let local = vcpu.list().filter(\.isCPRegister)
        let incoming = section.entries
        var result = VCPULoad(index: section.instance, registers: [])
        result.registers = merge(incoming, local) + fixedRegisters()
        if guest.contains(.z(0)) {
            let vectors = VectorLengths(of: guest, on: vectorLengths)
            result.vectors = vectors
            result.registers += lengthsLoad(vectors)
        }
        result.failure = failure(result.registers, local.count)
        result.putFails = putFails(result.registers, result.failure)
        result.registers.sort { $0.id < $1.id }
        return result
    }

    /// Looks at what the vCPU holds of what it took, when all vCPUs were loaded, and asks the policy.
    func settle(_ result: inout VCPULoad) {
        for index in result.registers.indices {
            if result.registers[index].id.isCPRegister {
                result.registers[index].compare(with: vcpu)
            }
            result.registers[index].ask(policy, of: guest, on: vcpu)
        }
    }

    private func failure(_ registers: [RegisterLoad], _ local: Int) -> VCPULoad.Failure? {
        if let early = VCPULoad.Failure(beforeLists: section, by: version, limit: local) {
            return early
        }
        if section.subsection(RefusedSubsections.timer) != nil { return .timerWithoutWFxT }
        if registers.contains(where: { $0.fate == .unknown }) { return .unknownRegisters }
        return registers.contains(where: \.fate.isFailure) ? .refusedValues : nil
    }

    private func putFails(_ registers: [RegisterLoad], _ failure: VCPULoad.Failure?) -> Bool {
        switch failure {
        case .tooManyRegisters, .unknownSubsection, .timerWithoutWFxT: return false
        default: break
        }
        let refused = registers.filter { $0.fate.isFailure && $0.fate != .unknown }
        guard !version.comparesWholeLists else { return !refused.isEmpty }
        // The walk over the lists ended at the first register that the destination does not have.
        let end = registers.filter { $0.fate == .unknown }.map(\.id).min()
        return refused.contains { register in end.map { register.id < $0 } ?? true }
    }

    // MARK: The list

    /// What QEMU writes to KVM, in the list's order, and what KVM makes of it.
    private func merge(
        _ incoming: [CPUSection.Entry], _ local: [RegisterID]
    ) -> [RegisterLoad] {
        let values = Dictionary(incoming.map { ($0.id, $0.value) }) { first, _ in first }
        let known = Set(local)
        let fresh = local.map { id in (id, (try? vcpu.read(id))?.lowBits) }
        // QEMU always writes the whole list, also what the stream does not have: once when it has made
        // the vCPU, and that has its effects (a CLR view of a PMU bitmap clears it).
        for (id, value) in fresh where id.syncLevel <= .reset { _ = write(value, to: id) }
        let written = fresh.map { id, value in (id, write(values[id] ?? value, to: id)) }
        let loaded = written.map { id, outcome in register(id, incoming: values[id], outcome) }
        let walk = ListWalk(version: version, last: local.last) { entry in
            RegisterDictionary.entry(for: entry.id)?.isToleratedByQEMU(entry.value) == true
        }
        return loaded + walk.loads(of: incoming.filter { !known.contains($0.id) })
    }

    private func write(_ value: UInt64?, to id: RegisterID) -> RegisterOutcome {
        guard let size = id.size, let value else { return .taken }
        do throws(RegisterBankError) {
            try vcpu.write(RegisterValue(value, size: size), to: id)
            return .taken
        } catch {
            return .refused(error.errno)
        }
    }

    private func register(
        _ id: RegisterID, incoming: UInt64?, _ outcome: RegisterOutcome
    ) -> RegisterLoad {
        let wanted = incoming.map { RegisterValue($0, size: id.size ?? 8) }
        guard outcome.isLoss || wanted == nil else {
            return RegisterLoad(id: id, outcome: outcome, incoming: wanted)
        }
        let held = try? vcpu.read(id)
        let isMissing = held != nil && RegisterDictionary.entry(for: id)?.isEssential == true
        return RegisterLoad(
            id: id, outcome: outcome.isLoss ? outcome : isMissing ? .missing : .untouched,
            incoming: wanted, held: held)
    }

    // MARK: Outside the list

    /// The core and vector registers, which QEMU puts afterward (`kvm_arch_put_registers`): those
    /// that the vCPU does not have are lost silently, and so is what of a vector has no room.
    private func fixedRegisters() -> [RegisterLoad] {
        let local = Set(vcpu.list())
        return guest.filter { !$0.0.isCPRegister && $0.0.architecture != .own }.map { id, value in
            if id.isScalable, local.contains(id) { return vector(id, value) }
            let isKept =
                local.contains(id) || Self.isKeptWithoutSVE(id, value)
                || id.isVector && local.contains(.z(0))
            return RegisterLoad(
                id: id, outcome: isKept ? .taken : .absent, incoming: value,
                held: isKept ? value : nil)
        }
    }

    private func vector(_ id: RegisterID, _ value: RegisterValue) -> RegisterLoad {
        // A vCPU that is finalized takes every vector.
        let put = try? vcpu.put(value, to: id)
        return RegisterLoad(
            id: id, outcome: put?.outcome ?? .acceptedThenChanged, incoming: value,
            held: put?.found)
    }

    /// The lengths themselves, where the guest's registers show a longer one than the destination has.
    private func lengthsLoad(_ vectors: VectorLengths) -> [RegisterLoad] {
        guard vectors.isCut, let held = try? vcpu.read(.sveVLS) else { return [] }
        return [
            RegisterLoad(
                id: .sveVLS, outcome: .acceptedThenChanged, incoming: vectors.shownSet, held: held)
        ]
    }

    /// Without SVE the low 128 bits of a Z register are its V register, and all that is left.
    private static func isKeptWithoutSVE(_ id: RegisterID, _ value: RegisterValue) -> Bool {
        guard id.isSVE else { return false }
        if id.size == 256 { return value.littleEndianBytes[16...].allSatisfy { $0 == 0 } }
        return value.isZero
    }
}

extension VCPULoad.Failure {
    /// What ends a load before QEMU compares the lists, with KVM or without; nil where nothing does.
    /// - Parameter limit: how many registers the destination's list has.
    init?(beforeLists section: CPUSection, by version: QEMUVersion, limit: Int) {
        let count = section.entries.count
        if !version.comparesWholeLists, count > limit {
            self = .tooManyRegisters(count, limit: limit)
        } else if let name = version.unknownSubsection(in: section) {
            self = .unknownSubsection(name)
        } else {
            return nil
        }
    }
}
