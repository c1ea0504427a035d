internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The state KVM keeps outside its register list.
extension KVMVCPUBank {
    /// Whether the vCPU has a feature that is not usable, and lets nothing be listed, before
    /// `KVM_ARM_VCPU_FINALIZE`.
    var awaitsFinalization: Bool { !finalizable.subtracting(finalized).isEmpty }

    private var finalizable: VCPUFeatures {
        used?.features.intersection(VCPUFeatures.finalizable) ?? []
    }

    /// The ids of this kind that an initialized vCPU has.
    var idsOutsideList: [RegisterID] {
        var ids: [RegisterID] = [.vcpuInit]
        if !finalizable.isEmpty { ids.append(.vcpuFinalized) }
        if abilities.hasEvents { ids.append(.vcpuEvents) }
        if abilities.hasMPState { ids.append(.mpState) }
        return ids
    }

    func readOutsideList(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        let used = try initialization(for: .read, id)
        do throws(Errno) {
            switch id {
            case .vcpuInit: return used.value
            case .vcpuFinalized: return RegisterValue(UInt64(finalized.rawValue), size: 4)
            case .vcpuEvents: return try eventsValue()
            case .mpState: return RegisterValue(UInt64(try vcpu.mpState()), size: 4)
            default: throw .noEntry
            }
        } catch {
            throw failure(.read, id, error)
        }
    }

    func writeOutsideList(
        _ value: RegisterValue, _ id: RegisterID
    ) throws(RegisterBankError) {
        if id.size != nil { try value.checkSize(for: id) }
        if id == .vcpuInit {
            try initialize(asCloseTo: value)
            return
        }
        _ = try initialization(for: .write, id)
        do throws(Errno) {
            switch id {
            case .vcpuFinalized: try finalize(VCPUFeatures(rawValue: UInt32(value.lowBits)))
            case .vcpuEvents: try vcpu.setEvents(value.littleEndianBytes)
            case .mpState: try vcpu.setMPState(UInt32(value.lowBits))
            default: throw .noEntry
            }
        } catch {
            throw failure(.write, id, error)
        }
    }

    /// What the vCPU was initialized with, if it is and has the register.
    private func initialization(
        for operation: RegisterBankError.Operation, _ id: RegisterID
    ) throws(RegisterBankError) -> VCPUInit {
        guard let used else { throw failure(operation, id, .notExecutable) }
        guard idsOutsideList.contains(id) else { throw failure(operation, id, .noEntry) }
        return used
    }

    /// Without a pending SError the kernel still says whether an SError could have a syndrome on
    /// this host (serror_has_esr).
    ///
    /// That is no state of the vCPU: the value is then zero.
    private func eventsValue() throws(Errno) -> RegisterValue {
        let bytes = try vcpu.events()
        let isPending = bytes.first.map { $0 != 0 } ?? false
        let state = isPending ? bytes : bytes.map { _ in 0 }
        guard let value = RegisterValue(littleEndian: state) else { throw .invalidArgument }
        return value
    }

    /// `KVM_ARM_VCPU_INIT` with what is wanted, less what the host does not have; reading
    /// `RegisterID.vcpuInit` back tells what was used.
    ///
    /// Initializing again resets every register, so nothing is done when the vCPU is what is wanted.
    private func initialize(asCloseTo value: RegisterValue) throws(RegisterBankError) {
        guard let wanted = VCPUInit(value) else {
            throw failure(.write, .vcpuInit, .invalidArgument)
        }
        var refusal = Errno.invalidArgument
        for candidate in abilities.candidates(for: wanted) {
            if candidate == used { return }
            do throws(Errno) {
                try vcpu.initialize(candidate)
                used = candidate
                return
            } catch {
                refusal = error
                guard error == .invalidArgument || error == .noEntry else { break }
            }
        }
        // ENOENT would say that vCPUs have no such register.
        throw failure(.write, .vcpuInit, refusal == .noEntry ? .invalidArgument : refusal)
    }

    /// `KVM_ARM_VCPU_FINALIZE` for each feature that is not finalized yet; it cannot be undone.
    private func finalize(_ features: VCPUFeatures) throws(Errno) {
        for feature in features.subtracting(finalized).elements {
            try vcpu.finalize(feature)
            finalized.insert(feature)
        }
    }
}
