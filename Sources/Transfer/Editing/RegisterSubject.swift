package import Registers
internal import TextFormats
package import VCPUModel

/// What somebody asks about: a register, a field of it alone, or a value of either.
package struct RegisterSubject: Hashable, Sendable {
    /// The register.
    package let id: RegisterID
    /// The field that alone is meant; nil for the register.
    package private(set) var field: String?
    /// What is to be explained instead of the register; nil for the register itself.
    package private(set) var value: RegisterValue?

    /// Everything that a word means: a spelling of a register, what dumps of a crash call it, a field of it
    /// (`REGISTER.FIELD`), a value of either (`REGISTER=VALUE`), or all registers that a pattern matches.
    /// - Throws: where it means nothing, or could mean two things.
    package static func all(spelled text: String) throws(RegisterSubjectError) -> [RegisterSubject]
    {
        if let one = try value(text) { return [one] }
        if let id = RegisterID(spelled: text) ?? RegisterID(inDumps: text) {
            if case .unknown = id.architecture { throw .noRegisterID(text) }
            return [RegisterSubject(id: id)]
        }
        if let one = try field(text) { return [one] }
        return try matches(text).map { RegisterSubject(id: $0) }
    }

    /// `REGISTER=VALUE`, or `REGISTER.FIELD=VALUE`; nil for what is an encoding with its own equals signs.
    private static func value(_ text: String) throws(RegisterSubjectError) -> RegisterSubject? {
        let text = withoutFlags(text)
        guard let sign = sign(in: text) else { return nil }
        let value = text[text.index(after: sign)...].drop { $0 == " " }
        let given = text[..<sign]
        let isEncoding = given.contains("=") && RegisterID(spelled: given) == nil
        guard !isEncoding else { return nil }
        let trimmed = given.split(separator: " ").joined(separator: " ")
        let name = registerID(trimmed)
        let number = try withPrefix(value, isOfDump: text[sign] != "=")
        let assignment = "\(name?.name ?? trimmed)=\(number)"
        do throws(EditError) {
            let parsed = try RegisterAssignment(parsing: assignment)
            return RegisterSubject(
                id: parsed.register, field: parsed.field?.name, value: try parsed.value())
        } catch {
            throw .assignment(error)
        }
    }

    /// Behind which the value stands: an equals sign, or what dumps of a crash have there, as in `pstate : 600000c5`.
    private static func sign(in text: String) -> String.Index? {
        if let equals = text.lastIndex(of: "=") { return equals }
        let colons = text.indices.filter { text[$0] == ":" }
        guard let sign = colons.isEmpty ? text.lastIndex(of: " ") : colons[0], colons.count < 2,
            registerID(text[..<sign].split(separator: " ").joined(separator: " ")) != nil
        else { return nil }
        let value = text[sign...].dropFirst()
        return colons.isEmpty && !value.hasPrefix("0x") && !isPrinted(value) ? nil : sign
    }

    /// Without what dumps of a crash say of a value behind it: `pstate: 60400009 (nZCv daif)`.
    private static func withoutFlags(_ text: String) -> String {
        guard text.hasSuffix(")"),
            let end = text.indices.first(where: { text[$0...].hasPrefix(" (") }),
            sign(in: String(text[..<end])) != nil
        else { return text }
        return String(text[..<end])
    }

    private static func registerID(_ name: String) -> RegisterID? {
        RegisterID(inDumps: name) ?? RegisterID(spelled: name)
    }

    /// Whether it is as kernels and QEMU print values, in hexadecimal without 0x.
    fileprivate static func isPrinted(_ value: Substring) -> Bool {
        [8, 16].contains(value.count) && value.allSatisfy(\.isHexadecimalDigit)
    }

    /// A value with 0x before it where it is as kernels and QEMU print it, or has letters among its digits.
    private static func withPrefix(
        _ value: Substring, isOfDump: Bool
    ) throws(RegisterSubjectError) -> String {
        let isDecimal = value.allSatisfy(\.isDigit)
        guard value.allSatisfy(\.isHexadecimalDigit), !isDecimal || isPrinted(value) else {
            return String(value)
        }
        guard !isDecimal || isOfDump || value.first == "0" else {
            throw .twoReadings(String(value))
        }
        return value.isEmpty ? "" : "0x\(value)"
    }

    /// `REGISTER.FIELD`.
    private static func field(_ text: String) throws(RegisterSubjectError) -> RegisterSubject? {
        guard let dot = text.lastIndex(of: "."), let id = RegisterID(spelled: text[..<dot]) else {
            return nil
        }
        let name = String(text[text.index(after: dot)...])
        do throws(EditError) {
            let field = try RegisterAssignment.field(name, of: id)
            return RegisterSubject(id: id, field: field.name)
        } catch {
            throw .assignment(error)
        }
    }

    private static func matches(_ text: String) throws(RegisterSubjectError) -> [RegisterID] {
        let pattern = RegisterPattern(text)
        guard pattern.isWildcard else { throw .unknownRegister(text) }
        let matching = RegisterDictionary.everyRegister.map(\.id).filter(pattern.matches)
        guard !matching.isEmpty else { throw .unknownRegister(text) }
        return matching
    }
}

/// What somebody asks the history of.
package enum HistorySubject: Hashable, Sendable {
    /// A register, or a field of it.
    case register(RegisterSubject)
    /// A KVM capability.
    case capability(KVMCapability)
    /// A feature of `KVM_ARM_VCPU_INIT`.
    case feature(VCPUFeature)

    /// Everything that a word means.
    /// - Throws: where it means nothing, or could mean two things.
    package static func all(spelled text: String) throws(RegisterSubjectError) -> [HistorySubject] {
        if let one = KVMCapability.named(text.uppercased()) { return [.capability(one)] }
        if let one = VCPUFeature.named(text) { return [.feature(one)] }
        guard !text.uppercased().hasPrefix("KVM_CAP_") else { throw .unknownCapability(text) }
        return try RegisterSubject.all(spelled: text).map { .register($0) }
    }
}

extension RegisterPattern {
    /// A pattern, or the one register that a spelling means.
    /// - Throws: where it means none.
    package static func naming(_ text: String) throws(RegisterSubjectError) -> RegisterPattern {
        let pattern = RegisterPattern(text)
        if pattern.isWildcard { return pattern }
        guard let id = RegisterID(spelled: text) else { throw .unknownRegister(text) }
        return RegisterPattern(id.hex)
    }
}

/// Why a word means no register.
package enum RegisterSubjectError: Error, Hashable, Sendable {
    /// It is no name, id, encoding or pattern of a register.
    case unknownRegister(String)
    /// It is a number, and no KVM id on arm64.
    case noRegisterID(String)
    /// It begins as the name of a capability does, and none is known.
    case unknownCapability(String)
    /// It is a value that is another one in decimal and in hexadecimal.
    case twoReadings(String)
    /// It names a register or a value of one, which it cannot have.
    case assignment(EditError)
}

extension RegisterSubjectError: CustomStringConvertible {
    /// What is wrong, and what to give instead.
    package var description: String {
        switch self {
        case .unknownRegister(let text):
            "\(text) is not a register: "
                + (Self.hint(text.lowercased())
                    ?? "give a name (SCTLR_EL1, x0), an id (0x603000000013c080), "
                    + "an encoding (s3_0_c1_c0_0, 'op0:3 op1:0 crn:1 crm:0 op2:0'), or a pattern ('ID_*')"
                    + RegisterDictionary.question(about: text))
        case .noRegisterID(let text):
            "\(text) is not the id of a KVM register on arm64, which begins with 0x60 or 0x40: a value is explained as "
                + "ESR_EL1=\(text)"
        case .unknownCapability(let text):
            "no capability \(text) is known" + KVMCapability.question(about: text)
        case .twoReadings(let value):
            "\(value) can be read in two ways: write 0x\(value) if it is from a log of the kernel or of QEMU, which "
                + "print no 0x, or else the decimal number in hexadecimal"
        case .assignment(let error): error.description
        }
    }

    /// For what an assembler knows and a vCPU's list does not have.
    private static func hint(_ name: String) -> String? {
        switch name {
        case "currentel", "spsel": "it is part of pstate"
        case "xzr", "wzr": "it is always zero and has no state"
        case "wsp": "it is the lower half of sp"
        default:
            if RegisterSubject.isPrinted(name[...]) {
                "a value is explained as ESR_EL1=0x\(name)"
            } else if name.first == "w", let number = UInt8(name.dropFirst()), number <= 30 {
                "it is the lower half of x\(number)"
            } else {
                nil
            }
        }
    }
}
