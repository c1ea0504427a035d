public import Registers
internal import TextFormats
public import VCPUModel

/// A custom CPU template of Firecracker, or a dump: a template that decides every bit (Formats/cpu-template.md).
public struct CPUTemplate: Hashable, Sendable {
    /// A register, and what to make of it.
    public struct Modifier: Hashable, Sendable {
        /// Which register it is.
        public var register: RegisterID
        /// What to do with its bits.
        public var pattern: BitPattern

        /// Pairs a register with what to make of it.
        public init(register: RegisterID, pattern: BitPattern) {
            self.register = register
            self.pattern = pattern
        }
    }

    /// Capabilities that Firecracker is to look for in KVM (`171`), or not (`!171`), by their numbers.
    public var capabilities: [String] = []
    /// The features that vCPUs are made with beside those that they have anyway, and those that they have not.
    public var features = BitPattern(0, in: 0)
    /// What to write before the first run, in the order of writing.
    public var modifiers: [Modifier] = []

    /// A template that changes nothing.
    public init() {}

    /// What a template may have at most.
    public enum Limit {
        /// Bytes of a file.
        public static let size = HostProfile.Limit.size
    }

    /// Whether it says what a whole vCPU holds, and so is no change of one.
    public var isDump: Bool {
        modifiers.contains { $0.register == .pstate }
            && modifiers.allSatisfy { $0.pattern.decidesAll(ofSize: $0.register.size ?? 0) }
    }

    /// The registers of a dump.
    /// - Returns: nil where a register stands there twice.
    public var dumpedRegisters: RegisterList? {
        RegisterList(
            modifiers.compactMap { modifier in
                modifier.register.size.flatMap { RegisterValue.zero(size: $0) }
                    .map { (modifier.register, modifier.pattern.applied(to: $0)) }
            })
    }

    /// What Firecracker makes vCPUs with: `PSCI_0_2` beside what the template says.
    public var madeFeatures: VCPUFeatures {
        let (set, cleared) = features.lowWord
        return VCPUFeatures.psci02.union(VCPUFeatures(rawValue: set))
            .subtracting(VCPUFeatures(rawValue: cleared))
    }
}

// MARK: - Reading

/// What is wrong with a template or a fingerprint, and where.
public struct CPUTemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence: `reg_modifiers[3].addr: expected ..., found ...`.
    public let description: String

    init(_ path: String, _ expected: String, found value: JSONValue? = nil) {
        let found: String? =
            switch value?.content {
            case .string(let text)?: "\"\(Self.shown(text))\""
            case .number(let digits)?: String(digits.prefix(40))
            case .array?: "an array"
            case .object?: "an object"
            case .bool(let value)?: "\(value)"
            case .null?: "null"
            case nil: nil
            }
        description = "\(path): \(expected)" + (found.map { ", found \($0)" } ?? "")
    }

    /// Words of a file of anybody's.
    fileprivate static func shown(_ text: String) -> String {
        text.unicodeScalars.prefix(160).map { $0.escaped(asASCII: true) }.joined()
    }
}

extension CPUTemplate {
    /// The members of a template's object.
    static let members = ["kvm_capabilities", "vcpu_features", "reg_modifiers"]
    /// Those that only a template for x86-64 has.
    static let otherMembers = ["cpuid_modifiers", "msr_modifiers"]

    /// Reads the object of a template.
    /// - Parameter path: of the object in its file, with a dot behind it; empty for a whole file.
    /// - Throws: the first thing that Firecracker would not take, with its place.
    init(_ value: JSONValue, at path: String) throws(CPUTemplateError) {
        guard let members = value.members else {
            throw CPUTemplateError(
                path.isEmpty ? "the file" : path, "expected an object", found: value)
        }
        for (index, member) in members.enumerated() {
            guard Self.members.contains(member.name),
                !members[..<index].contains(where: { $0.name == member.name })
            else { throw Self.unexpected(member.name, at: path) }
        }
        try readCapabilities(value["kvm_capabilities"], at: path + "kvm_capabilities")
        try readFeatures(value["vcpu_features"], at: path + "vcpu_features")
        try readModifiers(value["reg_modifiers"], at: path + "reg_modifiers")
        try checkWidths(at: path + "reg_modifiers")
    }

    private static func unexpected(_ name: String, at path: String) -> CPUTemplateError {
        let isOther = otherMembers.contains(name)
        return CPUTemplateError(
            path + CPUTemplateError.shown(name),
            isOther
                ? "this is a template for x86-64, and only those for arm64 are read"
                : "expected once each, and nothing else: " + members.joined(separator: ", "))
    }

    private static func elements(
        _ value: JSONValue?, _ path: String
    ) throws(CPUTemplateError) -> [(path: String, value: JSONValue)] {
        guard let value else { return [] }
        guard let elements = value.array else {
            throw CPUTemplateError(path, "expected an array", found: value)
        }
        guard elements.count <= HostProfile.Limit.registers else {
            throw CPUTemplateError(
                path,
                "expected at most \(HostProfile.Limit.registers) elements, found \(elements.count)")
        }
        return elements.enumerated().map { ("\(path)[\($0)]", $1) }
    }

    /// A member of an element that has these members and no other.
    private static func member(
        _ name: String, of element: (path: String, value: JSONValue), among names: [String]
    ) throws(CPUTemplateError) -> JSONValue {
        guard let members = element.value.members, members.count == names.count,
            let value = element.value[name]
        else {
            throw CPUTemplateError(
                element.path, "expected an object with \(names.joined(separator: " and "))",
                found: element.value)
        }
        return value
    }

    private mutating func readCapabilities(
        _ value: JSONValue?, at path: String
    ) throws(CPUTemplateError) {
        for (path, element) in try Self.elements(value, path) {
            let text = element.string ?? ""
            let digits = text.hasPrefix("!") ? text.dropFirst() : text[...]
            guard NumberText.decimal(digits).flatMap({ UInt32(exactly: $0) }) != nil else {
                throw CPUTemplateError(
                    path, "expected a string with a number, with or without !", found: element)
            }
            capabilities.append(text)
        }
    }

    private mutating func readFeatures(
        _ value: JSONValue?, at path: String
    ) throws(CPUTemplateError) {
        let elements = try Self.elements(value, path)
        for element in elements {
            let index = try Self.member("index", of: element, among: ["index", "bitmap"])
            guard index.integer == 0, elements.count == 1 else {
                throw CPUTemplateError(
                    element.path + ".index",
                    "expected only 0, since no kernel has features in another word",
                    found: index)
            }
            let bitmap = try Self.member("bitmap", of: element, among: ["index", "bitmap"])
            features = try Self.pattern(bitmap, digits: 32, at: element.path)
        }
    }

    private mutating func readModifiers(
        _ value: JSONValue?, at path: String
    ) throws(CPUTemplateError) {
        for element in try Self.elements(value, path) {
            let address = try Self.member("addr", of: element, among: ["addr", "bitmap"])
            guard let id = address.string.flatMap(Self.register), [4, 8, 16].contains(id.size)
            else {
                throw CPUTemplateError(
                    element.path + ".addr",
                    "expected the id of a register of 32, 64 or 128 bits, with 0x or 0b",
                    found: address)
            }
            let bitmap = try Self.member("bitmap", of: element, among: ["addr", "bitmap"])
            let pattern = try Self.pattern(
                bitmap, digits: BitPattern.maximumDigits, at: element.path)
            modifiers.append(Modifier(register: id, pattern: pattern))
        }
    }

    private static func register(_ text: String) -> RegisterID? {
        let digits = text.hasPrefix("0b") ? text.dropFirst(2) : ""
        let isBinary = digits.allSatisfy { "01".contains($0) }
        let number =
            isBinary && !digits.isEmpty
            ? UInt64(digits, radix: 2) : NumberText.hexadecimal(text)
        return number.map { RegisterID(rawValue: $0) }
    }

    private static func pattern(
        _ value: JSONValue, digits: Int, at path: String
    ) throws(CPUTemplateError) -> BitPattern {
        guard let pattern = value.string.flatMap({ BitPattern(parsing: $0, digits: digits) }) else {
            throw CPUTemplateError(
                path + ".bitmap", "expected a string of 1 to \(digits) digits 0, 1 or x behind 0b",
                found: value)
        }
        return pattern
    }

    /// A dump has as many digits for every register; a template must not decide bits that are not there.
    private func checkWidths(at path: String) throws(CPUTemplateError) {
        let isDump = isDump
        for (index, modifier) in modifiers.enumerated() {
            let size = modifier.register.size ?? 0
            let (set, decided) = modifier.pattern.exceeds(size: size)
            guard set || decided && !isDump else { continue }
            throw CPUTemplateError(
                "\(path)[\(index)].bitmap",
                "expected at most the \(size * 8) bits of \(modifier.register.name)")
        }
    }
}

// MARK: - Writing

extension CPUTemplate {
    /// The file that Firecracker's `PUT /cpu-config` and `cpu-template-helper` take.
    public var file: String {
        var parts: [String] = []
        if !capabilities.isEmpty {
            let texts = capabilities.map { "\"\($0)\"" }.joined(separator: ", ")
            parts.append("  \"kvm_capabilities\": [\(texts)]")
        }
        if !features.isEmpty {
            parts.append("  \"vcpu_features\": [{\"index\": 0, \"bitmap\": \"\(features)\"}]")
        }
        let lines = modifiers.map { "    \($0)" }.joined(separator: ",\n")
        // One without any change is still told from other JSON.
        parts.append("  \"reg_modifiers\": [" + (lines.isEmpty ? "]" : "\n\(lines)\n  ]"))
        return "{\n" + parts.joined(separator: ",\n") + "\n}\n"
    }
}

extension CPUTemplate.Modifier: CustomStringConvertible {
    /// An element of `reg_modifiers`.
    public var description: String {
        "{\"addr\": \"\(register.hex)\", \"bitmap\": \"\(pattern)\"}"
    }
}
