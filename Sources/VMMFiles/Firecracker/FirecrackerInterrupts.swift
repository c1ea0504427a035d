internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The interrupt controller in a file of Firecracker: lists of registers without names, whose places say which they are
/// (Formats/firecracker-vmstate.md, section 6).
struct FirecrackerInterrupts {
    /// What the VM has once.
    private(set) var vm = RegisterList()
    private var vcpus: [RegisterList] = []
    /// Why it was left out.
    private(set) var remarks: [String] = []

    /// - Parameter gic: nil where its place in the file is not known.
    init(_ gic: StateValue?) {
        guard let gic else {
            remarks = [
                "its interrupt controller is left out: it is not known where in the file it is"
            ]
            return
        }
        let distributor = Self.words(gic["dist"])
        let states = gic["gic_vcpu_states"]?.elements ?? []
        let model = GICModel.allCases.first { Places.distributor($0).fit(distributor) }
        let own = states.map { Self.registers($0, model ?? .v3) }
        guard let model, !own.contains(nil) else {
            remarks = ["its interrupt controller is left out: it has lists that are not known"]
            return
        }
        vcpus = own.compactMap(\.self)
        vm.set(UInt64(model.rawValue), .gicModel)
        setUp(model, vcpuCount: states.count)
        Places.distributor(model).set(distributor, .distributor, &vm)
        // One for all redistributors.
        if let first = states.first.map({ Self.words($0["rdist"]) }), model == .v3 {
            Places.ofVM(first).set(first, .redistributor, &vm)
        }
        if let translator = gic["its_state"]?.some { setTranslator(translator) }
        vm.setWhatKVMHides()
    }

    /// Nothing for a vCPU of which nothing is known.
    func ofVCPU(_ index: Int) -> RegisterList {
        vcpus.indices.contains(index) ? vcpus[index] : RegisterList()
    }

    /// What the file leaves out because Firecracker sets it up in the same way for every VM: SGIs, PPIs and 96 SPIs, in
    /// frames of these sizes that end where its devices begin.
    private mutating func setUp(_ model: GICModel, vcpuCount: Int) {
        vm.set(128, .gicNrIrqs)
        let end: UInt64 = 1 << 30
        guard model == .v3 else {
            vm.set(end - 0x1000, .gicAddressDistV2)
            return vm.set(end - 0x3000, .gicAddressCpuV2)
        }
        let distributor = end - 0x1_0000
        vm.set(distributor, .gicAddressDist)
        let frame = Checked<UInt64>(0x2_0000)
        let redistributors = Checked(distributor) - Checked(vcpuCount) * frame
        if let start = redistributors.value { vm.set(start, .gicAddressRedist) }
        translator = (redistributors - frame).value
    }

    /// Where the ITS is, if there is one.
    private var translator: UInt64?

    private static func words(_ lists: StateValue?) -> [[UInt64]] {
        (lists?.elements ?? []).map { $0.numbers?.values ?? [] }
    }

    /// Nil for lists that are not known.
    private static func registers(_ state: StateValue, _ model: GICModel) -> RegisterList? {
        var result = RegisterList()
        let redistributor = words(state["rdist"])
        let main = words(state["main_icc_regs"])
        if model == .v3 {
            let places = [Places.redistributor, Places.oldRedistributor].first {
                $0.fit(redistributor)
            }
            guard let places else { return nil }
            places.set(redistributor, .redistributor, &result)
        }
        let interface = model == .v3 ? Places.systemRegisters : Places.cpuInterface
        let priorities = (state["ap_icc_regs"]?.elements ?? []).map { $0.some?.numbers?.values }
        guard interface.fit(main), model == .v2 || priorities.count == Places.priorities.count,
            model == .v3 || redistributor.isEmpty && priorities.isEmpty
        else { return nil }
        let group: DeviceAttribute.GICGroup = model == .v3 ? .systemRegisters : .cpuInterface
        interface.set(main, group, &result)
        for (id, value) in zip(Places.priorities, priorities) {
            if let bits = value?.first { result.set(bits, id) }
        }
        return result
    }

    private mutating func setTranslator(_ state: StateValue) {
        if let translator, let id = RegisterID.address(ofITS: 0) { vm.set(translator, id) }
        let registers: [(String, UInt64)] = [
            ("ctlr", 0), ("iidr", 4), ("cbaser", 0x80), ("cwriter", 0x88), ("creadr", 0x90),
        ]
        for (name, offset) in registers {
            vm.set(state[name]?.number ?? 0, DeviceAttribute(ofITS: 0, at: offset))
        }
        for (index, base) in (state["baser"]?.elements ?? []).enumerated() {
            vm.set(
                base.number ?? 0, DeviceAttribute(ofITS: 0, at: 0x100 | UInt64(index) << 3))
        }
    }
}

/// Which registers the entries of a list are.
private struct Places {
    /// An entry of the list.
    private struct Entry {
        /// Of the first register; nil for what is no state: a status, or the clearing half of a pair.
        let offset: UInt64?
        /// How many numbers the entry has.
        let count: Int
        /// How many of them are one register.
        var numbersEach = 1
    }

    private let entries: [Entry]

    func fit(_ lists: [[UInt64]]) -> Bool { lists.map(\.count) == entries.map(\.count) }

    func set(
        _ lists: [[UInt64]], _ group: DeviceAttribute.GICGroup, _ registers: inout RegisterList
    ) {
        for (entry, list) in zip(entries, lists) {
            guard let offset = entry.offset else { continue }
            let width = UInt64(entry.numbersEach) * 4
            for (index, start) in stride(from: 0, to: list.count, by: entry.numbersEach)
                .enumerated()
            {
                let upper = entry.numbersEach == 2 && start + 1 < list.count ? list[start + 1] : 0
                registers.set(upper << 32 | list[start], group, offset + UInt64(index) * width)
            }
        }
    }

    static func distributor(_ model: GICModel) -> Places {
        model == .v3 ? ofDistributor : ofDistributorV2
    }

    /// Of a pair of registers, the second holds the state.
    private static func pair(_ offset: UInt64, _ count: Int) -> [Entry] {
        [Entry(offset: nil, count: count), Entry(offset: offset, count: count)]
    }

    private static let trigger = Entry(offset: 0xc08, count: 6)
    private static let priorities96 = Entry(offset: 0x420, count: 24)

    private static let group = Entry(offset: 0x84, count: 3)
    private static let enabling = pair(0x104, 3)
    private static let activity = pair(0x204, 3) + pair(0x304, 3) + [priorities96]

    /// Of SPIs, 32 to 127.
    private static let ofDistributor = Places(
        entries: [Entry(offset: 0, count: 1), Entry(offset: nil, count: 1)] + enabling
            + [group, Entry(offset: 0x6100, count: 192, numbersEach: 2), trigger] + activity)

    /// The last two are of SGIs as vCPU 0 has them.
    private static let ofDistributorV2 = Places(
        entries: [Entry(offset: 0, count: 1)] + enabling + [group, trigger] + activity
            + [Entry(offset: nil, count: 4), Entry(offset: nil, count: 4)])

    private static let control = Entry(offset: 0, count: 1)
    private static let others = [
        Entry(offset: nil, count: 1), Entry(offset: 0x14, count: 1),
        Entry(offset: nil, count: 2), Entry(offset: 0x78, count: 2, numbersEach: 2),
    ]
    private static let banked =
        [Entry(offset: 0x10080, count: 1)] + pair(0x10100, 1)
        + [Entry(offset: 0x10c00, count: 2)] + pair(0x10200, 1) + pair(0x10300, 1)
        + [Entry(offset: 0x10400, count: 8)]

    static let redistributor = Places(entries: others + [control] + banked)
    /// As releases before 1.13 have it.
    static let oldRedistributor = Places(entries: [control] + others + banked)

    /// What of a redistributor's list a VM has once.
    static func ofVM(_ lists: [[UInt64]]) -> Places {
        let base = Entry(offset: 0x70, count: 2, numbersEach: 2)
        let before = redistributor.fit(lists) ? 2 : 3
        return Places(
            entries: Array(repeating: Entry(offset: nil, count: 1), count: before) + [base])
    }

    static let systemRegisters = Places(
        entries: [
            RegisterID.iccSREEL1, .iccCTLREL1, .iccIGRPEN0EL1, .iccIGRPEN1EL1, .iccPMREL1,
            .iccBPR0EL1, .iccBPR1EL1,
        ].map { Entry(offset: $0.rawValue & 0xffff, count: 1) })

    static let cpuInterface = Places(
        entries: [0, 4, 8, 0x1c, 0xd0, 0xd4, 0xd8, 0xdc].map { Entry(offset: $0, count: 1) })

    /// Active priorities, of which there may be fewer.
    static let priorities: [RegisterID] = [RegisterID.iccAP0R0EL1, .iccAP1R0EL1].flatMap { first in
        (0..<4).map { RegisterID(rawValue: first.rawValue + $0) }
    }
}
