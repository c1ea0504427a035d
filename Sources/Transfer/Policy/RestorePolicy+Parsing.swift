internal import Registers
public import TextFormats
internal import VCPUModel

extension RestorePolicy {
    /// The limits of a policy file.
    public enum Limit {
        /// Bytes of a file.
        public static let size = 1 << 16
        /// Rules of a file.
        public static let rules = 1024
        /// Bytes of a line, without its end.
        public static let line = 1024
        /// Bytes of a name.
        public static let name = 128
    }

    /// Reads a policy in the format of Formats/policy-v1.md.
    /// - Parameter file: what to call the text in errors; also the policy's name where it gives none.
    /// - Throws: the line at fault, with what was expected there.
    public init(parsing text: some Collection<UInt8>, file: String) throws(DirectiveError) {
        var parser = try PolicyParser(text, file: file)
        self = try parser.policy()
    }

    /// The policy as a file of its own, in the canonical form.
    ///
    /// A name that is no word, such as a path with a space in it, is left out.
    public var text: String {
        let named = DirectiveScanner.isWord(name, limit: Limit.name) ? ["name \(name)"] : []
        return (["vpolicy 1"] + named + ["base \(base.rawValue)"] + rules.map(\.description))
            .joined(separator: "\n") + "\n"
    }
}

/// Reads a policy directive by directive.
private struct PolicyParser {
    private typealias Word = DirectiveScanner.Word

    private var scanner: DirectiveScanner
    private var result: RestorePolicy
    private var rules: [PolicyRule] = []

    init(_ text: some Collection<UInt8>, file: String) throws(DirectiveError) {
        scanner = try DirectiveScanner(
            text, file: file, format: "vpolicy 1",
            nextStep: "Formats/policy-v1.md says what a line may be",
            limits: DirectiveScanner.Limits(
                size: RestorePolicy.Limit.size, line: RestorePolicy.Limit.line,
                word: RestorePolicy.Limit.name))
        result = RestorePolicy(name: file, base: .safe)
    }

    mutating func policy() throws(DirectiveError) -> RestorePolicy {
        while let directive = try scanner.next() { try read(directive) }
        result.rules = rules
        return result
    }

    /// What a line can begin with.
    private enum Directive: String, CaseIterable {
        case name, base, require, ignore, drop
        case acceptMasked = "accept-masked"
        case override
    }

    private mutating func read(_ directive: Word) throws(DirectiveError) {
        switch try scanner.known(directive, as: Directive.self) {
        case .name: result.name = try scanner.single(directive, "a name")
        case .base: result.base = try preset(directive)
        case .require: try append(PolicyRule(try pattern(), .require), directive)
        case .ignore: try append(PolicyRule(try pattern(), .ignore), directive)
        case .drop: try append(PolicyRule(try pattern(), .drop(try valueTest())), directive)
        case .acceptMasked:
            try append(PolicyRule(try pattern(), .acceptMasked(try mask())), directive)
        case .override: try append(try override(), directive)
        }
    }

    private mutating func append(
        _ rule: PolicyRule, _ directive: Word
    ) throws(DirectiveError) {
        guard !rule.speaksOfCounterFrequency || rule.suitsCounterFrequency else {
            throw scanner.error(
                "\(PolicyRule.counterFrequency) can be required, ignored or dropped, "
                    + "found \"\(rule)\"", at: directive)
        }
        guard rules.count < RestorePolicy.Limit.rules else {
            throw scanner.error("a policy has at most \(RestorePolicy.Limit.rules) rules")
        }
        rules.append(rule)
    }

    private mutating func preset(_ directive: Word) throws(DirectiveError) -> RestorePolicy.Preset {
        let names = RestorePolicy.Preset.allCases.map(\.rawValue).joined(separator: ", ")
        let text = try scanner.single(directive, "one of \(names)")
        guard let preset = RestorePolicy.Preset(rawValue: text) else {
            throw scanner.error("expected one of \(names), found \"\(text)\"")
        }
        return preset
    }

    private mutating func pattern() throws(DirectiveError) -> RegisterPattern {
        let word = try scanner.word("a register or a pattern")
        let pattern = RegisterPattern(String(word.text))
        let isKnown =
            pattern.isWildcard || pattern.registerID != nil
            || word.text.lowercased() == PolicyRule.counterFrequency
        guard isKnown else {
            throw scanner.unexpected(
                word,
                insteadOf: "a register, a pattern with * or ?, or \(PolicyRule.counterFrequency)")
        }
        return pattern
    }

    /// `if VALUE[/MASK]`, if anything.
    private mutating func valueTest() throws(DirectiveError) -> PolicyRule.ValueTest? {
        guard !scanner.rest.isEmpty else { return nil }
        let word = try scanner.word("if")
        guard word.text == "if" else {
            throw scanner.unexpected(word, insteadOf: "\"if\"")
        }
        let test = try scanner.word("a value")
        let parts = test.text.split(separator: "/", omittingEmptySubsequences: false)
        let numbers = parts.compactMap(NumberText.number)
        guard 1...2 ~= numbers.count, numbers.count == parts.count else {
            throw scanner.unexpected(test, insteadOf: "VALUE or VALUE/MASK")
        }
        let mask = numbers.count == 2 ? numbers[1] : nil
        guard numbers[0] & ~(mask ?? .max) == 0 else {
            throw scanner.error(
                "\"\(test.text)\" holds for no register: the value has bits outside the mask",
                at: test)
        }
        return PolicyRule.ValueTest(value: numbers[0], mask: mask)
    }

    private mutating func mask() throws(DirectiveError) -> UInt64? {
        guard !scanner.rest.isEmpty else { return nil }
        return try number(try scanner.word("a mask"))
    }

    private func number(_ word: Word) throws(DirectiveError) -> UInt64 {
        guard let bits = NumberText.number(word.text) else {
            throw scanner.unexpected(word, insteadOf: "a number of at most 64 bits")
        }
        return bits
    }

    /// A number, or the name of one of the field's values.
    private func value(_ word: Word, of field: RegisterField) throws(DirectiveError) -> UInt64 {
        let names = field.namedValues
        if let named = names.first(where: { $0.name.lowercased() == word.text.lowercased() }) {
            return named.value
        }
        guard names.isEmpty || NumberText.number(word.text) != nil else {
            let known = names.map(\.name).joined(separator: ", ")
            throw scanner.unexpected(word, insteadOf: "a number or one of \(known)")
        }
        return try number(word)
    }

    /// `REGISTER[.FIELD] VALUE`.
    private mutating func override() throws(DirectiveError) -> PolicyRule {
        let word = try scanner.word("a register")
        let parts = word.text.split(
            separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let id = RegisterID(parsing: parts[0]), let size = id.size else {
            throw scanner.error("expected a register, found \"\(parts[0])\"", at: word)
        }
        let value = try scanner.word("a value")
        let pattern = RegisterPattern(String(parts[0]))
        guard parts.count == 2 else {
            let bits = try number(value)
            guard size >= 8 || bits >> UInt64(size * 8) == 0 else {
                throw scanner.error("\(id) has \(size * 8) bits, found \(value.text)", at: value)
            }
            return PolicyRule(pattern, .override(field: nil, bits))
        }
        guard let field = RegisterDictionary.entry(for: id)?.field(named: parts[1]) else {
            throw scanner.error("\(id) has no field \(parts[1])", at: word)
        }
        let bits = try self.value(value, of: field)
        guard bits.leadingZeroBitCount >= 64 - field.width else {
            throw scanner.error(
                "\(id).\(field.name) has \(field.width) bits, found \(value.text)", at: value)
        }
        return PolicyRule(pattern, .override(field: field, bits))
    }
}
