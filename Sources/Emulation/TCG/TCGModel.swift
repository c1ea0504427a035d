public import Registers

/// Which registers a CPU that QEMU emulates has in the list of its streams (Formats/vtcg-v1.md).
public struct TCGModel: Hashable, Sendable {
    /// A register of the list.
    public struct Register: Hashable, Sendable {
        /// What it can hold; the raw values are the words of the file.
        public enum Kind: String, Hashable, Sendable {
            /// Any value of the size that its id says.
            case variable = "register"
            /// Any value of 64 bits, though its id says 32.
            case wide
            /// One value: QEMU loads no stream with another.
            case constant
            /// One value, which depends on the number of vCPUs.
            case counted

            /// Whether it can hold one value alone.
            public var isConstant: Bool { self == .constant || self == .counted }
        }

        /// As it stands in the stream.
        public var id: RegisterID
        /// What it holds in a VM that has not run yet.
        public var value: UInt64
        /// Whether it can hold another.
        public var kind: Kind

        /// A register with its value in a fresh VM.
        public init(id: RegisterID, value: UInt64, kind: Kind) {
            self.id = id
            self.value = value
            self.kind = kind
        }
    }

    /// The whole version of the QEMU: `10.0.13`.
    public var qemu = ""
    /// What its `-cpu` takes.
    public var cpu = ""
    /// The machine type that the values are of.
    public var machine = ""
    /// The subsections of its "cpu" section.
    public var subsections: [String] = []
    /// Ascending by id.
    public var registers: [Register] = []
    /// The values of registers that have others with another machine type, by its name.
    public var otherMachines: [String: [RegisterID: UInt64]] = [:]

    /// The registers as they are with a machine type; nil is that of the values.
    public func registers(with machine: String?) -> [Register] {
        guard let others = machine.flatMap({ otherMachines[$0] }) else { return registers }
        return registers.map { register in
            Register(
                id: register.id, value: others[register.id] ?? register.value, kind: register.kind)
        }
    }
}
