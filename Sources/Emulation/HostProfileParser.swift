internal import Registers
internal import VCPUModel

extension HostProfile {
    /// The limits of a profile.
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
    }

    /// Reads a profile in the format of Formats/vhost-v1.md.
    /// - Parameter file: what to call the text in errors.
    public init(
        parsing text: some Collection<UInt8>, file: String
    ) throws(HostProfileError) {
        var parser = HostProfileParser(file: file)
        guard text.count <= Limit.size else {
            throw parser.error(
                "a profile has at most \(Limit.size) bytes, this file has \(text.count)")
        }
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            try parser.read(line)
        }
        self = try parser.finish()
    }

    /// Reads a profile in the format of Formats/vhost-v1.md.
    public init(parsing text: String, file: String) throws(HostProfileError) {
        try self.init(parsing: Array(text.utf8), file: file)
    }
}

/// Reads a profile line by line.
struct HostProfileParser {
    /// A word of a line and where it starts.
    struct Word {
        var text: Substring
        /// From 1.
        var column: Int
    }

    let file: String
    private(set) var line = 0
    private var words: ArraySlice<Word> = []
    /// The line of each directive, register and so on that may stand only once.
    private var seen: [String: Int] = [:]
    private var pairs: [(RegisterID, RegisterValue)] = []
    private var profile = HostProfile(
        name: "", kernelRelease: "", features: [], registers: RegisterList())

    init(file: String) {
        self.file = file
    }

    func error(_ message: String, at word: Word? = nil) -> HostProfileError {
        HostProfileError(
            file: file, line: Swift.max(line, 1), column: word?.column, message: message)
    }
}

// MARK: - Lines

extension HostProfileParser {
    mutating func read(_ bytes: some Collection<UInt8>) throws(HostProfileError) {
        line += 1
        guard bytes.count <= HostProfile.Limit.line else {
            throw error("a line has at most \(HostProfile.Limit.line) bytes, found \(bytes.count)")
        }
        if let (column, byte) = bytes.enumerated().first(where: { !(0x20...0x7e ~= $0.element) }) {
            throw HostProfileError(
                file: file, line: line, column: column + 1,
                message: "expected printable ASCII, found byte \(RegisterValue(UInt64(byte)))")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix("#") && line > 1 { return }
        words = Self.words(of: text)[...]
        try readDirective(text)
    }

    private static func words(of text: String) -> [Word] {
        text.split(separator: " ").map { word in
            Word(
                text: word,
                column: text.utf8.distance(from: text.startIndex, to: word.startIndex) + 1)
        }
    }

    private mutating func readDirective(_ text: String) throws(HostProfileError) {
        guard line > 1 else { return try readVersion() }
        guard let directive = words.popFirst() else { return }
        if directive.text.hasPrefix("x-") {
            profile.extensions.append(text)
            return
        }
        switch directive.text {
        case "name": profile.name = try single(directive, "a name")
        case "kernel": profile.kernelRelease = try single(directive, "a kernel release")
        case "midr":
            try once(directive, key: "midr")
            profile.midr = try hexadecimal()
        case "counter-frequency":
            try once(directive, key: "counter-frequency")
            profile.counterFrequency = try frequency()
        case "capability": try readCapability(directive)
        case "feature": try readFeature(directive)
        case "writable-mask":
            let (id, mask) = try registerAndNumber(directive)
            profile.writableMasks[id] = mask
        case "hardware":
            let (id, value) = try registerAndNumber(directive)
            profile.hardware[id] = value
        case "register": try readRegister()
        default:
            throw error(
                "unknown directive \"\(directive.text)\"; a newer program may know it",
                at: directive)
        }
        if let extra = words.first {
            throw error("expected the end of the line, found \"\(extra.text)\"", at: extra)
        }
    }

    private mutating func readVersion() throws(HostProfileError) {
        guard words.map(\.text) == ["vhost", "1"] else {
            let found = words.isEmpty ? "an empty line" : "other text"
            let isNewer = words.first?.text == "vhost"
            throw error(
                "expected \"vhost 1\", found "
                    + (isNewer ? "another version of the format" : found), at: words.first)
        }
    }
}

// MARK: - Directives

extension HostProfileParser {
    private mutating func readCapability(_ directive: Word) throws(HostProfileError) {
        let name = try word("a capability's name")
        try once(directive, key: "capability \(name.text)")
        let value = try word("a decimal number")
        guard let number = Int32(value.text), number.description == value.text else {
            throw error("expected a decimal number, found \"\(value.text)\"", at: value)
        }
        profile.capabilities[String(name.text)] = number
    }

    private mutating func readFeature(_ directive: Word) throws(HostProfileError) {
        let name = try word("a vCPU feature")
        try once(directive, key: "feature \(name.text)")
        guard let feature = VCPUFeatures(named: name.text) else {
            throw error("expected a vCPU feature such as SVE, found \"\(name.text)\"", at: name)
        }
        profile.features.formUnion(feature)
    }

    private mutating func registerAndNumber(
        _ directive: Word
    ) throws(HostProfileError) -> (RegisterID, UInt64) {
        let name = try word("a register")
        guard let id = RegisterID(parsing: name.text), id.size == 8 else {
            throw error("expected a 64-bit register, found \"\(name.text)\"", at: name)
        }
        try once(directive, key: "\(directive.text) \(id)")
        return (id, try hexadecimal())
    }

    private mutating func readRegister() throws(HostProfileError) {
        let name = try word("a register's name")
        let id = try registerID(named: name)
        try once(name, key: "register \(id.number)")
        guard pairs.count < HostProfile.Limit.registers else {
            throw error("a profile has at most \(HostProfile.Limit.registers) registers")
        }
        pairs.append((id, try value(of: id)))
        if !words.isEmpty { profile.overrides[id] = try override(of: id) }
    }

    /// The id of a register line.
    ///
    /// The id decides. The name is for people, and must not be that of another register.
    private mutating func registerID(named name: Word) throws(HostProfileError) -> RegisterID {
        let number = try word("a register id")
        guard number.text.hasPrefix("0x"), let bits = Self.hexadecimal(number.text) else {
            throw error("expected a register id, found \"\(number.text)\"", at: number)
        }
        let id = RegisterID(rawValue: bits)
        guard id.size != nil else {
            throw error("the id \(id.number) gives a size KVM does not define", at: number)
        }
        if let named = RegisterID(parsing: name.text), named != id {
            throw error(
                "the id of \(name.text) is \(named.number), found \(id.nameAndNumber)", at: number)
        }
        return id
    }

    private mutating func value(of id: RegisterID) throws(HostProfileError) -> RegisterValue {
        let size = id.size ?? 0
        let text = try word("a value")
        guard text.text.hasPrefix("0x"), let value = RegisterValue(parsing: text.text, size: size)
        else {
            throw error(
                "expected a hexadecimal value of at most \(size) bytes for \(id), "
                    + "found \"\(text.text.prefix(40))\"",
                at: text)
        }
        return value
    }

    private mutating func override(
        of id: RegisterID
    ) throws(HostProfileError) -> BehaviourOverride {
        let kind = try word("class=CLASS")
        guard
            let found = BehaviourOverride.classes.first(where: { kind.text == "class=" + $0.word })
        else {
            let words = BehaviourOverride.classes.map(\.word).joined(separator: ", ")
            throw error("expected class= and one of \(words), found \"\(kind.text)\"", at: kind)
        }
        guard found.behaviourClass == .sanitised else {
            return BehaviourOverride(found.behaviourClass)
        }
        let mask = try word("mask=")
        guard mask.text.hasPrefix("mask=0x"), id.size ?? 0 <= 8,
            let bits = Self.hexadecimal(mask.text.dropFirst(5))
        else {
            throw error(
                "expected mask= and the bits a write can change, found \"\(mask.text)\"", at: mask)
        }
        return BehaviourOverride(.sanitised, mask: bits)
    }
}

// MARK: - Words

extension HostProfileParser {
    private mutating func word(_ what: String) throws(HostProfileError) -> Word {
        guard let word = words.popFirst() else {
            throw error("expected \(what), found the end of the line")
        }
        return word
    }

    /// The only argument of a directive that stands once.
    private mutating func single(
        _ directive: Word, _ what: String
    ) throws(HostProfileError) -> String {
        try once(directive, key: String(directive.text))
        let argument = try word(what)
        guard argument.text.utf8.count <= HostProfile.Limit.word else {
            throw error("\(what) has at most \(HostProfile.Limit.word) bytes", at: argument)
        }
        return String(argument.text)
    }

    private mutating func once(_ place: Word, key: String) throws(HostProfileError) {
        if let first = seen.updateValue(line, forKey: key) {
            throw error("\(key) stands a second time, it is already on line \(first)", at: place)
        }
    }

    private mutating func hexadecimal() throws(HostProfileError) -> UInt64 {
        let number = try word("a hexadecimal number")
        guard let bits = Self.hexadecimal(number.text) else {
            throw error(
                "expected a hexadecimal number of at most 64 bits, found \"\(number.text)\"",
                at: number)
        }
        return bits
    }

    private static func hexadecimal(_ text: Substring) -> UInt64? {
        guard text.hasPrefix("0x") else { return nil }
        return RegisterValue(parsing: text, size: 8)?.bits
    }

    private mutating func frequency() throws(HostProfileError) -> UInt64 {
        let number = try word("a frequency in Hz")
        guard let hertz = UInt64(number.text), hertz > 0, hertz.description == number.text else {
            throw error("expected a frequency in Hz, found \"\(number.text)\"", at: number)
        }
        return hertz
    }
}

// MARK: - The whole

extension HostProfileParser {
    mutating func finish() throws(HostProfileError) -> HostProfile {
        for directive in ["name", "kernel"] where seen[directive] == nil {
            throw error("the directive \"\(directive)\" is missing")
        }
        guard let registers = RegisterList(pairs) else {
            throw error("a register stands twice")
        }
        profile.registers = registers
        try checkInit()
        return profile
    }

    private func checkInit() throws(HostProfileError) {
        guard let used = profile.vcpuInit else {
            throw error("the register VCPU_INIT is missing")
        }
        let extra = used.features.subtracting(profile.features)
        guard extra.isEmpty else {
            throw HostProfileError(
                file: file, line: seen["register \(RegisterID.vcpuInit.number)"] ?? line,
                message: "VCPU_INIT has features the host is not said to have: "
                    + extra.names.joined(separator: ", "))
        }
        guard !used.features.contains(.sve) || profile.registers.contains(.sveVectorLengths) else {
            throw error("VCPU_INIT has the feature SVE and the register SVE_VLS is missing")
        }
    }
}
