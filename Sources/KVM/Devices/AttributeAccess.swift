internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// Reads and writes registers that are attributes, with what an errno of them means.
enum AttributeAccess {
    /// - Parameter vcpu: whose register it is, or any vCPU for one that the VM has once.
    static func read(
        _ id: RegisterID, _ attribute: DeviceAttribute, of vcpu: KVMVCPUBank,
        among devices: VMDevices
    ) throws(RegisterBankError) -> RegisterValue {
        if attribute.device == .vcpu {
            return try vcpu.value(of: id, attribute)
        }
        let key = try vcpu.key
        guard devices.has(id, of: key) else { throw absence(.read, id, among: devices) }
        do throws(KVMError) {
            return try devices.read(id, of: key)
        } catch {
            throw failure(.read, id, error.errno, isOfRegister: error.errno != .busy)
        }
    }

    /// - Parameter vcpu: as for `read`.
    static func write(
        _ value: RegisterValue, to id: RegisterID, _ attribute: DeviceAttribute,
        of vcpu: KVMVCPUBank, among devices: VMDevices
    ) throws(RegisterBankError) {
        try value.checkSize(for: id)
        if attribute.device == .vcpu {
            return try vcpu.set(id, attribute, to: value)
        }
        let key = try vcpu.key
        guard devices.has(id, of: key) else { throw absence(.write, id, among: devices) }
        if id == .iccCTLREL1 { try value.checkIsTaken(asControlOver: vcpu.read(id)) }
        do throws(KVMError) {
            try devices.write(value, to: id, of: key)
        } catch {
            throw failure(
                .write, id, error.errno, isOfRegister: isFixed(id, error, key, devices))
        }
    }

    /// Whether a value that was not taken is one that is fixed: it can be read, as nothing can while a vCPU runs.
    private static func isFixed(
        _ id: RegisterID, _ error: KVMError, _ key: VCPUKey, _ devices: VMDevices
    ) -> Bool {
        guard error.errno == .busy else { return true }
        return (try? devices.read(id, of: key)) != nil
    }

    static func absence(
        _ operation: RegisterBankError.Operation, _ id: RegisterID
    ) -> RegisterBankError {
        RegisterBankError(operation, id, .noEntry)
    }

    /// As `absence`, also for the want of an interrupt controller.
    private static func absence(
        _ operation: RegisterBankError.Operation, _ id: RegisterID, among devices: VMDevices
    ) -> RegisterBankError {
        id.lacksController(devices.model)
            ? .lacksController(operation, id) : absence(operation, id)
    }

    /// - Parameter isOfRegister: whether the errno says something of the register, as `EBUSY` while a vCPU runs does not.
    static func failure(
        _ operation: RegisterBankError.Operation, _ id: RegisterID, _ errno: Errno,
        isOfRegister: Bool = true
    ) -> RegisterBankError {
        RegisterBankError(
            ofDevice: operation, id, errno,
            explanation: KVMVCPUBank.explanation(operation, id, errno, features: []),
            isOfRegister: isOfRegister)
    }
}

extension RegisterBankError {
    /// For a register of an interrupt controller in a VM that has none.
    static func lacksController(
        _ operation: Operation, _ id: RegisterID
    ) -> RegisterBankError {
        var result = RegisterBankError(operation, id, .noEntry, explanation: noController)
        result.isBeyondRules = true
        return result
    }
}

extension KVMVCPUBank {
    /// An attribute of the vCPU's own descriptor.
    fileprivate func value(
        of id: RegisterID, _ attribute: DeviceAttribute
    ) throws(RegisterBankError) -> RegisterValue {
        let device = vcpu.attributes
        do throws(KVMError) {
            let bytes = try device.value(
                of: .init(group: attribute.group, number: attribute.attribute), size: id.size ?? 0)
            if let value = RegisterValue(littleEndian: bytes) { return value }
        } catch {
            // Without a value that could be given to it, it is there all the same.
            guard error.errno == .noDeviceOrAddress, hasAttribute(attribute) else {
                throw AttributeAccess.failure(.read, id, error.errno)
            }
            throw RegisterBankError(
                .read, id, error.errno, explanation: "no interrupt was given to the PMU")
        }
        throw AttributeAccess.absence(.read, id)
    }

    fileprivate func set(
        _ id: RegisterID, _ attribute: DeviceAttribute, to value: RegisterValue
    ) throws(RegisterBankError) {
        let device = vcpu.attributes
        do throws(KVMError) {
            try device.set(
                .init(group: attribute.group, number: attribute.attribute),
                to: value.littleEndianBytes)
        } catch {
            throw AttributeAccess.failure(.write, id, error.errno)
        }
    }

    /// Whether the vCPU's descriptor has an attribute, which may be one that the VM has once.
    func hasAttribute(_ attribute: DeviceAttribute) -> Bool {
        let device = vcpu.attributes
        return device.has(.init(group: attribute.group, number: attribute.attribute))
    }
}
