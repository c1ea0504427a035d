internal import ArgumentParser
internal import Registers
internal import Transfer

/// `vcpusnap register NAME|ID|REGISTER=VALUE...`.
struct RegisterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Say what a register is, or what a value of it means.",
        usage: "vcpusnap register <names> ... [--all | --history] [options]",
        discussion: """
            A register can also be named as the kernel, QEMU's log or an assembler does,
            and a field of it alone. REGISTER=VALUE explains the value: the fields that are
            set, or all with --all. --history tells, kernel by kernel,
            what changed and how that is known, also of capabilities and vCPU features.

            EXAMPLES
              vcpusnap register ESR_EL1=0x96000010
              vcpusnap register pstate=0x3c5 SCTLR_EL1=0x30d0198d
              vcpusnap register SCTLR_EL1
              vcpusnap register SCTLR_EL1.M 'sys_reg(3, 0, 5, 2, 0)' p15,0,c5,c0,0
              vcpusnap register 0x603000000013df1a s3_0_c0_c4_0
              vcpusnap register 'PMEV*' --format json
              vcpusnap register --history TCR2_EL1 KVM_CAP_ARM_EL2
            """)

    @Argument(
        help: "Names, ids or patterns (* and ?); or REGISTER=VALUE.",
        completion: Completions.historySubjects)
    var names: [String]

    @Flag(help: "Also explain the fields of a value that are not set.")
    var all = false

    @Flag(help: "Say what each kernel made of it; takes KVM_CAP_* and KVM_ARM_VCPU_* too.")
    var history = false

    @OptionGroup var printing: PrintingOptions

    func validate() throws {
        guard !names.isEmpty else { throw ValidationError("name at least one register") }
    }

    func run() throws {
        if history {
            try HistoryOutput(subjects: try names.flatMap(historySubjects)).print(as: printing)
        } else {
            let output = RegisterOutput(
                subjects: try names.flatMap(subjects), values: DecodedText(showsAll: all))
            try output.print(as: printing)
        }
    }

    private func historySubjects(_ text: String) throws -> [HistoryOutput.Subject] {
        if let one = KVMCapability.named(text.uppercased()) { return [.capability(one)] }
        if let one = VCPUFeature.named(text) { return [.feature(one)] }
        guard !text.uppercased().hasPrefix("KVM_CAP_") else {
            throw CommandError(
                "no capability \(text) is known" + KVMCapability.question(about: text))
        }
        return try subjects(text).map { .register($0) }
    }

    private func subjects(_ text: String) throws -> [RegisterOutput.Subject] {
        if let one = try value(text) { return [one] }
        if let id = RegisterID(spelled: text) ?? RegisterID(inDumps: text) {
            if case .unknown = id.architecture { throw CommandError(noRegisterID: text) }
            return [RegisterOutput.Subject(id: id)]
        }
        if let one = try field(text) { return [one] }
        return try matches(text).map { RegisterOutput.Subject(id: $0) }
    }

    /// `REGISTER=VALUE`, or `REGISTER.FIELD=VALUE`; nil for what is an encoding with its own equals signs.
    private func value(_ text: String) throws -> RegisterOutput.Subject? {
        guard let sign = Self.sign(in: text) else { return nil }
        let value = text[text.index(after: sign)...].drop { $0 == " " }
        let given = text[..<sign]
        let isEncoding = given.contains("=") && RegisterID(spelled: given) == nil
        guard !isEncoding else { return nil }
        let trimmed = given.split(separator: " ").joined(separator: " ")
        let name = Self.registerID(trimmed)
        let assignment = try RegisterAssignment(
            parsing: "\(name?.name ?? trimmed)=\(try Self.withPrefix(value))")
        return RegisterOutput.Subject(
            id: assignment.register, field: assignment.field?.name, value: try assignment.value())
    }

    /// Behind which the value stands: an equals sign, or what dumps of a crash have there, as in `pstate : 600000c5`.
    private static func sign(in text: String) -> String.Index? {
        if let equals = text.lastIndex(of: "=") { return equals }
        let colons = text.indices.filter { text[$0] == ":" }
        guard let sign = colons.isEmpty ? text.lastIndex(of: " ") : colons[0], colons.count < 2,
            registerID(text[..<sign].split(separator: " ").joined(separator: " ")) != nil
        else { return nil }
        return colons.isEmpty && !text[sign...].hasPrefix(" 0x") ? nil : sign
    }

    private static func registerID(_ name: String) -> RegisterID? {
        RegisterID(inDumps: name) ?? RegisterID(spelled: name)
    }

    /// A value with 0x before it where it is as kernels and QEMU print it, in hexadecimal without: of 8 or 16 digits, or
    /// with letters among them.
    private static func withPrefix(_ value: Substring) throws -> String {
        let isDecimal = value.allSatisfy(\.isWholeNumber)
        let isPrinted = [8, 16].contains(value.count)
        guard value.allSatisfy(\.isHexDigit), !isDecimal || isPrinted else { return String(value) }
        guard !isDecimal || value.first == "0" else {
            throw CommandError(
                "\(value) can be read in two ways: write 0x\(value) if it is from a log of the kernel or of QEMU, which "
                    + "print no 0x, or else the decimal number in hexadecimal")
        }
        return value.isEmpty ? "" : "0x\(value)"
    }

    /// `REGISTER.FIELD`.
    private func field(_ text: String) throws -> RegisterOutput.Subject? {
        guard let dot = text.lastIndex(of: "."), let id = RegisterID(spelled: text[..<dot]) else {
            return nil
        }
        let name = text[text.index(after: dot)...]
        let entry = RegisterDictionary.entry(for: id)
        guard let field = entry?.field(named: name) else {
            let known = (entry?.fields ?? []).filter { !$0.isReserved }.map(\.name)
            throw EditError.unknownField(String(name), id, known: known)
        }
        return RegisterOutput.Subject(id: id, field: field.name)
    }

    private func matches(_ text: String) throws -> [RegisterID] {
        let pattern = RegisterPattern(text)
        guard pattern.isWildcard else { throw CommandError(unknownRegister: text) }
        let matching = RegisterDictionary.everyRegister.map(\.id).filter(pattern.matches)
        guard !matching.isEmpty else { throw CommandError(unknownRegister: text) }
        return matching
    }
}

extension CommandError {
    /// The message for a number that is no id.
    fileprivate init(noRegisterID text: String) {
        self.init(
            "\(text) is not the id of a register of KVM on arm64, which begins with 0x60 or 0x40: a value is explained as "
                + "ESR_EL1=\(text)")
    }

    /// The message for a name that is no register.
    init(unknownRegister text: String) {
        self.init(
            "\(text) is not a register: "
                + (Self.hint(text.lowercased())
                    ?? "give a name (SCTLR_EL1, x0), an id (0x603000000013c080), "
                    + "an encoding (s3_0_c1_c0_0, 'op0:3 op1:0 crn:1 crm:0 op2:0'), or a pattern ('ID_*')"
                    + RegisterDictionary.question(about: text)))
    }

    /// For what an assembler knows and a vCPU's list does not have.
    private static func hint(_ name: String) -> String? {
        switch name {
        case "currentel", "spsel": "it is part of pstate"
        case "xzr", "wzr": "it is always zero and has no state"
        case "wsp": "it is the lower half of sp"
        default:
            if name.first == "w", let number = UInt8(name.dropFirst()), number <= 30 {
                "it is the lower half of x\(number)"
            } else {
                nil
            }
        }
    }
}
