internal import Registers
internal import VCPUModel

/// The state of an interrupt controller, as a VMM got it from KVM: by offsets and encodings.
///
/// Left out is what has no register (Formats/gic-and-clock.md, section 2): registers that clear what others set, and
/// STATUSR, which is 0 with KVM.
struct InterruptWords {
    private let model: GICModel
    private(set) var vm = RegisterList()
    private(set) var vcpus: [RegisterList]

    init(_ model: GICModel, vcpuCount: Int) {
        self.model = model
        vcpus = Array(repeating: RegisterList(), count: vcpuCount)
        vm.set(UInt64(model.rawValue), .gicModel)
        vm.setWhatKVMHides()
    }

    /// Adds the words of one frame: two that stand in one register of 64 bits are one.
    /// - Parameters:
    ///   - vcpu: whose frame it is, by its place among the vCPUs; what the VM has once goes to the VM.
    ///   - limit: registers of this interrupt and those behind it are left out.
    mutating func add(
        _ words: [(offset: UInt64, word: UInt32)], of group: DeviceAttribute.GICGroup,
        vcpu: Int? = nil, upTo limit: UInt64 = 1024
    ) {
        var upper: [UInt64: UInt32] = [:]
        for (offset, word) in words where offset % 8 == 4 { upper[offset] = word }
        for (offset, word) in words {
            guard let id = id(of: DeviceAttribute(group, offset)), (id.lowestINTID ?? 0) < limit
            else { continue }
            let high = id.size == 8 ? UInt64(upper[offset | 4] ?? 0) << 32 : 0
            set(high | UInt64(word), for: id, vcpu)
        }
    }

    /// The registers of each model by their attributes.
    private static let known: [GICModel: [DeviceAttribute: RegisterID]] = {
        var result: [GICModel: [DeviceAttribute: RegisterID]] = [:]
        for model in GICModel.allCases {
            let ids = model.vcpuRegisters + model.vmRegisters
            let pairs = ids.compactMap { id in id.deviceAttribute.map { ($0, id) } }
            result[model] = Dictionary(pairs) { first, _ in first }
        }
        return result
    }()

    /// Nil for what is no register of this model.
    private func id(of attribute: DeviceAttribute) -> RegisterID? {
        Self.known[model]?[attribute]
    }

    /// Adds a register of a vCPU's CPU interface.
    mutating func add(_ value: UInt64, ofSystemRegister encoding: UInt64, vcpu: Int) {
        guard let id = id(of: DeviceAttribute(.systemRegisters, encoding)) else { return }
        set(value, for: id, vcpu)
    }

    /// The registers of an ITS, as VMMs call them, but for its tables.
    static let offsetsOfITS: [(name: String, offset: UInt64)] = [
        ("ctlr", 0), ("iidr", 4), ("cbaser", 0x80), ("cwriter", 0x88), ("creadr", 0x90),
    ]

    /// Of GITS_BASER, by its number.
    static func offset(ofITSTable number: Int) -> UInt64 { 0x100 | UInt64(number) << 3 }

    /// Adds a register of the first ITS.
    mutating func add(_ value: UInt64, ofITSAt offset: UInt64) {
        guard let id = RegisterID(DeviceAttribute(ofITS: 0, at: offset)),
            GICModel.registers(ofITS: 0).contains(id)
        else { return }
        vm.set(value, id)
    }

    /// Says where the guest finds a part of the controller.
    mutating func set(address: UInt64, of id: RegisterID?) {
        guard let id else { return }
        vm.set(address, id)
    }

    private mutating func set(_ bits: UInt64, for id: RegisterID, _ vcpu: Int?) {
        if case .vm = id.group {
            // What all redistributors have is told of the first.
            if !vm.contains(id) { vm.set(bits, id) }
        } else if let vcpu, vcpus.indices.contains(vcpu) {
            vcpus[vcpu].set(bits, id)
        }
    }

    /// Says how many interrupts the controller has, which the registers show.
    mutating func setInterruptCount() {
        let blocks = (1..<UInt64(32)).filter { block in
            RegisterID(DeviceAttribute(.distributor, 0x100 | block << 2)).map(vm.contains) == true
        }
        guard let last = blocks.last else { return }
        vm.set((last + 1) << 5, .gicNrIrqs)
    }
}
