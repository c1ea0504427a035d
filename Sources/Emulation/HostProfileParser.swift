internal import LinuxSystem
internal import Registers
public import TextFormats
internal import VCPUModel

extension HostProfile {
    /// The limits of a result.
    ///
    /// They bound what a hostile file can make a reader do.
    public enum Limit {
        /// Bytes of a file.
        public static let size = 1 << 20
        /// Bytes of a line, without its end: a 2048-bit value takes 514.
        public static let line = 1024
        /// Bytes of a name, a kernel release or any other word that is not a number.
        public static let word = 128
        /// `register` lines; KVM lists about 500.
        public static let registers = 4096
        /// Sets of features.
        public static let featureSets = 64
    }

    /// Reads a profile in the format of Formats/vhost-v1.md.
    /// - Parameter file: what to call the text in errors.
    /// - Throws: the line at fault, with what was expected there.
    public init(
        parsing text: some Collection<UInt8>, file: String
    ) throws(DirectiveError) {
        var parser = try HostProfileParser(text, file: file)
        self = try parser.profile()
    }

    /// Reads a profile in the format of Formats/vhost-v1.md.
    /// - Throws: the line at fault, with what was expected there.
    public init(parsing text: String, file: String) throws(DirectiveError) {
        try self.init(parsing: Array(text.utf8), file: file)
    }
}

/// Reads a profile directive by directive.
struct HostProfileParser {
    typealias Word = DirectiveScanner.Word

    var scanner: DirectiveScanner
    /// The lines of `register`.
    var pairs: [(RegisterID, RegisterValue)] = []
    /// The lines of `attribute`.
    var attributes: [(RegisterID, RegisterValue)] = []
    var result = HostProfile(
        name: "", kernelRelease: "", features: [], registers: RegisterList())

    init(_ text: some Collection<UInt8>, file: String) throws(DirectiveError) {
        scanner = try DirectiveScanner(
            text, file: file, format: "vhost 1",
            nextStep: "see Formats/vhost-v1.md, or record the host again with vcpusnap host",
            limits: DirectiveScanner.Limits(
                size: HostProfile.Limit.size, line: HostProfile.Limit.line,
                word: HostProfile.Limit.word))
    }

    mutating func profile() throws(DirectiveError) -> HostProfile {
        while let directive = try scanner.next() { try readDirective(directive) }
        return try finish()
    }

    /// What a line can begin with, beside an extension's `x-`.
    private enum Directive: String, CaseIterable {
        case name, kernel
        case rulesOf = "rules-of"
        case midr
        case counterFrequency = "counter-frequency"
        case capability, feature
        case writableMask = "writable-mask"
        case hardware, device
        case gicRevision = "gic-revision"
        case attribute, register, set
    }

    private mutating func readDirective(_ directive: Word) throws(DirectiveError) {
        if try isExtension(directive) { return }
        switch try scanner.known(directive, as: Directive.self) {
        case .name: result.name = try scanner.single(directive, "a name")
        case .kernel: result.kernelRelease = try scanner.single(directive, "a kernel release")
        case .rulesOf: result.rulesRelease = try rulesRelease(directive)
        case .midr:
            try scanner.once(directive, key: "midr")
            result.midr = try scanner.hexadecimal()
        case .counterFrequency:
            try scanner.once(directive, key: "counter-frequency")
            result.counterFrequency = try frequency()
        case .capability: try readCapability(directive)
        case .feature: result.features.formUnion(try scanner.feature())
        case .writableMask:
            let (id, mask) = try idRegisterAndNumber(directive)
            result.writableMasks[id] = mask
        case .hardware:
            let (id, value) = try idRegisterAndNumber(directive)
            result.hardware[id] = value
        case .device: try readDevice()
        case .gicRevision: try readGICRevision()
        case .attribute: try readAttribute()
        case .register: try readRegister()
        case .set: try readSet(directive)
        }
    }

    /// Keeps the line of an extension, which may stand anywhere.
    mutating func isExtension(_ directive: Word) throws(DirectiveError) -> Bool {
        guard directive.text.hasPrefix("x-") else { return false }
        result.extensions.append(scanner.text)
        if directive.text == HostProfile.cpusDirective {
            try checkCPUs(directive)
        } else {
            scanner.skipLine()
        }
        return true
    }

    private mutating func checkCPUs(_ directive: Word) throws(DirectiveError) {
        try scanner.once(directive, key: HostProfile.cpusDirective)
        let list = try scanner.word("a list of CPUs")
        guard CPUSet(parsing: list.text) != nil else {
            throw scanner.unexpected(
                list,
                insteadOf: "CPUs in ascending order, such as 0-3,6, each below \(CPUSet.limit)")
        }
    }
}

// MARK: - Directives

extension HostProfileParser {
    private mutating func rulesRelease(_ directive: Word) throws(DirectiveError) -> String {
        let release = try scanner.single(directive, "a kernel release")
        guard KernelVersion(parsing: release) != nil else {
            throw scanner.error("expected a kernel release such as 6.12, found \"\(release)\"")
        }
        return release
    }

    private mutating func readCapability(_ directive: Word) throws(DirectiveError) {
        let name = try scanner.word("a capability's name")
        try scanner.once(directive, key: "capability \(name.text)")
        let value = try scanner.word("a decimal number")
        guard let number = Int32(value.text), number.description == value.text else {
            throw scanner.unexpected(value, insteadOf: "a decimal number")
        }
        result.capabilities[String(name.text)] = number
    }

    private mutating func idRegisterAndNumber(
        _ directive: Word
    ) throws(DirectiveError) -> (RegisterID, UInt64) {
        let name = try scanner.word("an ID register")
        guard let id = RegisterID(parsing: name.text), id.size == 8 else {
            throw scanner.unexpected(name, insteadOf: "a 64-bit register")
        }
        guard id.hasWritableMask else {
            throw scanner.error(
                "expected an ID register (Op0 3, Op1 0, 1 or 3, CRn 0, CRm 0 to 7), found "
                    + id.label, at: name)
        }
        try scanner.once(name, key: "\(directive.text) \(id)")
        return (id, try scanner.hexadecimal())
    }

    private mutating func readDevice() throws(DirectiveError) {
        let name = try scanner.word("a device")
        try scanner.once(name, key: "device \(name.text)")
        result.devices.insert(String(name.text))
    }

    private mutating func readGICRevision() throws(DirectiveError) {
        let word = try scanner.word("a revision")
        try scanner.once(word, key: "gic-revision \(word.text)")
        guard let number = NumberText.decimal(word.text), number < 16,
            number.description == word.text
        else {
            throw scanner.unexpected(word, insteadOf: "a revision, 0 to 15")
        }
        result.gicRevisions.insert(UInt8(number))
    }

    private mutating func readAttribute() throws(DirectiveError) {
        let name = try scanner.word("a register's name")
        let id = try scanner.registerID(named: name, where: \.isAttributeOfHost)
        try scanner.once(name, key: "attribute \(id.hex)")
        attributes.append((id, try scanner.value(of: id)))
    }

    private mutating func readRegister() throws(DirectiveError) {
        let name = try scanner.word("a register's name")
        let id = try scanner.registerID(named: name)
        try scanner.once(name, key: "register \(id.hex)")
        guard pairs.count < HostProfile.Limit.registers else {
            throw scanner.error("a profile has at most \(HostProfile.Limit.registers) registers")
        }
        let value = try scanner.value(of: id)
        pairs.append((id, value))
        if !scanner.rest.isEmpty { result.overrides[id] = try override(of: id, value) }
    }

    private mutating func override(
        of id: RegisterID, _ value: RegisterValue
    ) throws(DirectiveError) -> BehaviorOverride {
        let kind = try scanner.word("class=CLASS")
        guard
            let found = BehaviorOverride.classes.first(where: { kind.text == "class=" + $0.word })
        else {
            let words = BehaviorOverride.classes.map(\.word).joined(separator: ", ")
            throw scanner.unexpected(kind, insteadOf: "class= and one of \(words)")
        }
        guard id.architecture != .own else {
            throw scanner.error(
                "\(id) is not in KVM's list of registers and has no class", at: kind)
        }
        guard found.behaviorClass != .raz || value.isZero else {
            throw scanner.error(
                "a register of class raz reads as zero, \(id) is \(value)", at: kind)
        }
        guard found.behaviorClass == .sanitized else {
            return BehaviorOverride(found.behaviorClass)
        }
        return BehaviorOverride(.sanitized, mask: try mask(of: id))
    }

    private mutating func mask(of id: RegisterID) throws(DirectiveError) -> UInt64 {
        let mask = try scanner.word("mask=")
        guard mask.text.hasPrefix("mask="), let size = id.size, size <= 8,
            let bits = NumberText.hexadecimal(mask.text.dropFirst(5)),
            RegisterValue(bits, size: size).lowBits == bits
        else {
            throw scanner.unexpected(mask, insteadOf: "mask= and the bits a write can change")
        }
        return bits
    }

    private mutating func frequency() throws(DirectiveError) -> UInt64 {
        let number = try scanner.word("a frequency in Hz")
        guard let hertz = NumberText.decimal(number.text), hertz > 0,
            hertz.description == number.text
        else {
            throw scanner.unexpected(number, insteadOf: "a frequency in Hz")
        }
        return hertz
    }
}

extension RegisterID {
    /// Whether the register is one that `KVM_ARM_GET_REG_WRITABLE_MASKS` speaks of
    /// (`is_feature_id_reg`, `arch/arm64/kvm/sys_regs.c`).
    var hasWritableMask: Bool {
        guard case .system(let encoding) = group, RegisterID.system(encoding) == self else {
            return false
        }
        return encoding.op0 == 3 && [0, 1, 3].contains(encoding.op1) && encoding.crn == 0
            && encoding.crm < 8
    }
}
