internal import TextFormats
internal import VCPUModel

/// The files of a snapshot of crosvm, which are in a folder (Formats/crosvm-snapshot.md).
public enum CrosvmSnapshot {
    /// The most bytes of one file.
    public static let limit = 32 << 20

    /// What such files never have.
    static let gaps = [
        "features of vCPUs", "events (VCPU_EVENTS)", "hypercall bitmaps (KVM_REG_ARM_FW_FEAT_BMAP)",
        "SVE", "levels of interrupt lines", "clock of the VM",
    ]

    /// Whether the file begins as that of a vCPU does, in CBOR or JSON.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        let name = "vcpu_id"
        // A map of at most 23 members, then a text of 7 bytes.
        let isCBOR =
            prefix.count > 1 && 0xa0...0xb7 ~= prefix[0] && prefix[1] == 0x67
            && prefix.dropFirst(2).starts(with: name.utf8)
        return isCBOR || JSONText.names(prefix, [name])
    }

    /// A file of the snapshot.
    public struct Part {
        /// What messages call it: `vcpu/vcpu0`.
        let name: String
        let item: CrosvmItem
        /// Whether it is JSON.
        let isOld: Bool

        /// Parses a file.
        /// - Throws: where it is neither CBOR nor JSON.
        public init(named name: String, _ bytes: [UInt8]) throws(VMMFileError) {
            self.name = name
            isOld = JSONValue.nameOfFirstMember(Array(bytes.prefix(64))) != nil
            do throws(VMMFileError) {
                item =
                    isOld ? CrosvmItem(try JSONText.parse(bytes)) : try CBORParser.item(bytes)
            } catch {
                throw error.named(name)
            }
        }
    }

    /// The state of a VM.
    /// - Parameter controller: the file `irqchip`; nil where only files of vCPUs are there.
    /// - Throws: where a file is not what it should be.
    public static func read(
        vcpus files: [Part], controller: Part? = nil
    ) throws(VMMFileError) -> VMMState {
        var vcpus: [CrosvmVCPU] = []
        for file in files { vcpus.append(try CrosvmVCPU(file)) }
        vcpus.sort { $0.index < $1.index }
        var chip: CrosvmChip?
        if let controller { chip = try CrosvmChip(controller, vcpus.map(\.mpidr)) }
        var made: [VMMVCPU] = []
        for (place, vcpu) in vcpus.enumerated() {
            made.append(
                try VMMVCPU(
                    index: vcpu.index, registers: vcpu.registers, mpState: chip?.mpStates[place],
                    interrupts: chip?.words.vcpus[place] ?? RegisterList()))
        }
        let coding = files.contains(where: \.isOld) ? "JSON (before March 2025)" : "CBOR"
        let lost =
            vcpus.contains { !$0.hasCoreState }
            ? ["SPSR, ELR_EL1, SP_EL1, FPSR and FPCR, which crosvm saves since March 2025"] : []
        return try VMMState(
            .crosvm, facts: [.init("encoding", coding)], vcpus: made,
            vm: chip?.words.vm ?? RegisterList(),
            gaps: gaps
                + (chip == nil
                    ? ["MP state and interrupt controller where irqchip is not there"] : []) + lost)
    }
}
