internal import Registers
internal import TextFormats
internal import VCPUModel

/// A vCPU of crosvm.
struct CrosvmVCPU {
    let index: UInt32
    private(set) var registers: [VMMRegister] = []
    private let file: CrosvmSnapshot.Part

    var mpidr: UInt64? { registers.first { $0.id == .mpidrEL1 }?.value.lowBits }

    var hasCoreState: Bool { registers.contains { $0.id == .elrEL1 } }

    init(_ file: CrosvmSnapshot.Part) throws(VMMFileError) {
        self.file = file
        guard let number = file.item["vcpu_id"]?.number.flatMap({ UInt32(exactly: $0) }) else {
            throw .damaged(
                file.name, at: nil, expected: "a map with the number vcpu_id", found: "none")
        }
        index = number
        try addCore()
        for (name, base, size) in Self.maps { try addMap(name, base, size) }
        guard let services = file.item["hypervisor_data"]?["firmware_regs"] else { return }
        try add(services, "firmware_regs", RegisterID.psciVersion.rawValue, 8)
    }

    /// Ids of 64-bit system registers, without the encoding in their low 16 bits.
    private static let systemRegisters: UInt64 = 0x6030_0000_0013_0000

    /// The maps of registers: the ids of their keys, and the size of their values.
    private static let maps: [(String, UInt64, Int)] = [
        ("sys", systemRegisters, 8), ("cache_arch_info", RegisterID.ccsidr0.rawValue, 4),
    ]

    private mutating func addCore() throws(VMMFileError) {
        guard let x = file.item["x"]?.numbers, x.count == 31 else {
            throw damaged("x", "31 numbers")
        }
        for (index, value) in x.enumerated() { try add(.x(index), .number(value), "x") }
        for (name, id) in [("sp", RegisterID.spEL0), ("pc", .pc), ("pstate", .pstate)] {
            try add(id, file.item[name] ?? .other, name)
        }
        guard let v = file.item["v"]?.elements, v.count == 32 else {
            throw damaged("v", "32 numbers")
        }
        for (index, value) in v.enumerated() { try add(.v(index), value, "v") }
    }

    private mutating func addMap(
        _ name: String, _ base: UInt64, _ size: Int
    ) throws(VMMFileError) {
        try add(file.item[name] ?? .other, name, base, size)
    }

    /// Adds a map of registers, whose keys are the low 16 bits of their ids.
    private mutating func add(
        _ item: CrosvmItem, _ name: String, _ base: UInt64, _ size: Int
    ) throws(VMMFileError) {
        guard let members = item.numbered else { throw damaged(name, "a map of numbers") }
        for (key, value) in members {
            guard let low = UInt16(exactly: key) else {
                throw damaged(name, "numbers of 16 bits as keys, not \(key.hex)")
            }
            let id = base | UInt64(low)
            try add(
                Self.exceptions[id].map { RegisterID(rawValue: $0) } ?? RegisterID(rawValue: id),
                value, name)
        }
    }

    private mutating func add(
        _ id: RegisterID, _ item: CrosvmItem, _ name: String
    ) throws(VMMFileError) {
        guard let size = id.size, let value = item.value(size: size),
            let register = VMMRegister(id, value)
        else { throw damaged(name, "a number of \((id.size ?? 0) * 8) bits for \(id.label)") }
        registers.append(register)
    }

    private func damaged(_ name: String, _ expected: String) -> VMMFileError {
        .damaged(
            "\(file.name), \(name)", at: nil, expected: expected, found: "another value")
    }

    /// Where the key of a system register is not its id: those of `struct kvm_regs`, and two registers of the virtual timer,
    /// which KVM has under each other's encoding.
    private static let exceptions: [UInt64: UInt64] = {
        let system = systemRegisters
        let core: [(UInt64, RegisterID)] = [
            (0xc200, .spsr(0)), (0xc201, .elrEL1), (0xe208, .spEL1), (0xe218, .spsr(3)),
            (0xe219, .spsr(1)), (0xe21a, .spsr(2)), (0xe21b, .spsr(4)), (0xda20, .fpcr),
            (0xda21, .fpsr),
        ]
        var result = Dictionary(
            uniqueKeysWithValues: core.map { (system | $0.0, $0.1.rawValue) })
        result[system | 0xdf1a] = system | 0xdf02
        result[system | 0xdf02] = system | 0xdf1a
        return result
    }()
}

extension CrosvmItem {
    /// A number as the value of a register; nil for anything else, and for one that does not fit.
    fileprivate func value(size: Int) -> RegisterValue? {
        switch self {
        case .number(let number):
            guard size >= 8 || number >> UInt64(size * 8) == 0 else { return nil }
            return RegisterValue.zero(size: size)?.replacingLowBits(with: number)
        case .wide(let bytes):
            guard bytes.count <= size else { return nil }
            return RegisterValue(
                littleEndian: bytes + [UInt8](repeating: 0, count: size - bytes.count))
        default: return nil
        }
    }
}
