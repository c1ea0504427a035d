package import LinuxSystem
package import Registers

extension RegisterBankError {
    /// What an errno of a call for an attribute means.
    package init(
        ofDevice operation: Operation, _ id: RegisterID, _ errno: Errno,
        explanation: String? = nil, isOfRegister: Bool = false
    ) {
        // What KVM says of attributes that are not there.
        guard errno != .noDeviceOrAddress, errno != .noDevice else {
            self.init(operation, id, .noEntry)
            return
        }
        self.init(operation, id, errno, explanation: explanation)
        let needsStandstill = id.deviceAttribute?.needsStandstill ?? true
        if errno == .busy, !isOfRegister, needsStandstill {
            self.explanation =
                "a vCPU of the VM runs, or a thread is in a call for one; stop them all first"
            isBeyondRules = true
        }
    }
}

extension RegisterValue {
    /// Refuses a value of ICC_CTLR_EL1 that KVM would refuse, and keep part of.
    /// - Parameter held: what the vCPU holds.
    /// - Throws: `EINVAL` for such a value.
    package func checkIsTaken(asControlOver held: RegisterValue) throws(RegisterBankError) {
        let (id, held) = (RegisterID.iccCTLREL1, CPUInterfaceControl(held.lowBits))
        guard CPUInterfaceControl(lowBits).isTaken(over: held) else {
            throw RegisterBankError(
                .write, id, .invalidArgument,
                explanation: id.explanation(
                    of: AccessFailure(.invalid, isWrite: true, hasSVE: nil)))
        }
    }
}

extension DeviceAttribute {
    /// Whether KVM gives access only while no vCPU is in any call.
    fileprivate var needsStandstill: Bool { device != .vcpu && !isSetUp }
}
