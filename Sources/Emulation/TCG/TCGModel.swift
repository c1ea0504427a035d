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
            /// One value, which has the number of vCPUs in bits 25:24, as L2CTLR_EL1.
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

    /// The registers as they are with a machine type, where nil is that of the values, and so many vCPUs.
    public func registers(with machine: String?, vcpus: Int = 1) -> [Register] {
        let others = machine.flatMap { otherMachines[$0] } ?? [:]
        return registers.map { register in
            let value = others[register.id] ?? register.value
            return Register(
                id: register.id, value: register.kind == .counted ? counted(vcpus) : value,
                kind: register.kind)
        }
    }

    /// Two bits hold no more than 4 vCPUs; before 8.1 QEMU did not see to that (`l2ctlr_read`, `target/arm/cortex-regs.c`).
    private func counted(_ vcpus: Int) -> UInt64 {
        let overflows = qemu.hasPrefix("7.") || qemu.hasPrefix("8.0")
        let most: UInt64 = overflows ? 0x80 : 4
        return (min(max(UInt64(clamping: vcpus), 1), most) - 1) << 24
    }
}
