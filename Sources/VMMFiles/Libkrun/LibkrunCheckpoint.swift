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
    private static let frameSize: UInt64 = 0x10000

    /// Whether the lengths and offsets in a file's first bytes are those of a checkpoint; nothing else tells one.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        var cursor = ByteCursor(prefix, in: 0..<prefix.count, part: "the beginning")
        guard let length = try? cursor.number(4), (12...UInt64(limit)) ~= length,
            let count = try? cursor.number(4),
            // The lists behind this one have a count each.
            count > 0 || length >= 20, count <= (length - 12) / 8
        else { return false }
        // With a GICv2 the first three lists are empty.
        guard count > 0 else { return beginsEmptyLists(&cursor) }
        for place in 0..<count {
            guard let offset = try? cursor.number(4), (try? cursor.number(4)) != nil else {
                return place > 0
            }
            // GICD_CTLR is the first, at 0.
            guard offset % 4 == 0, offset < frameSize, (offset == 0) == (place == 0) else {
                return false
            }
        }
        return true
    }

    private static func beginsEmptyLists(_ cursor: inout ByteCursor) -> Bool {
        guard (try? cursor.number(8)) == 0, let count = try? cursor.number(4),
            0 < count, count < frameSize, let first = try? cursor.number(8)
        else { return false }
        return first % 4 == 0 && first & 0xffff_ffff < frameSize
    }

    /// Reads a whole file.
    /// - Throws: for what is no checkpoint, is damaged, or was not saved by KVM.
    public static func read(_ bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        var cursor = ByteCursor(bytes, in: 0..<bytes.count, part: "the file")
        var blob = try cursor.section("the state of the VM")
        let lists = try LibkrunLists(&blob)
        let vcpus = try vcpus(&cursor)
        while cursor.left > 0 { _ = try cursor.section("a part behind the vCPUs") }
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
        cursor.part = "the number of vCPUs"
        let count = try cursor.checked(try cursor.number(4), of: 4)
        try VMMFileLimits.check(count, VMMFileLimits.vcpus, "vCPUs")
        guard count > 0 else { throw .contradiction("it has no vCPU") }
        var vcpus: [VCPU] = []
        for index in 0..<count {
            var blob = try cursor.section("vCPU \(index)")
            vcpus.append(try vcpu(&blob, index))
        }
        return vcpus
    }

    private static func vcpu(
        _ blob: inout ByteCursor, _ index: Int
    ) throws(VMMFileError) -> VCPU {
        var vcpu = VCPU(mpState: UInt32(truncatingIfNeeded: try blob.number(4)), registers: [])
        let count = try blob.number(4)
        guard blob.left % registerSize == 0, UInt64(blob.left / registerSize) == count else {
            throw blob.damaged(
                "registers of KVM that fill \(blob.left) bytes",
                "\(count) of \(registerSize) bytes each (if a Mac saved it, load it into libkrun on arm64 "
                    + "Linux and save it there)")
        }
        try VMMFileLimits.check(
            Int(clamping: count), VMMFileLimits.registers, "registers of vCPU \(index)")
        while blob.left > 0 { vcpu.registers.append(try register(&blob)) }
        return vcpu
    }

    private static func register(_ blob: inout ByteCursor) throws(VMMFileError) -> VMMRegister {
        let start = blob.position
        let id = RegisterID(rawValue: try blob.number(8))
        let value = try blob.take(valueSize)
        guard let size = id.size, size <= valueSize else {
            throw .damaged(
                blob.part, at: start, expected: "the id of a register of at most 128 bits",
                found: id.hex)
        }
        let own = value.lowerBound..<value.lowerBound + size
        guard blob.bytes[own.upperBound..<value.upperBound].allSatisfy({ $0 == 0 }),
            let result = RegisterValue(littleEndian: blob.bytes[own]),
            let register = VMMRegister(id, result, at: own)
        else {
            throw .damaged(
                blob.part, at: start, expected: "a register of KVM with a value of \(size) bytes",
                found: "\(id.label) with another one")
        }
        return register
    }
}

extension ByteCursor {
    /// A part that begins with its length, 32 bits.
    mutating func section(_ name: String) throws(VMMFileError) -> ByteCursor {
        part = name
        let length = try number(4)
        return ByteCursor(bytes, in: try take(try checked(length, of: 1)), part: name)
    }
}
