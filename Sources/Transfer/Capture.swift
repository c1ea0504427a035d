public import VCPUModel

/// What was read from one bank: the state, and every register that could not be read.
public struct Capture: Sendable {
    /// The registers that could be read.
    public var registers: RegisterList
    /// Listed registers whose read failed; empty for a complete capture.
    public var unreadable: [RegisterBankError]
}

extension Capture {
    /// Reads every register a bank lists.
    ///
    /// A read that fails is recorded, and the rest are still read. QEMU's `cpu_pre_save` (`target/arm/machine.c`)
    /// asserts when one register cannot be read.
    /// - Throws: only when the bank cannot say which registers it has, or its vCPUs do not stand still.
    public init(of bank: any RegisterBank) throws(RegisterBankError) {
        var unreadable: [RegisterBankError] = []
        let registers = try bank.readAll(failed: { (error) throws(RegisterBankError) in
            // It says nothing of the register, and all others would say the same.
            guard !error.needsStandstill else { throw error }
            unreadable.append(error)
            return nil
        })
        self.init(registers: registers, unreadable: unreadable)
    }
}

extension Snapshot {
    /// The same with the coprocessor registers of AArch32 guests (`AArch32Bank`) beside those that hold them.
    /// - Throws: where a register cannot be read.
    public func withAArch32Registers() throws(RegisterBankError) -> Snapshot {
        var result = self
        for (position, vcpu) in vcpus.enumerated() {
            let view = AArch32Bank(SnapshotBank(vcpu.registers))
            result.vcpus[position].registers = try Capture(of: view).registers
        }
        return result
    }
}
