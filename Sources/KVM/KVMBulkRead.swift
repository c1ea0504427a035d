internal import CLinux
internal import LinuxSystem
internal import Registers
public import VCPUModel

/// Reads of a unit by one C loop, which takes no memory.
final class KVMBulkRead: BulkRead {
    private let bank: any RegisterBank
    private let memory: RegisterMemory
    private var reads: [clinux_kvm_read] = []
    /// The register of each read.
    private var ids: [RegisterID] = []

    init(of bank: any RegisterBank, _ memory: RegisterMemory) {
        self.bank = bank
        self.memory = memory
    }

    func perform() throws(RegisterBankError) {
        var failed = 0
        let result = reads.withUnsafeBufferPointer { reads in
            // SAFETY: each value has room in `memory` for the size that its read says.
            clinux_kvm_read_all(reads.baseAddress, reads.count, &failed)
        }
        guard let errno = Errno(result: result) else { return }
        // The bank knows more of it.
        _ = try bank.read(ids[failed])
        throw RegisterBankError(.read, ids[failed], errno)
    }

    /// Adds a read of a register.
    /// - Parameter value: where it goes; by default all of the register's place.
    fileprivate func add(
        _ kind: clinux_kvm_read_kind, at place: Int, to value: UnsafeMutableRawBufferPointer? = nil,
        of descriptor: Int32 = -1, group: UInt32 = 0, number: UInt64 = 0, preset: UInt64 = 0
    ) {
        let value = value ?? memory.value(at: place)
        reads.append(
            clinux_kvm_read(
                kind: kind, descriptor: descriptor, group: group, size: UInt32(value.count),
                number: number, preset: preset, value: value.baseAddress))
        ids.append(memory.ids[place])
    }

    /// Adds what does not change as long as the unit is the caller's.
    fileprivate func addConstant(at place: Int) throws(RegisterBankError) {
        let value = try bank.read(memory.ids[place])
        try value.checkSize(for: memory.ids[place], .read)
        memory.value(at: place).copyBytes(from: value.littleEndianBytes)
        add(CLINUX_KVM_READ_NOTHING, at: place)
    }

    /// Adds a register that is an attribute.
    /// - Parameter vcpu: whose it is, or any vCPU for one that the VM has once.
    fileprivate func add(
        _ attribute: DeviceAttribute, at place: Int, of vcpu: KVMVCPUBank
    ) throws(RegisterBankError) {
        guard attribute.device == .vcpu else { return try addAttributes(at: place, of: vcpu) }
        add(
            CLINUX_KVM_READ_ATTRIBUTE, at: place, of: vcpu.vcpu.descriptor, group: attribute.group,
            number: attribute.attribute)
    }

    /// Adds the attributes that have a register of an interrupt controller.
    private func addAttributes(at place: Int, of vcpu: KVMVCPUBank) throws(RegisterBankError) {
        let (id, key) = (memory.ids[place], try vcpu.key)
        var rest = memory.value(at: place)[...]
        let parts = try KVMError.translating(try vcpu.devices.places(of: id, of: key)) {
            AttributeAccess.failure(.read, id, $0.errno)
        }
        for part in parts {
            let room = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(part.size))
            rest = rest.dropFirst(part.size)
            add(
                CLINUX_KVM_READ_ATTRIBUTE, at: place, to: room,
                of: part.device.handle.descriptor, group: part.attribute.group,
                number: part.attribute.number, preset: part.preset)
        }
    }
}

extension KVMVCPUBank {
    /// Every register by one ioctl, in one loop.
    /// - Throws: where a register can be read by no ioctl.
    public func bulkRead(into memory: RegisterMemory) throws(RegisterBankError) -> any BulkRead {
        let result = KVMBulkRead(of: self, memory)
        for place in memory.ids.indices { try add(place, memory.ids[place], to: result) }
        return result
    }

    private func add(
        _ place: Int, _ id: RegisterID, to reads: KVMBulkRead
    ) throws(RegisterBankError) {
        switch id {
        case .mpState: reads.add(CLINUX_KVM_READ_MP_STATE, at: place, of: vcpu.descriptor)
        case .vcpuEvents: reads.add(CLINUX_KVM_READ_EVENTS, at: place, of: vcpu.descriptor)
        default:
            if let attribute = id.deviceAttribute(with: devices.model) {
                return try reads.add(attribute, at: place, of: self)
            }
            guard id.architecture != .own else { return try reads.addConstant(at: place) }
            reads.add(
                CLINUX_KVM_READ_REGISTER, at: place, of: vcpu.descriptor, number: id.rawValue)
        }
    }
}

extension KVMVMBank {
    /// Every register by one ioctl, in one loop.
    /// - Throws: where a register can be read by no ioctl.
    public func bulkRead(into memory: RegisterMemory) throws(RegisterBankError) -> any BulkRead {
        let result = KVMBulkRead(of: self, memory)
        for place in memory.ids.indices { try add(place, memory.ids[place], to: result) }
        return result
    }

    private func add(
        _ place: Int, _ id: RegisterID, to reads: KVMBulkRead
    ) throws(RegisterBankError) {
        guard let vcpu = vcpus.first else { return try reads.addConstant(at: place) }
        func addCounter(_ counter: RegisterID) {
            reads.add(
                CLINUX_KVM_READ_REGISTER, at: place, of: vcpu.vcpu.descriptor,
                number: counter.rawValue)
        }
        switch id {
        case .clockCntvct: addCounter(.cntvctEL0)
        case .clockCntpct: addCounter(.cntpctEL0)
        case .clockRealtime: reads.add(CLINUX_KVM_READ_TIME, at: place)
        default:
            guard let attribute = id.deviceAttribute else {
                return try reads.addConstant(at: place)
            }
            try reads.add(attribute, at: place, of: vcpu)
        }
    }
}
