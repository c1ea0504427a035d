public import DirectiveText
internal import Registers
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
    public init(
        parsing text: some Collection<UInt8>, file: String
    ) throws(DirectiveError) {
        var parser = try HostProfileParser(text, file: file)
        self = try parser.profile()
    }

    /// Reads a profile in the format of Formats/vhost-v1.md.
    public init(parsing text: String, file: String) throws(DirectiveError) {
        try self.init(parsing: Array(text.utf8), file: file)
    }
}

/// Reads a profile directive by directive.
struct HostProfileParser {
    typealias Word = DirectiveScanner.Word

    private var scanner: DirectiveScanner
    private var pairs: [(RegisterID, RegisterValue)] = []
    private var result = HostProfile(
        name: "", kernelRelease: "", features: [], registers: RegisterList())

    init(_ text: some Collection<UInt8>, file: String) throws(DirectiveError) {
        scanner = try DirectiveScanner(
            text, file: file, format: "vhost 1",
            limits: DirectiveScanner.Limits(
                size: HostProfile.Limit.size, line: HostProfile.Limit.line,
                word: HostProfile.Limit.word))
    }

    mutating func profile() throws(DirectiveError) -> HostProfile {
        while let directive = try scanner.next() { try readDirective(directive) }
        return try finish()
    }

    private mutating func readDirective(_ directive: Word) throws(DirectiveError) {
        if directive.text.hasPrefix("x-") {
            result.extensions.append(scanner.text)
            return scanner.skipLine()
        }
        switch directive.text {
        case "name": result.name = try scanner.single(directive, "a name")
        case "kernel": result.kernelRelease = try scanner.single(directive, "a kernel release")
        case "midr":
            try scanner.once(directive, key: "midr")
            result.midr = try scanner.hexadecimal()
        case "counter-frequency":
            try scanner.once(directive, key: "counter-frequency")
            result.counterFrequency = try frequency()
        case "capability": try readCapability(directive)
        case "feature": try readFeature(directive)
        case "writable-mask":
            let (id, mask) = try registerAndNumber(directive)
            result.writableMasks[id] = mask
        case "hardware":
            let (id, value) = try registerAndNumber(directive)
            result.hardware[id] = value
        case "register": try readRegister()
        case "set": try readSet(directive)
        default:
            throw scanner.error(
                "unknown directive \"\(directive.text)\"; a newer program may know it",
                at: directive)
        }
    }
}

// MARK: - Directives

extension HostProfileParser {
    private mutating func readCapability(_ directive: Word) throws(DirectiveError) {
        let name = try scanner.word("a capability's name")
        try scanner.once(directive, key: "capability \(name.text)")
        let value = try scanner.word("a decimal number")
        guard let number = Int32(value.text), number.description == value.text else {
            throw scanner.error("expected a decimal number, found \"\(value.text)\"", at: value)
        }
        result.capabilities[String(name.text)] = number
    }

    private mutating func readFeature(_ directive: Word) throws(DirectiveError) {
        let name = try scanner.word("a vCPU feature")
        try scanner.once(directive, key: "feature \(name.text)")
        guard let feature = VCPUFeatures(named: name.text) else {
            throw scanner.error(
                "expected a vCPU feature such as SVE, found \"\(name.text)\"", at: name)
        }
        result.features.formUnion(feature)
    }

    private mutating func registerAndNumber(
        _ directive: Word
    ) throws(DirectiveError) -> (RegisterID, UInt64) {
        let name = try scanner.word("a register")
        guard let id = RegisterID(parsing: name.text), id.size == 8 else {
            throw scanner.error("expected a 64-bit register, found \"\(name.text)\"", at: name)
        }
        try scanner.once(directive, key: "\(directive.text) \(id)")
        return (id, try scanner.hexadecimal())
    }

    private mutating func readRegister() throws(DirectiveError) {
        let name = try scanner.word("a register's name")
        let id = try registerID(named: name)
        try scanner.once(name, key: "register \(id.number)")
        guard pairs.count < HostProfile.Limit.registers else {
            throw scanner.error("a profile has at most \(HostProfile.Limit.registers) registers")
        }
        pairs.append((id, try value(of: id)))
        if !scanner.rest.isEmpty { result.overrides[id] = try override(of: id) }
    }

    /// The id of a register line.
    ///
    /// The id decides. The name is for people, and must not be that of another register.
    private mutating func registerID(named name: Word) throws(DirectiveError) -> RegisterID {
        let number = try scanner.word("a register id")
        guard number.text.hasPrefix("0x"), let bits = DirectiveScanner.hexadecimal(number.text)
        else {
            throw scanner.error("expected a register id, found \"\(number.text)\"", at: number)
        }
        let id = RegisterID(rawValue: bits)
        guard id.size != nil else {
            throw scanner.error("the id \(id.number) gives a size KVM does not define", at: number)
        }
        if let named = RegisterID(parsing: name.text), named != id {
            throw scanner.error(
                "the id of \(name.text) is \(named.number), found \(id.nameAndNumber)", at: number)
        }
        return id
    }

    private mutating func value(of id: RegisterID) throws(DirectiveError) -> RegisterValue {
        let size = id.size ?? 0
        let text = try scanner.word("a value")
        guard text.text.hasPrefix("0x"), let value = RegisterValue(parsing: text.text, size: size)
        else {
            throw scanner.error(
                "expected a hexadecimal value of at most \(size) bytes for \(id), "
                    + "found \"\(text.text.prefix(40))\"",
                at: text)
        }
        return value
    }

    private mutating func override(
        of id: RegisterID
    ) throws(DirectiveError) -> BehaviourOverride {
        let kind = try scanner.word("class=CLASS")
        guard
            let found = BehaviourOverride.classes.first(where: { kind.text == "class=" + $0.word })
        else {
            let words = BehaviourOverride.classes.map(\.word).joined(separator: ", ")
            throw scanner.error(
                "expected class= and one of \(words), found \"\(kind.text)\"", at: kind)
        }
        guard found.behaviourClass == .sanitised else {
            return BehaviourOverride(found.behaviourClass)
        }
        let mask = try scanner.word("mask=")
        guard mask.text.hasPrefix("mask=0x"), id.size ?? 0 <= 8,
            let bits = DirectiveScanner.hexadecimal(mask.text.dropFirst(5))
        else {
            throw scanner.error(
                "expected mask= and the bits a write can change, found \"\(mask.text)\"", at: mask)
        }
        return BehaviourOverride(.sanitised, mask: bits)
    }
}

// MARK: - Sets of features

extension HostProfileParser {
    /// A section from `set` to `end`.
    private mutating func readSet(_ directive: Word) throws(DirectiveError) {
        let features = try features(directive)
        try scanner.once(directive, key: "set \(features.names.joined(separator: " "))")
        guard result.featureSets.count < HostProfile.Limit.featureSets else {
            throw scanner.error("a profile has at most \(HostProfile.Limit.featureSets) sets")
        }
        var absent: [RegisterID] = []
        var pairs: [(RegisterID, RegisterValue)] = []
        while let next = try scanner.next() {
            switch next.text {
            case "end":
                guard let registers = RegisterList(pairs) else {
                    throw scanner.error("a register stands twice")
                }
                result.featureSets.append(
                    HostProfile.FeatureSet(
                        features: features, absent: absent, registers: registers))
                return
            case "without": absent.append(try idOfSet(features))
            case "register":
                let id = try idOfSet(features)
                pairs.append((id, try value(of: id)))
            default:
                throw scanner.error(
                    "expected without, register or end, found \"\(next.text)\"", at: next)
            }
        }
        throw scanner.error("expected end, found the end of the file", at: nil)
    }

    private mutating func features(_ directive: Word) throws(DirectiveError) -> VCPUFeatures {
        var features: VCPUFeatures = []
        repeat {
            let name = try scanner.word("a vCPU feature")
            guard let feature = VCPUFeatures(named: name.text) else {
                throw scanner.error(
                    "expected a vCPU feature such as SVE, found \"\(name.text)\"", at: name)
            }
            features.formUnion(feature)
        } while !scanner.rest.isEmpty
        return features
    }

    /// A register of the present section, which must be there once.
    private mutating func idOfSet(_ features: VCPUFeatures) throws(DirectiveError) -> RegisterID {
        let name = try scanner.word("a register's name")
        let id = try registerID(named: name)
        try scanner.once(name, key: "\(id.number) in the set \(features.rawValue)")
        guard !HostProfile.FeatureSet.isImplied(id) else {
            throw scanner.error("\(id) follows from the features of the set", at: name)
        }
        return id
    }

    /// Every section's features are some the host has.
    private func checkSets() throws(DirectiveError) {
        for set in result.featureSets where !set.features.isSubset(of: result.features) {
            let names = set.features.names.joined(separator: " ")
            let extra = set.features.subtracting(result.features).names.joined(separator: ", ")
            throw DirectiveError(
                file: scanner.file, line: scanner.line(of: "set \(names)") ?? scanner.line,
                message: "the set has features the host is not said to have: \(extra)")
        }
    }
}

extension HostProfileParser {
    private mutating func frequency() throws(DirectiveError) -> UInt64 {
        let number = try scanner.word("a frequency in Hz")
        guard let hertz = UInt64(number.text), hertz > 0, hertz.description == number.text else {
            throw scanner.error("expected a frequency in Hz, found \"\(number.text)\"", at: number)
        }
        return hertz
    }
}

// MARK: - The whole

extension HostProfileParser {
    private mutating func finish() throws(DirectiveError) -> HostProfile {
        for directive in ["name", "kernel"] where scanner.line(of: directive) == nil {
            throw scanner.error("the directive \"\(directive)\" is missing")
        }
        guard let registers = RegisterList(pairs) else {
            throw scanner.error("a register stands twice")
        }
        result.registers = registers
        try checkInit()
        try checkSets()
        return result
    }

    private func checkInit() throws(DirectiveError) {
        guard let used = result.vcpuInit else {
            throw scanner.error("the register VCPU_INIT is missing")
        }
        let extra = used.features.subtracting(result.features)
        guard extra.isEmpty else {
            throw DirectiveError(
                file: scanner.file,
                line: scanner.line(of: "register \(RegisterID.vcpuInit.number)") ?? scanner.line,
                message: "VCPU_INIT has features the host is not said to have: "
                    + extra.names.joined(separator: ", "))
        }
        guard !used.features.contains(.sve) || result.registers.contains(.sveVectorLengths) else {
            throw scanner.error("VCPU_INIT has the feature SVE and the register SVE_VLS is missing")
        }
    }
}
