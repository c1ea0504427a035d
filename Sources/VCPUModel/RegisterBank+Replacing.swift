internal import LinuxSystem
public import Registers

extension RegisterBank {
    /// Writes a value so that it replaces what is there on every kernel.
    ///
    /// On Linux 6.7 to 6.14 the PMU's SET registers only ever gain bits (`set_pmreg`,
    /// `arch/arm64/kvm/sys_regs.c`), so what is left over is cleared through the CLR view.
    /// - Throws: what `write` throws for the register itself.
    public func replace(_ id: RegisterID, with value: RegisterValue) throws(RegisterBankError) {
        try write(value, to: id)
        guard let twin = RegisterDictionary.entry(for: id)?.clearTwin,
            let now = try? read(id).bits, let wanted = value.bits, now & ~wanted != 0
        else { return }
        // A refusal shows in what the register then holds.
        try? write(RegisterValue(now & ~wanted, size: value.size), to: twin)
    }
}
