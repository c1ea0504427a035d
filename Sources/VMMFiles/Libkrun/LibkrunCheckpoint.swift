internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import VCPUModel

/// `checkpoint.bin` of libkrun (Formats/libkrun-checkpoint.md).
public enum LibkrunCheckpoint {
    /// The most bytes of such a file.
    public static let limit = 64 << 20
    /// What such a file never has.
    static let gaps = [
        "features of vCPUs", "events (VCPU_EVENTS)", "geometry of caches (CCSIDR)",
        "registers above 128 bits", "levels of interrupt lines",
        "identity of the interrupt controller",
        "clock of the VM",
    ]
    private static let valueSize = 16
    private static let registerSize = 8 + valueSize
    /// A distributor has that many bytes.
    private static let frameSize = 0x10000

    /// Whether the lengths and offsets in a file's first bytes are those of a checkpoint; nothing else tells one.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        var cursor = ByteCursor(prefix)
        guard let length = try? cursor.number("", as: UInt32.self), (12...UInt32(limit)) ~= length,
            let count = try? cursor.number("", as: UInt32.self),
            // The lists behind this one have a count each.
            count > 0 || length >= 20, count <= (length - 12) / 8
        else { return false }
        // With a GICv2 the first three lists are empty.
        guard count > 0 else { return beginsEmptyLists(&cursor) }
        for place in 0..<count {
            guard let offset = try? cursor.number("", as: UInt32.self),
                (try? cursor.number("", as: UInt32.self)) != nil
            else { return place > 0 }
            // GICD_CTLR is the first, at 0.
            guard offset % 4 == 0, offset < frameSize, (offset == 0) == (place == 0) else {
                return false
            }
        }
        return true
    }

    private static func beginsEmptyLists(_ cursor: inout ByteCursor) -> Bool {
        guard (try? cursor.number("", as: UInt64.self)) == 0,
            let count = try? cursor.number("", as: UInt32.self), count > 0, count < frameSize,
            let first = try? cursor.number("", as: UInt64.self)
        else { return false }
        return first % 4 == 0 && UInt32(truncatingIfNeeded: first) < frameSize
    }

    /// Reads a whole file.
    /// - Throws: for what is no checkpoint, is damaged, or was not saved by KVM.
    public static func read(_ bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        var cursor = ByteCursor(bytes)
        var blob = try cursor.part("the state of the VM")
        let lists = try LibkrunLists(&blob)
        let vcpus = try vcpus(&cursor)
        while !cursor.isAtEnd { _ = try cursor.part("a section behind the vCPUs") }
        let words = try lists.words(vcpus.map(\.mpidr))
        var made: [VMMVCPU] = []
        for (index, vcpu) in vcpus.enumerated() {
            made.append(
                try VMMVCPU(
                    index: UInt32(index), registers: vcpu.registers, mpState: vcpu.mpState,
                    interrupts: words?.vcpus[index] ?? RegisterList()))
        }
        return try VMMState(
            .libkrun, facts: [], vcpus: made, vm: words?.vm ?? RegisterList(), gaps: gaps)
    }

    private struct VCPU {
        var mpState: UInt32
        var registers: [VMMRegister]

        var mpidr: UInt64? { registers.first { $0.id == .mpidrEL1 }?.value.lowBits }
    }

    private static func vcpus(_ cursor: inout ByteCursor) throws(VMMFileError) -> [VCPU] {
        let count = try cursor.count(ofEntriesOf: 4, "vCPUs")
        try VMMFileLimits.check(count, VMMFileLimits.vcpus, "vCPUs")
        guard count > 0 else { throw .contradiction("it has no vCPU") }
        var vcpus: [VCPU] = []
        for index in 0..<count {
            var blob = try cursor.part("vCPU \(index)")
            let start = blob.position
            let mpState: UInt32 = try blob.number("the MP state of vCPU \(index)")
            let registers = try blob.count(ofEntriesOf: registerSize, "registers of vCPU \(index)")
            try VMMFileLimits.check(
                registers, VMMFileLimits.registers, "registers of vCPU \(index)")
            var vcpu = VCPU(mpState: mpState, registers: [])
            for _ in 0..<registers { vcpu.registers.append(try register(&blob, of: index)) }
            guard blob.isAtEnd else {
                throw .damaged(
                    "vCPU \(index)", at: start,
                    expected: "an MP state and a list of registers of KVM",
                    found:
                        "a blob that is longer: if a Mac saved it, load it into libkrun on arm64 Linux and save it there"
                )
            }
            vcpus.append(vcpu)
        }
        return vcpus
    }

    private static func register(
        _ blob: inout ByteCursor, of index: Int
    ) throws(VMMFileError) -> VMMRegister {
        let start = blob.position
        let id = RegisterID(rawValue: try blob.number("a register's id"))
        let value = try blob.range(valueSize, "the value of \(id.label)")
        guard let size = id.size, size <= valueSize else {
            throw .damaged(
                "vCPU \(index)", at: start, expected: "the id of a register of at most 128 bits",
                found: id.hex)
        }
        let own = value.lowerBound..<value.lowerBound + size
        guard blob.bytes[own.upperBound..<value.upperBound].allSatisfy({ $0 == 0 }),
            let result = RegisterValue(littleEndian: blob.bytes[own]),
            let register = VMMRegister(id, result, at: own)
        else {
            throw .damaged(
                "vCPU \(index)", at: start,
                expected: "a register of KVM with a value of \(size) bytes",
                found: "\(id.label) with another one")
        }
        return register
    }
}

/// The lists of the VM's blob: of the interrupt controller, as KVM's attributes have it.
private struct LibkrunLists {
    /// The number of a device's attribute, and what it holds.
    typealias Entry = (attribute: UInt64, value: UInt64)

    private var distributor: [Entry]
    private var redistributors: [Entry]
    private var interfaces: [Entry]
    /// Of a GICv2, which older files do not have.
    private var distributorV2: [Entry] = []
    private var interfacesV2: [Entry] = []

    init(_ blob: inout ByteCursor) throws(VMMFileError) {
        distributor = try Self.list(&blob, "registers of the distributor", UInt32.self, UInt32.self)
        redistributors = try Self.list(
            &blob, "registers of redistributors", UInt64.self, UInt32.self)
        interfaces = try Self.list(&blob, "registers of CPU interfaces", UInt64.self, UInt64.self)
        guard !blob.isAtEnd else { return }
        distributorV2 = try Self.list(
            &blob, "registers of a GICv2's distributor", UInt64.self, UInt32.self)
        interfacesV2 = try Self.list(
            &blob, "registers of a GICv2's CPU interfaces", UInt64.self, UInt32.self)
        guard !blob.isAtEnd else { return }
        _ = try blob.part("the state of the board")
        guard blob.isAtEnd else {
            throw .damaged(
                "the state of the VM", at: blob.position, expected: "its end behind the board",
                found: "more")
        }
    }

    private static func list<Attribute: FixedWidthInteger, Value: FixedWidthInteger>(
        _ blob: inout ByteCursor, _ what: String, _: Attribute.Type, _: Value.Type
    ) throws(VMMFileError) -> [Entry] {
        let size = (Attribute.bitWidth + Value.bitWidth) / 8
        var result: [Entry] = []
        for _ in 0..<(try blob.count(ofEntriesOf: size, what)) {
            let attribute: Attribute = try blob.number(what)
            let value: Value = try blob.number(what)
            result.append((UInt64(attribute), UInt64(value)))
        }
        return result
    }

    /// The registers that they are.
    /// - Parameter mpidrs: of the vCPUs; an attribute of one has its affinity in the upper half, with a GICv2 its
    ///   number.
    /// - Returns: nil for a VM without an interrupt controller.
    /// - Throws: for a register of a vCPU that is not there.
    func words(_ mpidrs: [UInt64?]) throws(VMMFileError) -> InterruptWords? {
        if !distributorV2.isEmpty || !interfacesV2.isEmpty {
            var result = InterruptWords(.v2, vcpuCount: mpidrs.count)
            let numbers = Dictionary(
                uniqueKeysWithValues: mpidrs.indices.map { (UInt64($0), $0) })
            try result.add(distributorV2, of: .distributor, numbers)
            try result.add(interfacesV2, of: .cpuInterface, numbers)
            result.setInterruptCount()
            return result
        }
        guard !distributor.isEmpty else { return nil }
        var result = InterruptWords(.v3, vcpuCount: mpidrs.count)
        let affinities = mpidrs.enumerated().compactMap { index, mpidr in
            mpidr.map { (UInt64(UInt32(affinityIn: $0)), index) }
        }
        let numbers = Dictionary(affinities) { first, _ in first }
        result.add(
            distributor.map { ($0.attribute, UInt32(truncatingIfNeeded: $0.value)) },
            of: .distributor)
        try result.add(redistributors, of: .redistributor, numbers)
        try result.add(interfaces, of: .systemRegisters, numbers)
        result.setInterruptCount()
        return result
    }
}

extension InterruptWords {
    /// Adds attributes of vCPUs, whose upper halves say which.
    /// - Parameter numbers: the place of each vCPU by that.
    fileprivate mutating func add(
        _ entries: [LibkrunLists.Entry], of group: DeviceAttribute.GICGroup,
        _ numbers: [UInt64: Int]
    ) throws(VMMFileError) {
        var words: [Int: [(offset: UInt64, word: UInt32)]] = [:]
        for (attribute, value) in entries {
            guard let vcpu = numbers[attribute >> 32] else {
                throw .contradiction(
                    "its interrupt controller has registers of a vCPU \((attribute >> 32).hex) that is not there"
                )
            }
            let low = attribute & 0xffff_ffff
            if group == .systemRegisters {
                add(value, ofSystemRegister: low, vcpu: vcpu)
            } else {
                words[vcpu, default: []].append((low, UInt32(truncatingIfNeeded: value)))
            }
        }
        for (vcpu, list) in words { add(list, of: group, vcpu: vcpu) }
    }
}
