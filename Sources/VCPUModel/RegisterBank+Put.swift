public import Registers

extension RegisterBank {
    /// Gives a register a value: writes it where the register does not hold it, and reads it back.
    /// - Returns: what became of it, and what the register then holds.
    /// - Throws: what reading or writing the register throws; one that cannot be read is not written.
    public func put(
        _ value: RegisterValue, to id: RegisterID
    ) throws(RegisterBankError) -> (outcome: RegisterOutcome, found: RegisterValue) {
        let before = try read(id)
        guard try write(value, to: id, over: before) else { return (.alreadyEqual, before) }
        let found = try read(id)
        return (RegisterOutcome(of: id, wanted: value, before: before, found: found), found)
    }

    /// The first half of `put`, for those who read back later.
    /// - Parameter before: what the register holds; nil where that cannot be read.
    /// - Returns: whether it was written, because it did not hold the value.
    /// - Throws: what `write` throws for the register itself.
    public func write(
        _ value: RegisterValue, to id: RegisterID, over before: RegisterValue?
    ) throws(RegisterBankError) -> Bool {
        guard before != value else { return false }
        try replace(id, with: value)
        return true
    }

    /// Writes a value so that it replaces what is there on every kernel.
    ///
    /// On Linux 6.7 to 6.14 the PMU's SET registers only ever gain bits (`set_pmreg`,
    /// `arch/arm64/kvm/sys_regs.c`), so what is left over is cleared through the CLR view.
    /// - Throws: what `write` throws for the register itself.
    public func replace(_ id: RegisterID, with value: RegisterValue) throws(RegisterBankError) {
        try write(value, to: id)
        guard let clearView = RegisterDictionary.entry(for: id)?.clearView,
            let now = try? read(id).bits, let wanted = value.bits, now & ~wanted != 0
        else { return }
        // A refusal shows in what the register then holds.
        try? write(RegisterValue(now & ~wanted, size: value.size), to: clearView)
    }
}
