internal import CFormatData

extension RegisterID {
    /// The hypercall services of a bitmap that a kernel without the bitmap offers to every guest
    /// (Formats/registers/services.jsonl); nil where that depends on the kernel, and it is not known.
    package func services(onKernelWithout kernel: KernelVersion?) -> UInt64? {
        let rows = Tables.services.filter { RegisterEntry(index: $0.reg).id == self }
        guard let kernel else { return rows.isEmpty ? 0 : nil }
        return rows.reduce(0) { bits, row in
            KernelVersion.has(kernel, since: KernelVersion(packed: row.since))
                ? bits | RegisterField.ones(Int(row.msb) - Int(row.lsb) + 1) << UInt64(row.lsb)
                : bits
        }
    }
}
