internal import Registers
internal import TextFormats
internal import VCPUModel

/// Lines with a register and its value, as profiles and baselines have them.
extension DirectiveScanner {
    /// The id of a register line.
    ///
    /// The id decides. The name is for people, and must not be that of another register.
    mutating func registerID(
        named name: Word, where isAllowed: (RegisterID) -> Bool = { $0.canStandInProfile }
    ) throws(DirectiveError) -> RegisterID {
        let number = try word("a register id")
        guard let bits = NumberText.hexadecimal(number.text) else {
            throw unexpected(number, insteadOf: "a register id")
        }
        let id = RegisterID(rawValue: bits)
        guard id.size != nil else {
            throw error("the id \(id.hex) gives a size KVM does not define", at: number)
        }
        guard isAllowed(id) else {
            throw error(
                "\(id.hex) is not a state that this program knows; a newer one may", at: number)
        }
        if let named = RegisterID(parsing: name.text), named != id {
            throw error(
                "the id of \(name.text) is \(named.hex), found \(id.label)", at: number)
        }
        return id
    }

    mutating func value(of id: RegisterID) throws(DirectiveError) -> RegisterValue {
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

    /// The next word as a vCPU feature, for the first time.
    mutating func feature() throws(DirectiveError) -> VCPUFeatures {
        let name = try word("a vCPU feature")
        try once(name, key: "feature \(name.text)")
        guard let feature = VCPUFeatures(named: name.text) else {
            throw unexpected(name, insteadOf: "a vCPU feature such as SVE")
        }
        return feature
    }
}
