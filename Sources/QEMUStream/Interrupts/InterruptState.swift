internal import LinuxSystem
internal import Registers
public import VCPUModel

/// The interrupt controller of a stream by the ids of Formats/gic-and-clock.md, as KVM would tell it
/// (Formats/qemu-stream.md, section 6).
public struct InterruptState: Hashable, Sendable {
    /// What the VM has once.
    public internal(set) var vm = RegisterList()
    /// What each vCPU has, in the order of their numbers.
    public internal(set) var vcpus: [RegisterList]

    init(_ model: GICModel, vcpuCount: Int) {
        vcpus = Array(repeating: RegisterList(), count: vcpuCount)
        vm.set(RegisterValue(UInt64(model.rawValue), size: 4), for: .gicModel)
    }

    /// Nil where there is no section of an interrupt controller.
    static func read(
        _ sections: [DeviceSection], of stream: any SeekableBytes, vcpuCount: Int,
        _ origin: StreamOrigin
    ) throws(QEMUStreamError) -> InterruptState? {
        var result: InterruptState?
        for section in sections where section.name != ITSSection.name {
            var fields = try section.fields(in: stream)
            result =
                section.name == GICv3Section.name
                ? try GICv3Section.read(&fields, vcpuCount: vcpuCount)
                : try GICv2Section.read(&fields, vcpuCount: vcpuCount, origin)
        }
        guard var result else { return nil }
        var number: UInt8 = 0
        for section in sections where section.name == ITSSection.name {
            var fields = try section.fields(in: stream)
            try ITSSection.read(&fields, number, into: &result.vm)
            number &+= 1
        }
        if origin == .kvm { result.vm.setWhatKVMHides() }
        return result
    }
}

extension RegisterList {
    /// The low bits of a value for a register of an interrupt controller.
    mutating func set(
        _ bits: UInt64, _ group: DeviceAttribute.GICGroup, _ attribute: UInt64
    ) {
        set(bits, DeviceAttribute(group, attribute))
    }

    mutating func set(_ bits: UInt64, _ attribute: DeviceAttribute) {
        guard let id = RegisterID(attribute) else { return }
        set(bits, id)
    }

    mutating func set(_ bits: UInt64, _ id: RegisterID) {
        set(RegisterValue(bits, size: id.size == 4 ? 4 : 8), for: id)
    }

    /// The registers of four bytes each that hold a byte for each INTID, the lowest in the low bits.
    mutating func set(
        bytes: [UInt64], _ group: DeviceAttribute.GICGroup, at offset: UInt64, from first: Int = 0
    ) {
        for start in stride(from: first, to: bytes.count, by: 4) {
            let word: UInt64 = bytes[start...].prefix(4).reversed().reduce(0) { $0 << 8 | $1 }
            set(word, group, offset | UInt64(start))
        }
    }

    /// What QEMU does not save of a VM of KVM: all that KVM does not tell, but for the tables, which it has put into the
    /// guest's memory.
    fileprivate mutating func setWhatKVMHides() {
        let unknown = UnknownState.everything.subtracting([.lpiPending, .itsTables])
        set(unknown.rawValue, .unknownState)
    }
}

/// What a section of an interrupt controller has of every INTID.
struct InterruptTables {
    /// Bits of INTIDs 0 to 1023, in words, by the offset in the distributor's frame.
    var bits: [UInt64: [UInt64]]
    /// The same of edge-triggered interrupts.
    var edges: [UInt64]
    /// The same of high lines; empty where no register has them.
    var levels: [UInt64] = []
    /// A byte for each INTID.
    var priorities: [UInt64]
    /// GICD_IROUTER of each INTID; empty in a GICv2.
    var routes: [UInt64] = []
    /// GICD_ITARGETSR, a byte for each INTID; empty in a GICv3.
    var targets: [UInt64] = []

    static let wordCount = 32
    /// INTIDs above it are special ones.
    static let interruptCount = 1020

    /// How many blocks of 32 INTIDs there are to tell of: up to the last in which anything is not zero.
    ///
    /// A section has room for all INTIDs, and does not say how many the VM has.
    private var blockCount: Int {
        let last = (1..<Self.wordCount).last { block in
            (Array(bits.values) + [edges, levels]).contains { Self.holds($0, block..<block + 1) }
                || [priorities, routes, targets].contains {
                    Self.holds($0, block << 5..<(block + 1) << 5)
                }
        }
        return (last ?? 0) + 1
    }

    private static func holds(_ table: [UInt64], _ range: Range<Int>) -> Bool {
        table[range.clamped(to: table.indices)].contains { $0 != 0 }
    }

    /// Sets the registers of SPIs.
    func write(into vm: inout RegisterList) {
        let count = min(blockCount << 5, Self.interruptCount)
        for block in 1..<blockCount {
            let word = UInt64(block) << 2
            for (offset, words) in bits { vm.set(words[block], .distributor, offset | word) }
            if !levels.isEmpty { vm.set(levels[block], .lineLevels, word << 3) }
            for half in 0..<UInt64(2) {
                vm.set(
                    Self.configuration(edges[block] >> (half << 4)), .distributor,
                    0xc00 | word << 1 | half << 2)
            }
        }
        vm.set(bytes: Array(priorities.prefix(count)), .distributor, at: 0x400, from: 32)
        vm.set(bytes: Array(targets.prefix(count)), .distributor, at: 0x800, from: 32)
        for (number, route) in routes.prefix(count).enumerated().dropFirst(32) {
            vm.set(route, .distributor, 0x6000 | UInt64(number) << 3)
        }
    }

    /// ICFGR of 16 interrupts, of which it has two bits each and the upper one says that they are edge-triggered.
    static func configuration(_ edges: UInt64) -> UInt64 {
        var result: UInt64 = 0
        for number in 0..<UInt64(16) { result |= (edges >> number & 1) << (number << 1 | 1) }
        return result
    }
}
