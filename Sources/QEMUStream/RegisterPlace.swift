internal import Registers
internal import VCPUModel

/// Where a register's value stands in the body of a "cpu" section.
struct RegisterPlace {
    /// A big-endian number of the stream.
    struct Piece {
        /// In the body; nil for bytes the stream does not have, which are zero.
        var offset: Int?
        /// In bytes, at most 8.
        var width: Int
    }

    /// The least significant first.
    var pieces: [Piece]

    init(_ pieces: [Piece]) {
        self.pieces = pieces
    }

    /// One number, with zeros above it up to `size` bytes.
    init(_ offset: Int, _ width: Int, size: Int? = nil) {
        pieces = [Piece(offset: offset, width: width)]
        if let size, size > width { pieces.append(Piece(offset: nil, width: size - width)) }
    }

    func read(_ section: CPUSection) -> RegisterValue {
        let bytes = pieces.flatMap { piece -> [UInt8] in
            guard let offset = piece.offset else {
                return Array(repeating: 0, count: piece.width)
            }
            return section.body[offset..<offset + piece.width].reversed()
        }
        return RegisterValue(littleEndian: bytes) ?? RegisterValue(0)
    }

    /// Bytes the stream does not have are lost, which reading back shows.
    func write(_ value: RegisterValue, to section: inout CPUSection) {
        var rest = value.littleEndianBytes[...]
        for piece in pieces {
            let own = rest.prefix(piece.width)
            rest = rest.dropFirst(piece.width)
            guard let offset = piece.offset else { continue }
            section.set(own.reversed().reduce(0) { $0 << 8 | UInt64($1) }, at: offset, piece.width)
        }
    }
}

/// The places of the registers of one vCPU, by KVM's ids.
///
/// They depend on the program state: the stack pointer in use, and the general registers of an AArch32
/// guest, stand in the registers of the present mode (`aarch64_save_sp`, `switch_mode`,
/// `target/arm`). Where a value stands twice, the first place is the one QEMU takes.
struct RegisterPlaces {
    private(set) var places: [RegisterID: [RegisterPlace]] = [:]
    /// Registers that are read and written, and are a second view of listed ones.
    private(set) var unlisted: Set<RegisterID> = []

    private typealias Field = CPUSection.Field

    init(_ section: CPUSection, origin: StreamOrigin) {
        addProgramState(section)
        if section.isAArch32 {
            addAArch32Registers(AArch32Mode(pstate: section.programState))
            if section.isInHypMode { useHypRegisters() }
        } else {
            addAArch64Registers(section)
        }
        addFloatingPoint(section)
        addVectors(section)
        addList(section, origin)
        if origin == .tcg { addAArch64Names(section) }
        addHigherLevels(section)
    }

    private mutating func add(_ id: RegisterID, _ places: RegisterPlace...) {
        self.places[id] = places
    }

    // MARK: Fixed fields

    private mutating func addProgramState(_ section: CPUSection) {
        let short = RegisterPlace(Field.programState, 4, size: 8)
        guard let long = section.subsection("cpu/pstate64") else {
            return add(.pstate, short)
        }
        add(.pstate, RegisterPlace(long.fields.lowerBound, 8), short)
    }

    private mutating func addAArch64Registers(_ section: CPUSection) {
        for index in 0...30 { add(.x(index), Self.x(index)) }
        add(.pc, RegisterPlace(Field.programCounter, 8))
        add(.elrEL1, Self.exceptionLink(1))
        for index in 0...4 { add(.spsr(index), Self.banked(index + 1)) }
        addStackPointers(section, level: Self.stackInUse(section))
    }

    private mutating func addStackPointers(_ section: CPUSection, level: Int?) {
        for (id, own) in [(RegisterID.spEL0, 0), (.spEL1, 1)] {
            places[id] = Self.stackPointer(own, inUse: level == own)
        }
    }

    /// Whose stack pointer X31 is: the exception level's, or EL0's without PSTATE.SP.
    private static func stackInUse(_ section: CPUSection) -> Int? {
        let state = section.programState
        guard !section.isAArch32 else { return nil }
        return state & 1 == 0 ? 0 : Int(state >> 2 & 3)
    }

    private static func stackPointer(_ level: Int, inUse: Bool) -> [RegisterPlace] {
        let own = RegisterPlace(Field.stackPointers + 8 * level, 8)
        return inUse ? [x(31), own] : [own]
    }

    private static func x(_ index: Int) -> RegisterPlace {
        RegisterPlace(Field.xRegisters + 8 * index, 8)
    }

    private static func exceptionLink(_ level: Int) -> RegisterPlace {
        RegisterPlace(Field.exceptionLinks + 8 * level, 8)
    }

    private static func banked(_ bank: Int) -> RegisterPlace {
        RegisterPlace(Field.bankedSavedProgramStates + 8 * bank, 8)
    }

    // MARK: AArch32

    /// QEMU's banks (`bank_number`, `target/arm/internals.h`), each with the X registers that hold its
    /// LR and SP (Arm ARM D1.20.1), and the SPSR of `kvm_regs`.
    private static let banks: [(mode: AArch32Mode, bank: Int, saved: Int?)] = [
        (.user, 0, nil), (.supervisor, 1, 0), (.abort, 2, 1), (.undefined, 3, 2), (.irq, 4, 3),
        (.fiq, 5, 4),
    ]

    /// - Parameter mode: nil in Hyp mode, and in Monitor mode, whose own SP and LR no X register holds.
    private mutating func addAArch32Registers(_ mode: AArch32Mode?) {
        let present = mode == .system ? .user : mode
        for number in 0...7 { add(.x(number), Self.r(number)) }
        for number in 8...12 {
            let index = 4 * (number - 8)
            let other = RegisterPlace(Field.userRegisters + index, 4, size: 8)
            let fiq = RegisterPlace(Field.fiqRegisters + index, 4, size: 8)
            add(.x(number), present == .fiq ? other : Self.r(number))
            add(.x(number + 16), present == .fiq ? Self.r(number) : fiq)
        }
        for (mode, bank, saved) in Self.banks {
            addBank(mode, bank, saved, isPresent: mode == present)
        }
        // SP_hyp; X14 is the link register of User and of Hyp mode.
        add(.x(15), RegisterPlace(Field.bankedStackPointers + 4 * 6, 4, size: 8))
        add(.pc, Self.r(15))
        add(.elrEL1, Self.exceptionLink(1))
        for (id, own) in [(RegisterID.spEL0, 0), (.spEL1, 1)] {
            places[id] = Self.stackPointer(own, inUse: false)
        }
    }

    /// Hyp mode has its own SP and SPSR, and LR of User mode (`r14_bank_number`).
    private mutating func useHypRegisters() {
        places[.x(15)]?.insert(Self.r(13), at: 0)
        places[.x(14)]?.insert(Self.r(14), at: 0)
    }

    private mutating func addBank(
        _ mode: AArch32Mode, _ bank: Int, _ saved: Int?, isPresent: Bool
    ) {
        let stack = RegisterPlace(Field.bankedStackPointers + 4 * bank, 4, size: 8)
        let link = RegisterPlace(Field.bankedLinks + 4 * bank, 4, size: 8)
        places[mode.register(13)] = isPresent ? [Self.r(13), stack] : [stack]
        places[mode.register(14)] = isPresent ? [Self.r(14), link] : [link]
        guard let saved else { return }
        let own = RegisterPlace(Field.savedProgramState, 4, size: 8)
        let banked = Self.banked(bank)
        places[.spsr(saved)] = isPresent ? [own, banked] : [banked]
    }

    private static func r(_ number: Int) -> RegisterPlace {
        RegisterPlace(Field.generalRegisters + 4 * number, 4, size: 8)
    }

    // MARK: Vectors

    private mutating func addFloatingPoint(_ section: CPUSection) {
        guard let own = section.subsection("cpu/vfp/fpcr_fpsr") else { return }
        // 64 bits each, in the order FPCR, FPSR.
        add(.fpcr, RegisterPlace(own.fields.lowerBound + 4, 4))
        add(.fpsr, RegisterPlace(own.fields.lowerBound + 12, 4))
    }

    private mutating func addVectors(_ section: CPUSection) {
        guard let vfp = section.subsection("cpu/vfp")?.fields.lowerBound else { return }
        let sve = section.subsection("cpu/sve")?.fields.lowerBound
        for index in 0..<32 {
            let low = [0, 8].map { RegisterPlace.Piece(offset: vfp + 16 * index + $0, width: 8) }
            add(.v(index), RegisterPlace(low))
            guard let sve else { continue }
            unlisted.insert(.v(index))
            add(.z(index), RegisterPlace(low + Self.upperPart(sve + 112 * index)))
        }
        guard let sve else { return }
        for index in 0...16 {
            let start = sve + 112 * 32 + 32 * index
            add(
                .p(index),
                RegisterPlace((0..<4).map { .init(offset: start + 8 * $0, width: 8) }))
        }
    }

    /// Bits 128 to 1023 of a Z register; QEMU does not send what is above them.
    private static func upperPart(_ start: Int) -> [RegisterPlace.Piece] {
        (0..<14).map { .init(offset: start + 8 * $0, width: 8) }
            + Array(repeating: .init(offset: nil, width: 8), count: 16)
    }

    // MARK: The list

    private mutating func addList(_ section: CPUSection, _ origin: StreamOrigin) {
        for (index, entry) in section.entries.enumerated() {
            // 32-bit registers take the low half of their 64 bits; what no list has is warned of.
            guard let size = entry.id.size, entry.id.isInListOfQEMU else { continue }
            add(
                entry.id.translated(from: origin),
                RegisterPlace(section.valueOffset(index) + 8 - size, size))
        }
    }

    /// Registers that QEMU's own lists have as AArch32 ones only, such as PAR_EL1, by their AArch64 ids.
    private mutating func addAArch64Names(_ section: CPUSection) {
        for (index, entry) in section.entries.enumerated() {
            guard let holder = AArch32Bank.holder(of: entry.id), holder.lsb == 0,
                entry.id.survivesCPRegisterKey, places[holder.id] == nil,
                holder.isWhole
            else { continue }
            add(
                holder.id,
                RegisterPlace(section.valueOffset(index) + 8 - holder.size, holder.size, size: 8))
        }
    }

    /// The registers of EL2 and EL3 that QEMU keeps in its struct, on CPUs that have those levels.
    private mutating func addHigherLevels(_ section: CPUSection) {
        let present = Self.stackInUse(section)
        for (level, sign, link, saved) in Self.higherLevels where places[sign] != nil {
            if places[link] == nil { add(link, Self.exceptionLink(level)) }
            if places[saved] == nil {
                let own = RegisterPlace(Field.savedProgramState, 4, size: 8)
                let inUse = section.privilegedAArch32Level == level
                places[saved] = (inUse ? [own] : []) + [Self.banked(level + 4)]
            }
        }
        guard places[Self.higherLevels[0].sign] != nil, places[.spEL2] == nil else {
            return
        }
        places[.spEL2] = Self.stackPointer(2, inUse: present == 2)
    }

    /// Each level with a register that only CPUs with it list.
    private static let higherLevels:
        [(Int, sign: RegisterID, link: RegisterID, saved: RegisterID)] = [
            (2, .hcrEL2, .elrEL2, .spsrEL2),
            (3, .scrEL3, .elrEL3, .spsrEL3),
        ]
}

/// Registers of EL3, which no KVM guest has, and so not the dictionary either.
extension RegisterID {
    /// S3_6_C1_C1_0.
    static let scrEL3 = system(SystemRegisterEncoding(rawValue: 0xf088))
    /// S3_6_C4_C0_1.
    static let elrEL3 = system(SystemRegisterEncoding(rawValue: 0xf201))
    /// S3_6_C4_C0_0.
    static let spsrEL3 = system(SystemRegisterEncoding(rawValue: 0xf200))
}

extension AArch32Bank.Holder {
    /// Whether the bits are all that the AArch64 register has: the others are reserved.
    fileprivate var isWhole: Bool {
        guard size < 8 else { return true }
        let fields = RegisterDictionary.entry(for: id)?.fields ?? []
        return !fields.isEmpty && fields.allSatisfy { $0.msb < size * 8 || $0.isReserved }
    }
}
