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

    init(_ model: GICModel, of machine: StreamMachine) {
        vcpus = Array(repeating: RegisterList(), count: machine.vcpuCount)
        vm.set(RegisterValue(UInt64(model.rawValue), size: 4), for: .gicModel)
        if machine.isVirt { vm.setSetUp(of: model, vcpuCount: machine.vcpuCount) }
    }

    /// The numbers of the ITSs.
    package internal(set) var translators: [UInt8] = []

    /// What a vCPU has; nothing for a number that no vCPU has.
    func ofVCPU(_ number: UInt32) -> RegisterList {
        Int(exactly: number).flatMap { vcpus.indices.contains($0) ? vcpus[$0] : nil }
            ?? RegisterList()
    }

    /// Nil where there is no section of an interrupt controller.
    static func read(
        _ sections: [DeviceSection], of stream: any SeekableBytes, _ machine: StreamMachine
    ) throws(QEMUStreamError) -> InterruptState? {
        let controllers = sections.filter { $0.name != ITSSection.name }
        guard let controller = controllers.first else { return nil }
        if let second = controllers.dropFirst().first {
            throw second.damaged(
                "one interrupt controller", "another", at: second.place.offset)
        }
        var fields = try controller.fields(in: stream)
        var result =
            controller.name == GICv3Section.name
            ? try GICv3Section.read(&fields, machine) : try GICv2Section.read(&fields, machine)
        for section in sections where section.name == ITSSection.name {
            var fields = try section.fields(in: stream)
            guard let number = UInt8(exactly: result.translators.count) else {
                throw fields.damaged("at most 256 of them", "more")
            }
            try ITSSection.read(&fields, number, into: &result.vm)
            result.translators.append(number)
        }
        if machine.isVirt, !result.translators.isEmpty, let id = RegisterID.address(ofITS: 0) {
            result.vm.set(VirtMachine.translator, id)
        }
        if machine.origin == .kvm { result.vm.setWhatKVMHides() }
        return result
    }
}

/// What the rest of a stream tells of the machine.
struct StreamMachine {
    let vcpuCount: Int
    let origin: StreamOrigin
    /// Whether it is QEMU's machine `virt`.
    let isVirt: Bool

    init(vcpuCount: Int, _ origin: StreamOrigin, type: String?) {
        (self.vcpuCount, self.origin) = (vcpuCount, origin)
        isVirt = type == "virt" || type?.hasPrefix("virt-") == true
    }
}

/// How QEMU's machine `virt` sets its interrupt controller up (`base_memmap` and `create_gic`, `hw/arm/virt.c`).
enum VirtMachine {
    /// `NUM_IRQS`, and SGIs and PPIs.
    static let interruptCount = 288
    static let distributor: UInt64 = 0x0800_0000
    static let cpuInterface: UInt64 = 0x0801_0000
    static let redistributors: UInt64 = 0x080a_0000
    /// That there is room for; a second region is behind the RAM, whose size no device tells.
    static let redistributorCount = 123
    /// It has one at most.
    static let translator: UInt64 = 0x0808_0000
}

extension RegisterList {
    /// The registers of four bytes each that hold a byte for each INTID, the lowest in the low bits.
    mutating func set(
        bytes: [UInt64], _ group: DeviceAttribute.GICGroup, at offset: UInt64, from first: Int = 0
    ) {
        for start in stride(from: first, to: bytes.count, by: 4) {
            let word: UInt64 = bytes[start...].prefix(4).reversed().reduce(0) { $0 << 8 | $1 }
            set(word, group, offset | UInt64(start))
        }
    }

    fileprivate mutating func setSetUp(of model: GICModel, vcpuCount: Int) {
        set(UInt64(VirtMachine.interruptCount), .gicNrIrqs)
        guard model == .v3 else {
            set(VirtMachine.distributor, .gicAddressDistV2)
            return set(VirtMachine.cpuInterface, .gicAddressCpuV2)
        }
        set(VirtMachine.distributor, .gicAddressDist)
        guard vcpuCount <= VirtMachine.redistributorCount,
            let region = RegisterID.redistributorRegion(0)
        else { return }
        set(
            UInt64(vcpuCount) << DeviceAttribute.regionCountShift | VirtMachine.redistributors,
            region)
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
    /// How far the routes of two INTIDs are apart.
    ///
    /// QEMU asks KVM for words of GICD_IROUTER as if they were the registers, and for as many as there are INTIDs
    /// (`kvm_arm_gicv3_get`, `hw/intc/arm_gicv3_kvm.c`): each second one is a route, and half of them are there.
    var routeStep = 1
    /// GICD_ITARGETSR, a byte for each INTID; empty in a GICv3.
    var targets: [UInt64] = []

    static let wordCount = 32
    /// INTIDs above it are special ones.
    static let interruptCount = 1020

    /// How many blocks of 32 INTIDs there are to tell of where that is not known: up to the last in which anything is not
    /// zero.
    ///
    /// A section has room for all INTIDs, and does not say how many the VM has.
    private var usedBlockCount: Int {
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
        let isSetUp = vm.contains(.gicNrIrqs)
        let blockCount = isSetUp ? VirtMachine.interruptCount >> 5 : usedBlockCount
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
        let known = stride(from: 0, to: min(count, routes.count), by: routeStep).map { routes[$0] }
        for (number, route) in known.enumerated().dropFirst(32) {
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
