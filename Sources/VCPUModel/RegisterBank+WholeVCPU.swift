public import Registers

/// What is done with all registers of a vCPU.
extension RegisterBank {
    /// Initializes the vCPU and finalizes those of its features that need it, so that every register exists.
    ///
    /// A restore does not call this: it writes the same two registers, with SVE vector lengths
    /// between them.
    /// - Throws: what writing and reading `RegisterID.vcpuInit` and `vcpuFinalized` throws.
    public func initialize(with request: VCPUInit) throws(RegisterBankError) {
        try write(request.value, to: .vcpuInit)
        // Features that the bank does not have were left out.
        let used = VCPUInit(try read(.vcpuInit))?.features ?? []
        guard let finalized = used.finalizedValue else { return }
        try write(finalized, to: .vcpuFinalized)
    }

    /// Makes an interrupt controller in a VM that has none, as writing `RegisterID.gicModel` to its bank does.
    /// - Parameter model: nil for none.
    /// - Throws: `ENODEV` for one that the host does not make.
    public func makeInterruptController(_ model: GICModel?) throws(RegisterBankError) {
        guard let model else { return }
        try write(RegisterValue(UInt64(model.rawValue), size: 4), to: .gicModel)
    }

    /// The value of a register that may not be there, or not have one; nil where it has none.
    /// - Throws: only where nothing is known of it, because vCPUs do not stand still.
    package func readIfThere(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue? {
        do throws(RegisterBankError) {
            return try read(id)
        } catch {
            guard !error.needsStandstill else { throw error }
            return nil
        }
    }

    /// The values of all registers, or of some.
    /// - Parameter failed: is told why a register could not be read, and gives the value to list it with; nil
    ///   for none. What it throws ends the reading.
    /// - Throws: what `list` throws; without `failed`, what reading a register throws, too.
    public func readAll(
        where isWanted: (RegisterID) -> Bool = { _ in true },
        failed: (RegisterBankError) throws(RegisterBankError) -> RegisterValue? = {
            (error) throws(RegisterBankError) in throw error
        }
    ) throws(RegisterBankError) -> RegisterList {
        var registers = RegisterList()
        for id in try list() where isWanted(id) {
            do throws(RegisterBankError) {
                let value = try read(id)
                try value.checkSize(for: id, .read)
                registers.set(value, for: id)
            } catch {
                if let value = try failed(error) { registers.set(value, for: id) }
            }
        }
        return registers
    }
}
