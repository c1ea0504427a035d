internal import Registers
internal import TextFormats
internal import VCPUModel

extension JSONValue {
    /// The JSON that stands as a string, or as a list of its bytes, in a node of cloud-hypervisor's tree.
    /// - Throws: where there is none, or it is no JSON.
    func innerState(of part: String) throws(VMMFileError) -> JSONValue {
        let data = try node("snapshot_data", of: part)
        let state = data["state"] ?? data
        guard let text = state.string.map({ Array($0.utf8) }) ?? state.byteList else {
            throw .damaged(
                part, at: data.range.lowerBound, expected: "a state as text or bytes",
                found: "another value")
        }
        return try JSONText.parse(text, of: part, at: state.range.lowerBound)
    }

    /// Whether `innerState` stands as a list of bytes.
    fileprivate var hasStateOfBytes: Bool {
        let data = self["snapshot_data"]
        return (data?["state"] ?? data)?.array != nil
    }
}

/// A vCPU of cloud-hypervisor.
struct CloudHypervisorVCPU {
    let index: UInt32
    private(set) var registers: [VMMRegister] = []
    private(set) var mpState: UInt32?
    /// Whether its state was a list of bytes, as old releases wrote it.
    let isOfBytes: Bool
    /// Whether it has the lists of new releases.
    private(set) var hasLateLists = false
    private(set) var hasSVE = false

    private let part: String
    private let place: Int

    init(_ index: UInt32, _ node: JSONValue) throws(VMMFileError) {
        self.index = index
        part = "vCPU \(index)"
        place = node.range.lowerBound
        isOfBytes = node.hasStateOfBytes
        let state = try node.innerState(of: part)
        if case .object(let members) = state.content, state["Kvm"] == nil, members.count == 1 {
            throw .unsupported(
                "it was saved by the hypervisor \"\(members[0].name)\", and only KVM's state is read here: save it with KVM"
            )
        }
        let kvm = state["Kvm"] ?? state
        mpState = try runState(kvm)
        let early = try list(kvm, "pre_finalize_regs")
        let late = try list(kvm, "extended_regs")
        hasSVE = (early + late).contains { $0.id.isSVE }
        registers = try early + core(try member(kvm, "core_regs")) + late
        for entry in try entries(of: member(kvm, "sys_regs"), "sys_regs") {
            registers.append(try system(entry))
        }
    }

    private func member(_ state: JSONValue, _ name: String) throws(VMMFileError) -> JSONValue {
        guard let value = state[name] else { throw damaged(name, "it", "nothing") }
        return value
    }

    private func entries(of list: JSONValue, _ name: String) throws(VMMFileError) -> [JSONValue] {
        guard let entries = list.array else { throw damaged(name, "a list", "another value") }
        return entries
    }

    private func damaged(_ name: String, _ expected: String, _ found: String) -> VMMFileError {
        .damaged("\(part), \(name)", at: place, expected: expected, found: found)
    }

    private func runState(_ state: JSONValue) throws(VMMFileError) -> UInt32 {
        let value = try member(state, "mp_state")
        let number = value.byteList.flatMap { RegisterValue(littleEndian: $0) }
            .flatMap { $0.size == 4 ? $0.lowBits : nil }
        guard let result = (number ?? value["mp_state"]?.unsigned).flatMap({ UInt32(exactly: $0) })
        else { throw damaged("mp_state", "4 bytes, or a number", "another value") }
        return result
    }

    // MARK: System registers, and those of SVE

    private func system(_ entry: JSONValue) throws(VMMFileError) -> VMMRegister {
        let pair: (UInt64, UInt64)? =
            if let bytes = entry.byteList, bytes.count == 16 {
                (Self.number(bytes[..<8]), Self.number(bytes[8...]))
            } else if let id = entry["id"]?.unsigned, let value = entry["addr"]?.unsigned {
                (id, value)
            } else {
                nil
            }
        guard let pair else {
            throw damaged("sys_regs", "an id and a value, 16 bytes", "another value")
        }
        let id = RegisterID(rawValue: pair.0)
        guard let size = id.size, size <= 8, size == 8 || pair.1 >> UInt64(size * 8) == 0,
            let register = VMMRegister(id, RegisterValue(pair.1, size: size))
        else {
            throw damaged(
                "sys_regs", "a register of KVM with at most 64 bits",
                "\(id.label) with \(pair.1.hex)")
        }
        return register
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Nothing where the release did not write the list.
    private mutating func list(
        _ state: JSONValue, _ name: String
    ) throws(VMMFileError) -> [VMMRegister] {
        guard let list = state[name] else { return [] }
        hasLateLists = true
        var registers: [VMMRegister] = []
        for entry in try entries(of: list, name) { registers.append(try wide(entry, name)) }
        return registers
    }

    private func wide(_ entry: JSONValue, _ name: String) throws(VMMFileError) -> VMMRegister {
        guard let number = entry["id"]?.unsigned, let bytes = entry["data"]?.byteList,
            let value = RegisterValue(littleEndian: bytes),
            let register = VMMRegister(RegisterID(rawValue: number), value)
        else {
            throw damaged(name, "an id, and as many bytes as it says", "another value")
        }
        return register
    }

    // MARK: struct kvm_regs

    /// In the order of `struct kvm_regs`; with SVE without V registers, FPSR and FPCR, which are not there.
    private func core(_ value: JSONValue) throws(VMMFileError) -> [VMMRegister] {
        let all = try Self.places.map { id, offset, path throws(VMMFileError) -> VMMRegister in
            guard let number = Self.value(of: id, at: offset, path, in: value),
                let register = VMMRegister(id, number)
            else {
                throw damaged(
                    "core_regs", "struct kvm_regs, \(Self.size) bytes, with \(id.label)",
                    "another value")
            }
            return register
        }
        return all.filter { !hasSVE || !Self.isOfFloatingPoint($0.id) }
    }

    private static func isOfFloatingPoint(_ id: RegisterID) -> Bool {
        id.isVector || id == .fpsr || id == .fpcr
    }

    private static func value(
        of id: RegisterID, at offset: Int, _ path: [Step], in state: JSONValue
    ) -> RegisterValue? {
        guard let size = id.size else { return nil }
        if let bytes = state.array {
            guard bytes.count == Self.size else { return nil }
            let own = bytes[offset..<offset + size].compactMap(\.unsigned)
                .compactMap { UInt8(exactly: $0) }
            return own.count == size ? RegisterValue(littleEndian: own) : nil
        }
        var value: JSONValue? = state
        for step in path {
            switch step {
            case .member(let name): value = value?[name]
            case .element(let index):
                value = value?.array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
            }
        }
        return value?.registerValue(size: size)
    }

    private enum Step {
        case member(String)
        case element(Int)
    }

    /// Of the structure, in bytes.
    private static let size = 864

    /// Each register with its place in the structure's bytes and in the objects of old releases.
    private static let places: [(id: RegisterID, offset: Int, path: [Step])] =
        (0..<31).map { (.x($0), $0 * 8, [.member("regs"), .member("regs"), .element($0)]) }
        + [
            (.spEL0, 248, [.member("regs"), .member("sp")]),
            (.pc, 256, [.member("regs"), .member("pc")]),
            (.pstate, 264, [.member("regs"), .member("pstate")]),
            (.spEL1, 272, [.member("sp_el1")]), (.elrEL1, 280, [.member("elr_el1")]),
        ] + (0..<5).map { (.spsr($0), 288 + $0 * 8, [.member("spsr"), .element($0)]) }
        + (0..<32).map {
            (.v($0), 336 + $0 * 16, [.member("fp_regs"), .member("vregs"), .element($0)])
        } + [
            (.fpsr, 848, [.member("fp_regs"), .member("fpsr")]),
            (.fpcr, 852, [.member("fp_regs"), .member("fpcr")]),
        ]
}
