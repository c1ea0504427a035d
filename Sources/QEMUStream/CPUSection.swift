internal import LinuxSystem
public import Registers
internal import TextFormats
public import VCPUModel

/// The "cpu" section of one vCPU (`vmstate_arm_cpu`, version 22, `target/arm/machine.c`).
///
/// Formats/qemu-stream.md has the layout. The bytes are kept, so that what is not changed is written as it was read.
public struct CPUSection: Sendable {
    /// The vCPU's number in QEMU (`cpu_index`).
    public let instance: UInt32
    /// Where the section stands in the stream.
    private(set) var place: SectionPlace
    /// What follows the header: fixed fields, the register list, subsections.
    package internal(set) var body: [UInt8]
    /// The subsections of `vmstate_arm_cpu` that the stream has, in its order; those inside another are among its
    /// `parts`.
    public internal(set) var subsections: [Subsection]
    /// How many registers the list has.
    public private(set) var registerCount: Int

    /// Places in the body.
    enum Field {
        static let generalRegisters = 0
        static let xRegisters = 64
        static let programCounter = 320
        static let programState = 328
        static let savedProgramState = 332
        static let bankedSavedProgramStates = 336
        static let bankedStackPointers = 400
        static let bankedLinks = 432
        static let userRegisters = 464
        static let fiqRegisters = 484
        static let exceptionLinks = 504
        static let stackPointers = 536
        static let listLength = 568
        static let list = 572
        /// From the end of the list.
        static let syndrome = 32
        static let powerState = 64
        /// What follows the list, in bytes.
        static let tail = 65
    }

    /// QEMU's lists have 150 to 450 registers.
    static let maximumRegisters = 1 << 14
    static let version: UInt32 = 22
    static let name = Array("cpu".utf8)
    /// Of the section that stands before each vCPU's own (`vmstate_cpu_common`).
    static let commonName = Array("cpu_common".utf8)

    /// Whether QEMU writes a section of that name for each vCPU.
    static func isName(ofVCPU name: [UInt8]) -> Bool { name == Self.name || name == commonName }

    /// - Parameters:
    ///   - bytes: the body is in them, and they may go on after its end.
    ///   - start: where the body begins in them.
    ///   - order: what is known of lists in the same bytes.
    ///   - describedLengths: the lengths of subsections, from the stream's description.
    init(
        instance: UInt32, place: SectionPlace, in bytes: [UInt8], bodyAt start: Int,
        order: inout ListOrder, describedLengths: [[UInt8]: Int]
    ) throws(QEMUStreamError) {
        self.instance = instance
        let offset = place.bodyOffset
        guard let ids = Self.ids(in: bytes, bodyAt: start) else {
            throw Self.wrongCount(bytes[start...], offset)
        }
        registerCount = ids.count / 8
        if let fall = order.firstFall(in: bytes, ids) {
            throw Self.unordered(bytes, at: fall, offset + Int64(fall - start))
        }
        var reader = SubsectionReader(
            bytes, bodyAt: start, offset: offset,
            position: Field.list + 16 * registerCount + Field.tail,
            describedLengths: describedLengths)
        subsections = try reader.all()
        body = Array(bytes[start..<start + reader.position])
        var whole = place
        whole.bodyLength = Int64(reader.position)
        self.place = whole
    }

    static func check(version: UInt32, at place: SectionPlace) throws(QEMUStreamError) {
        guard version == Self.version else {
            throw .damaged(
                part: "the cpu section's version", offset: place.bodyOffset - 4,
                expected: "\(Self.version)", found: "\(version)")
        }
    }

    func withFooter(_ hasFooter: Bool) -> CPUSection {
        var result = self
        result.place.hasFooter = hasFooter
        return result
    }

    /// Where the ids of the list stand; nil where there is no room for so many, or for the rest.
    static func ids(in bytes: [UInt8], bodyAt start: Int) -> Range<Int>? {
        let body = bytes[start...]
        guard let most = maximumRegisters(in: body), 0...most ~= listLength(of: body) else {
            return nil
        }
        return start + Field.list..<start + Field.list + 8 * listLength(of: body)
    }

    /// How many registers there is room for; nil where there is none for the fixed fields.
    private static func maximumRegisters(in body: ArraySlice<UInt8>) -> Int? {
        let room = body.count - Field.list - Field.tail
        return room < 0 ? nil : min(room / 16, maximumRegisters)
    }

    /// What the section says; of a body with its fixed fields.
    private static func listLength(of body: ArraySlice<UInt8>) -> Int {
        let length = body.dropFirst(Field.listLength).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        return Int(Int32(bitPattern: length))
    }

    /// Why there are no `ids`.
    private static func wrongCount(_ body: ArraySlice<UInt8>, _ offset: Int64) -> QEMUStreamError {
        guard let most = maximumRegisters(in: body) else {
            return .damaged(
                part: "the cpu section", offset: offset,
                expected: "at least \(Field.list + Field.tail) bytes", found: "\(body.count)")
        }
        return .damaged(
            part: "cpreg_vmstate_array_len", offset: offset + Int64(Field.listLength),
            expected: "a number from 0 to \(most)", found: "\(listLength(of: body))")
    }

    /// QEMU sorts its lists and relies on it.
    private static func unordered(
        _ bytes: [UInt8], at fall: Int, _ offset: Int64
    ) -> QEMUStreamError {
        .damaged(
            part: "cpreg_vmstate_indexes", offset: offset,
            expected: "an id above " + bytes.bigEndian(at: fall - 8, count: 8).hex,
            found: bytes.bigEndian(at: fall, count: 8).hex)
    }
}

// MARK: - The register list

extension CPUSection {
    /// One (index, value) pair of the list as it stands in the stream, where 32-bit registers take 64 bits too.
    public struct Entry: Hashable, Sendable {
        /// The id as it stands in the stream: KVM's, also for a vCPU that QEMU emulated (`cpreg_to_kvm_id`).
        ///
        /// In QEMU's own lists, CNTV_CVAL_EL0 and CNTVCT_EL0 have each other's KVM id.
        public var id: RegisterID
        /// All 64 bits of the stream; above a 32-bit register's own there may be others.
        public var value: UInt64

        /// A pair of the list; a 32-bit value stands in the low half.
        public init(id: RegisterID, value: UInt64) {
            self.id = id
            self.value = value
        }

        /// The value in the register's own size: 32-bit registers have values of 32 bits.
        public var registerValue: RegisterValue {
            RegisterValue(value, size: id.size == 4 ? 4 : 8)
        }
    }

    /// `cpreg_vmstate_indexes` and `cpreg_vmstate_values`, ascending by id.
    public var entries: [Entry] {
        (0..<registerCount).map { index in
            Entry(
                id: RegisterID(rawValue: body.bigEndian(at: Field.list + 8 * index, count: 8)),
                value: body.bigEndian(at: valueOffset(index), count: 8))
        }
    }

    func valueOffset(_ index: Int) -> Int { Field.list + 8 * (registerCount + index) }

    /// The end of the list.
    var tailOffset: Int { Field.list + 16 * registerCount }

    /// Replaces the list; everything before and after it stays as it is.
    /// - Throws: `list` when the ids do not ascend, or there are more than 16 384.
    public mutating func replaceEntries(_ entries: [Entry]) throws(QEMUStreamError) {
        guard entries.count <= Self.maximumRegisters else {
            throw .list(
                "it has \(entries.count) registers, and \(Self.maximumRegisters) are the most")
        }
        guard zip(entries, entries.dropFirst()).allSatisfy({ $0.id < $1.id }) else {
            throw .list("its ids must ascend")
        }
        let shift = 16 * (entries.count - registerCount)
        let list =
            BigEndian.bytes(UInt64(entries.count), 4)
            + entries.flatMap { BigEndian.bytes($0.id.rawValue, 8) }
            + entries.flatMap { BigEndian.bytes($0.value, 8) }
        body.replaceSubrange(Field.listLength..<tailOffset, with: list)
        registerCount = entries.count
        subsections = subsections.map { $0.moved(by: shift) }
    }
}

extension Subsection {
    fileprivate func moved(by distance: Int) -> Subsection {
        var result = self
        result.fields = fields.lowerBound + distance..<fields.upperBound + distance
        result.parts = parts.map { $0.moved(by: distance) }
        return result
    }
}

// MARK: - Numbers

extension CPUSection {
    func number(at offset: Int, _ count: Int) -> UInt64 {
        body.bigEndian(at: offset, count: count)
    }

    mutating func set(_ value: UInt64, at offset: Int, _ count: Int) {
        body.replaceSubrange(offset..<offset + count, with: BigEndian.bytes(value, count))
    }

    /// Every subsection, also those inside others, in the order of the stream.
    public var allSubsections: [Subsection] { subsections.flatMap(\.withParts) }

    /// The subsection of that name, whether or not it is inside another one; nil where the stream does not have it.
    public func subsection(_ name: String) -> Subsection? {
        allSubsections.first { $0.name == name }
    }

    /// PSTATE in AArch64 state, CPSR in AArch32 state, XPSR of an M-profile CPU.
    public var programState: UInt64 {
        subsection("cpu/pstate64").map { number(at: $0.fields.lowerBound, 8) }
            ?? number(at: Field.programState, 4)
    }

    /// PSTATE.nRW: whether the vCPU runs AArch32 code.
    public var isAArch32: Bool { programState & 0x10 != 0 }

    /// In AArch32 Hyp mode.
    var isInHypMode: Bool { isAArch32 && programState & 0x1f == 0x1a }

    /// In AArch32 Monitor mode.
    var isInMonitorMode: Bool { isAArch32 && programState & 0x1f == 0x16 }

    /// The exception level of a mode that KVM's guests do not have; nil in the others.
    var privilegedAArch32Level: Int? { isInHypMode ? 2 : isInMonitorMode ? 3 : nil }

    /// Whether the CPU is of the M profile, which has no PSTATE and no list.
    public var isMProfile: Bool { subsection("cpu/m") != nil }
}
