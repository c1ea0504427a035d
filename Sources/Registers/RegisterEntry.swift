internal import CFormatData

/// One register of the dictionary.
public struct RegisterEntry: Hashable, Sendable {
    let index: UInt16
    /// Which one of the registers of the row it is, counted from 0.
    let member: UInt16

    init(index: UInt16, member: UInt16 = 0) {
        self.index = index
        self.member = member
    }

    var row: cformat_register { Tables.registers[Int(index)] }

    /// The register's KVM id.
    public var id: RegisterID {
        RegisterID(rawValue: row.id + UInt64(member) * UInt64(row.member_stride))
    }

    /// The canonical name.
    ///
    /// Names of system registers are those of the Arm ARM; registers of `struct kvm_regs` and SVE are
    /// in lower case, as in Linux.
    public var name: String {
        let name = Tables.string(row.name)
        guard isInFamily else { return name }
        return name.split(separator: "#", omittingEmptySubsequences: false).joined(
            separator: "\(number)")
    }

    private var isInFamily: Bool { row.member_count > 1 }

    /// What the names of the registers begin with for which the dictionary has one line; nil where it is alone there.
    package var familyStem: String? {
        isInFamily ? String(Tables.string(row.name).prefix { $0 != "#" }) : nil
    }

    private var number: UInt16 { row.first_member + member }

    /// The member of a row with a number; nil where the row has none.
    init?(index: UInt16, number: UInt16) {
        let row = Tables.registers[Int(index)]
        guard row.member_count > 1, number >= row.first_member,
            number - row.first_member < row.member_count
        else { return nil }
        self.init(index: index, member: number - row.first_member)
    }

    /// The registers of its line: it alone, or all of its family, in ascending order of id.
    package var family: some RandomAccessCollection<RegisterEntry> {
        (0..<row.member_count).lazy.map { [index] in RegisterEntry(index: index, member: $0) }
    }

    /// Other names: architectural synonyms and the macros of the kernel's uapi headers.
    public var aliases: [String] {
        // Those of a family are the first one's.
        guard member == 0 else { return [] }
        return Tables.run(row.aliases, row.alias_count).map {
            Tables.string(Tables.aliases[$0].name)
        }
    }

    /// What else is worth knowing, in words.
    public var notes: String? { Tables.optionalString(row.notes) }

    /// Whether the dictionary has no layout for the register: it is plain data (X0, Z3), or its
    /// layout is not known.
    public var isOpaque: Bool { has(.opaque) }

    /// The layout, most significant field first, without gaps from the register's top bit to bit 0;
    /// empty for an opaque register.
    public var fields: [RegisterField] {
        RegisterField.run(row.fields, row.field_count, firstINTID: number * row.intids)
    }

    /// Other layouts, each with the condition under which it applies (`F = 1` of PAR_EL1).
    public var variants: [(when: String, fields: [RegisterField])] {
        Tables.run(row.variants, row.variant_count).map { index in
            let variant = Tables.variants[index]
            return (
                Tables.string(variant.when),
                RegisterField.run(variant.fields, variant.field_count)
            )
        }
    }

    /// The field of that name, in any case, of the layout or else of a variant; nil when there is none,
    /// and for reserved bits.
    public func field(named name: some StringProtocol) -> RegisterField? {
        ([fields] + variants.map(\.fields)).joined().first { field in
            !field.isReserved && field.name.lowercased() == name.lowercased()
        }
    }

    /// The register whose state this one accesses under another encoding or in AArch32, such as
    /// SCTLR_EL1 for SCTLR_EL12 and for SCTLR.
    public var mapping: RegisterID? { Self.id(at: row.mapping) }

    /// The bit of `mapping` where this register's bits start: 32 for IFAR, which is the upper half of
    /// FAR_EL1, and 0 for most.
    public var mappingLSB: Int { Int(row.mapping_lsb) }

    private static func id(at index: UInt16) -> RegisterID? {
        index == CFORMAT_NONE ? nil : RegisterEntry(index: index).id
    }
}

// MARK: - Kinds of registers

extension RegisterEntry {
    /// The cases are in the order of FLAGS in Scripts/generate-parts/register_tables.py.
    private enum Flag: UInt16 {
        case opaque, featureID, implementationID, checkedOnly, vmWide, timer, counter, pmu, secret
        case clearView, qemuConstant, qemuMasked, essential, qemuTolerated, qemuToleratedZero
        case writeOnly, ofHost, gicv3
    }

    private func has(_ flag: Flag) -> Bool { row.flags >> flag.rawValue & 1 != 0 }

    /// A register of the feature ID space (Op0 3, Op1 0, CRn 0, CRm 1 to 7): ID_*, MVFR*_EL1 and
    /// the unallocated encodings among them.
    public var isFeatureIDRegister: Bool { has(.featureID) }

    /// A register that tells which implementation this is: MIDR_EL1, REVIDR_EL1, AIDR_EL1, CTR_EL0,
    /// CLIDR_EL1.
    public var isImplementationID: Bool { has(.implementationID) }

    /// A register whose write KVM checks against the host and does not store (the SMCCC workarounds).
    public var isCheckedOnly: Bool { has(.checkedOnly) }

    /// A register that every vCPU has, if its features are those the register needs, and that no guest
    /// can run on without: what is called a vCPU and lacks it is not complete.
    public var isEssential: Bool { has(.essential) }

    /// A register that is one for the whole VM: writing it on one vCPU writes it for all.
    public var isVMWide: Bool { has(.vmWide) }

    /// A register of the generic timer other than a counter: compare values, controls, offsets.
    public var isTimer: Bool { has(.timer) }

    /// A system counter: CNTVCT_EL0, CNTPCT_EL0 and their self-synchronized views.
    public var isCounter: Bool { has(.counter) }

    /// A register of the PMUv3 performance monitors.
    public var isPMU: Bool { has(.pmu) }

    /// A pointer authentication key.
    public var isSecret: Bool { has(.secret) }

    /// A register that a guest can write and not read.
    public var isWriteOnly: Bool { has(.writeOnly) }

    /// State that is an attribute, and of which a profile says whether the host has it, and what a fresh VM holds.
    package var isOfHost: Bool { has(.ofHost) }

    /// A system register of the GIC that KVM's GICv3 keeps for a vCPU.
    var isKeptByGICv3: Bool { has(.gicv3) }

    /// A register that QEMU's own emulation never changes: ID registers and some that it makes zero.
    public var isQEMUConstant: Bool {
        isFeatureIDRegister || isImplementationID || has(.qemuConstant)
    }

    /// The bits that QEMU's own emulation drops from a value: reserved ones, of a few registers.
    public var bitsQEMUDrops: UInt64 {
        guard has(.qemuMasked) else { return 0 }
        return fields.filter(\.isReserved).reduce(0) { $0 | $1.mask }
    }

    /// Whether QEMU with KVM takes it as a matter of course that only the stream or only the host has the
    /// register (`arm_register_cpreg_mig_tolerance`, since QEMU 11.1).
    /// - Parameter value: the stream's; nil where only the host has it.
    public func isToleratedByQEMU(_ value: UInt64?) -> Bool {
        has(.qemuTolerated) || value == 0 && has(.qemuToleratedZero)
    }

    /// The names of the fields that these bits touch: ` (MPAM, CSV3)`; empty for none.
    package func fieldsText(of bits: UInt64) -> String {
        let names = fields.filter { !$0.isReserved && $0.touches(bits) }.map(\.name)
        return names.isEmpty ? "" : " (" + names.joined(separator: ", ") + ")"
    }

    /// A CLR view of a SET register: PMCNTENCLR_EL0, PMINTENCLR_EL1, PMOVSCLR_EL0.
    public var isClearView: Bool { has(.clearView) }

    /// The CLR view of a SET register; nil for every other register, the CLR views included.
    public var clearView: RegisterID? {
        isClearView ? nil : Self.id(at: row.twin)
    }

    /// The SET register of a CLR view; nil for every other register.
    public var setView: RegisterID? {
        isClearView ? Self.id(at: row.twin) : nil
    }

    /// The bits that change by themselves: all of a counter, ISTATUS of a timer control.
    ///
    /// They say nothing about whether two states are the same.
    public var volatileBits: UInt64 { row.volatile_bits }
}
