internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The interrupt controller in a file of Firecracker: lists of registers without names, whose places say which they are
/// (Formats/firecracker-vmstate.md, section 6).
struct FirecrackerInterrupts {
    private var words: InterruptWords?
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
        words = Self.words(of: gic)
        guard words == nil else { return }
        remarks = ["its interrupt controller is left out: it has lists that are not known"]
    }

    /// What the VM has once.
    var vm: RegisterList { words?.vm ?? RegisterList() }

    /// Nothing for a vCPU of which nothing is known.
    func ofVCPU(_ index: Int) -> RegisterList {
        guard let words, words.vcpus.indices.contains(index) else { return RegisterList() }
        return words.vcpus[index]
    }

    /// Nil for lists that are not known.
    private static func words(of gic: StateValue) -> InterruptWords? {
        let distributor = numbers(gic["dist"])
        let states = gic["gic_vcpu_states"]?.elements ?? []
        guard
            let model = GICModel.allCases.first(where: { Places.distributor($0).fit(distributor) })
        else { return nil }
        var words = InterruptWords(model, vcpuCount: states.count)
        words.add(Places.distributor(model).words(distributor), of: .distributor)
        for (vcpu, state) in states.enumerated() {
            guard words.add(state, model, vcpu: vcpu) else { return nil }
        }
        words.setInterruptCount()
        let its = gic["its_state"]?.some
        words.setAddresses(model, vcpuCount: states.count, hasITS: its != nil)
        if let its { words.add(its) }
        return words
    }

    fileprivate static func numbers(_ lists: StateValue?) -> [[UInt64]] {
        (lists?.elements ?? []).map { $0.numbers?.values ?? [] }
    }
}

extension InterruptWords {
    /// What the file leaves out because Firecracker sets it up in the same way for every VM: frames of these sizes that end
    /// where its devices begin.
    fileprivate mutating func setAddresses(_ model: GICModel, vcpuCount: Int, hasITS: Bool) {
        let end: UInt64 = 1 << 30
        guard model == .v3 else {
            set(address: end - 0x1000, of: .gicAddressDistV2)
            return set(address: end - 0x3000, of: .gicAddressCpuV2)
        }
        let distributor = end - 0x1_0000
        set(address: distributor, of: .gicAddressDist)
        let frame = Checked<UInt64>(0x2_0000)
        let redistributors = Checked(distributor) - Checked(vcpuCount) * frame
        if let start = redistributors.value { set(address: start, of: .gicAddressRedist) }
        guard hasITS, let translator = (redistributors - frame).value else { return }
        set(address: translator, of: .address(ofITS: 0))
    }

    /// Adds what a vCPU has.
    /// - Returns: false for lists that are not known.
    fileprivate mutating func add(_ state: StateValue, _ model: GICModel, vcpu: Int) -> Bool {
        let redistributor = FirecrackerInterrupts.numbers(state["rdist"])
        let main = FirecrackerInterrupts.numbers(state["main_icc_regs"])
        let priorities = (state["ap_icc_regs"]?.elements ?? []).map {
            $0.some?.numbers?.values.first
        }
        guard model == .v3 else {
            guard Places.cpuInterface.fit(main), redistributor.isEmpty, priorities.isEmpty
            else { return false }
            add(Places.cpuInterface.words(main), of: .cpuInterface, vcpu: vcpu)
            return true
        }
        let places = [Places.redistributor, Places.oldRedistributor].first {
            $0.fit(redistributor)
        }
        guard let places, main.map(\.count) == Places.systemRegisters.map({ _ in 1 }),
            priorities.count == Places.priorities.count
        else { return false }
        add(places.words(redistributor), of: .redistributor, vcpu: vcpu)
        let ids = Places.systemRegisters + Places.priorities
        for (id, value) in zip(ids, main.map(\.first) + priorities) {
            if let value { add(value, ofSystemRegister: id.rawValue & 0xffff, vcpu: vcpu) }
        }
        return true
    }

    /// Adds the state of an ITS.
    fileprivate mutating func add(_ its: StateValue) {
        for (name, offset) in Self.offsetsOfITS { add(its[name]?.number ?? 0, ofITSAt: offset) }
        for (index, base) in (its["baser"]?.elements ?? []).enumerated() {
            add(base.number ?? 0, ofITSAt: Self.offset(ofITSTable: index))
        }
    }
}

/// Which registers the entries of a list are.
private struct Places {
    /// An entry of the list.
    private struct Entry {
        /// Of the first register; nil for what is no state: a status, or the clearing half of a pair.
        let offset: UInt64?
        /// How many words the entry has, two for a register of 64 bits.
        let count: Int
    }

    private let entries: [Entry]

    func fit(_ lists: [[UInt64]]) -> Bool { lists.map(\.count) == entries.map(\.count) }

    /// The words of the lists, each with its offset.
    func words(_ lists: [[UInt64]]) -> [(offset: UInt64, word: UInt32)] {
        zip(entries, lists).flatMap { entry, list in
            guard let first = entry.offset else { return [(offset: UInt64, word: UInt32)]() }
            return list.enumerated().map {
                (first + UInt64($0) << 2, UInt32(truncatingIfNeeded: $1))
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
            + [group, Entry(offset: 0x6100, count: 192), trigger] + activity)

    /// The last two are of SGIs as vCPU 0 has them.
    private static let ofDistributorV2 = Places(
        entries: [Entry(offset: 0, count: 1)] + enabling + [group, trigger] + activity
            + [Entry(offset: nil, count: 4), Entry(offset: nil, count: 4)])

    private static let control = Entry(offset: 0, count: 1)
    private static let others = [
        Entry(offset: nil, count: 1), Entry(offset: 0x14, count: 1),
        Entry(offset: 0x70, count: 2), Entry(offset: 0x78, count: 2),
    ]
    private static let banked =
        [Entry(offset: 0x10080, count: 1)] + pair(0x10100, 1)
        + [Entry(offset: 0x10c00, count: 2)] + pair(0x10200, 1) + pair(0x10300, 1)
        + [Entry(offset: 0x10400, count: 8)]

    static let redistributor = Places(entries: others + [control] + banked)
    /// As releases before 1.13 have it.
    static let oldRedistributor = Places(entries: [control] + others + banked)

    static let systemRegisters: [RegisterID] = [
        .iccSREEL1, .iccCTLREL1, .iccIGRPEN0EL1, .iccIGRPEN1EL1, .iccPMREL1, .iccBPR0EL1,
        .iccBPR1EL1,
    ]

    static let cpuInterface = Places(
        entries: [0, 4, 8, 0x1c, 0xd0, 0xd4, 0xd8, 0xdc].map { Entry(offset: $0, count: 1) })

    /// Active priorities, of which there may be fewer.
    static let priorities: [RegisterID] = [RegisterID.iccAP0R0EL1, .iccAP1R0EL1].flatMap { first in
        (0..<4).map { RegisterID(rawValue: first.rawValue + $0) }
    }
}
