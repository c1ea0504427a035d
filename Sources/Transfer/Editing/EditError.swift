public import Registers
internal import TextFormats
public import VCPUModel

/// Why a change was not made.
///
/// Nothing was changed then.
public enum EditError: Error, Hashable, Sendable {
    /// The text is no `REGISTER=VALUE` or `REGISTER.FIELD=VALUE`.
    case malformed(String)
    /// The text is no name, id or other spelling of a register.
    case unknownRegister(String)
    /// The register has no such field; `known` are those it has.
    case unknownField(String, RegisterID, known: [String])
    /// The text is no value of so many bits.
    case badValue(String, RegisterID, field: String?, bits: Int)
    /// The vCPU, or the VM, has no such register.
    case absent(RegisterID)
    /// The register is decided when a vCPU is made.
    case decidedAtInit(RegisterID)
    /// No KVM vCPU can have a register with this id.
    case notKnown(RegisterID)
    /// The register is a second view of another one, which is to be assigned.
    case secondView(RegisterID, of: RegisterID)
    /// The new value changes these reserved bits, as a mask, from what they have to be.
    case reserved(RegisterID, bits: RegisterValue)
    /// The exception cannot be taken, and why.
    case impossible(String)
    /// The vCPU's registers could not be read or changed.
    case bank(RegisterBankError)
}

extension EditError: CustomStringConvertible {
    /// What cannot be done to the register or the vCPU, and why.
    public var description: String {
        switch self {
        case .malformed(let text):
            "\(text) is not an assignment: give REGISTER=VALUE (SCTLR_EL1=0x30d0198d) or "
                + "REGISTER.FIELD=VALUE (SCTLR_EL1.M=0)"
        case .unknownRegister(let name):
            "\(name) is not a register: vcpusnap show lists those of a snapshot"
                + RegisterDictionary.question(about: name)
        case .unknownField(let name, let id, let known):
            "\(id.label) has no field \(name): "
                + (known.isEmpty
                    ? "no field of it is known, assign its whole value"
                    : "it has " + known.joined(separator: ", ")
                        + NameSuggestion.question(about: name, among: known))
        case .badValue(let text, let id, let field, let bits):
            "\(text) is not a value of \(id.name)" + (field.map { "." + $0 } ?? "")
                + ": expected a number of \(bits == 1 ? "1 bit" : "at most \(bits) bits"), "
                + (bits > 64 ? "decimal up to 64 bits or" : "decimal or") + " 0x and hexadecimal"
                + (field == nil ? "" : ", or one of the names that vcpusnap register prints")
        case .absent(let id):
            "there is no register \(id.label): vcpusnap show lists those that are there"
        case .decidedAtInit(let id):
            "\(id.label) is decided when a vCPU is made and cannot be changed afterward"
        case .notKnown(let id):
            "\(id.label) is not a KVM register on arm64, so it is not known what changing it "
                + "would do: remove it, or change it where the snapshot was made"
        case .secondView(let id, let other):
            "\(id.label) is a second view of \(other.name): assign that"
        case .reserved(let id, let bits):
            "\(id.label): the value changes reserved bits, mask \(bits)"
                + "; --force does it all the same"
        case .impossible(let why): why
        case .bank(let error): error.description
        }
    }
}
