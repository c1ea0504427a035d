internal import CFormatData

extension RegisterID {
    /// The hypercall services of a bitmap that a kernel without the bitmap offers to every guest
    /// (Formats/registers/services.jsonl); nil where that depends on the kernel, and it is not known.
    package func services(onKernelWithout kernel: KernelVersion?) -> UInt64? {
        let rows = Tables.services.filter { RegisterEntry(index: $0.reg).id == self }
        guard !rows.isEmpty else { return 0 }
        // Why a kernel that has bitmaps does not list one of them is not known.
        let since = RegisterDictionary.entry(for: self)?.listedSince
        guard let kernel, let since, kernel < since else { return nil }
        return rows.reduce(0) { bits, row in
            KernelVersion.has(kernel, since: KernelVersion(packed: row.since))
                ? bits | RegisterField.ones(Int(row.msb) - Int(row.lsb) + 1) << UInt64(row.lsb)
                : bits
        }
    }
}
