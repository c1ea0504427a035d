public import Registers
public import VCPUModel

/// One change of a register or of a field of it, as text: `SCTLR_EL1=0x30d0198d`, `SCTLR_EL1.M=0`,
/// `ID_AA64PFR0_EL1.CSV3=NI`.
public struct RegisterAssignment: Hashable, Sendable {
    /// The register that is changed, by any spelling that `RegisterID.init(spelled:)` takes.
    public let register: RegisterID
    /// Nil for the whole register.
    public let field: RegisterField?
    private let text: String
    /// Whether reserved bits may change as well, whoever asks for it.
    private let isPreset: Bool

    /// Parses `REGISTER=VALUE` or `REGISTER.FIELD=VALUE`; names are taken in any case.
    /// - Throws: for a text that is no assignment, an unknown register or field, and a value that
    ///   it cannot hold.
    public init(parsing assignment: String) throws(EditError) {
        let sides = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
            throw .malformed(assignment)
        }
        let names = sides[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard names.allSatisfy({ !$0.isEmpty }) else { throw .malformed(assignment) }
        guard let register = RegisterID(spelled: names[0]) else {
            throw .unknownRegister(String(names[0]))
        }
        self.register = register
        text = String(sides[1])
        isPreset = false
        field = names.count == 2 ? try Self.field(String(names[1]), of: register) : nil
    }

    /// A whole register of a vCPU that has not run yet, which gets what a baseline or template has for it.
    package init(preset register: RegisterID, to value: RegisterValue) {
        self.register = register
        field = nil
        text = value.description
        isPreset = true
    }

    /// The field of that name.
    /// - Throws: for one that the register does not have, with those it has.
    static func field(
        _ name: String, of register: RegisterID
    ) throws(EditError) -> RegisterField {
        let entry = RegisterDictionary.entry(for: register)
        guard let field = entry?.field(named: name) else {
            let known = (entry?.fields ?? []).filter { !$0.isReserved }.map(\.name)
            throw .unknownField(name, register, known: known)
        }
        return field
    }

    /// Whether it changes what the VM has once.
    public var isOfVM: Bool {
        if case .vm = register.group { true } else { false }
    }

    /// The value that is assigned; of an assigned field, with every other bit 0.
    /// - Throws: where the text is no value of the register or the field.
    public func value() throws(EditError) -> RegisterValue {
        try newValue(from: .zero(size: register.size ?? 8) ?? RegisterValue(0))
    }

    /// The register's value after the change.
    /// - Parameter isForced: whether reserved bits may change as well.
    func applied(
        to current: RegisterValue, isForced: Bool
    ) throws(EditError) -> RegisterValue {
        let new = try newValue(from: current)
        let broken = ReservedBits.broken(by: new, from: current, in: register)
        guard isForced || isPreset || broken.isZero else { throw .reserved(register, bits: broken) }
        return new
    }

    private func newValue(from current: RegisterValue) throws(EditError) -> RegisterValue {
        guard let field else { return try value(size: current.size) }
        return field.insert(try value(of: field), into: current)
    }

    private func value(size: Int) throws(EditError) -> RegisterValue {
        guard let value = RegisterValue(parsing: text, size: size) else {
            throw .badValue(text, register, field: nil, bits: size * 8)
        }
        return value
    }

    private func value(of field: RegisterField) throws(EditError) -> UInt64 {
        let named = field.namedValues.first { $0.name.lowercased() == text.lowercased() }
        let number = named?.value ?? RegisterValue(parsing: text, size: 8)?.bits
        guard let number, number.leadingZeroBitCount >= 64 - field.width else {
            throw .badValue(text, register, field: field.name, bits: field.width)
        }
        return number
    }
}

extension RegisterAssignment {
    /// Whether it changes what all vCPUs of a VM have alike, so that it makes a state that KVM cannot have if it is
    /// made in one of them alone.
    ///
    /// What is only a part of a register is looked up in the vCPU.
    public func changesWhatIsAlike(in vcpu: any RegisterBank) -> Bool {
        let bits = register.alikeBits
        guard bits != 0, bits != .max else { return bits != 0 }
        if let field { return field.touches(bits) }
        guard let now = try? vcpu.read(register),
            let value = RegisterValue(parsing: text, size: now.size)
        else { return true }
        return (value.lowBits ^ now.lowBits) & bits != 0
    }
}

extension RegisterID {
    /// The bits that all vCPUs of a VM have alike; for the counters, which KVM offsets once for a VM, all.
    public var alikeBits: UInt64 {
        // What decides which registers a vCPU has cannot be changed in any of them.
        if architecture == .own { return 0 }
        let holder = AArch32Bank.holder(of: self)?.id ?? self
        let isCounter = RegisterDictionary.entry(for: holder)?.isCounter == true
        return isCounter ? .max : holder.kind.commonBits
    }
}

/// What the dictionary says of a register's reserved bits.
enum ReservedBits {
    /// The bits in which a change leaves what the architecture reserves: RES0 and RAZ bits that become
    /// one, RES1 bits that become zero.
    ///
    /// Bits that were wrong before count only when they change: KVM resets registers to a pattern with
    /// reserved bits set. With several layouts the best one counts.
    static func broken(
        by new: RegisterValue, from old: RegisterValue, in id: RegisterID
    ) -> RegisterValue {
        let none = RegisterValue.zero(size: new.size) ?? RegisterValue(0)
        guard let entry = RegisterDictionary.entry(for: id), new != old else { return none }
        let candidates = ([entry.fields] + entry.variants.map(\.fields)).map { layout in
            layout.reduce(none) { insertBroken(of: $1, by: new, from: old, into: $0) }
        }
        return candidates.first(where: \.isZero) ?? candidates.first ?? none
    }

    private static func insertBroken(
        of field: RegisterField, by new: RegisterValue, from old: RegisterValue,
        into mask: RegisterValue
    ) -> RegisterValue {
        let wanted = field.extract(from: new)
        let changed = wanted ^ field.extract(from: old)
        return switch field.kind {
        case .res0, .raz: field.insert(wanted & changed, into: mask)
        case .res1: field.insert(~wanted & changed, into: mask)
        case .unsignedEnum, .signedEnum, .enum, .field, .unkn: mask
        }
    }
}
