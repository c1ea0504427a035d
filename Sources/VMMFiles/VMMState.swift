public import Registers
public import VCPUModel

/// A program that keeps the state of a VM in files of its own.
public enum VMM: String, CaseIterable, Hashable, Sendable {
    /// Firecracker, whose files begin with a magic number and a version.
    case firecracker = "Firecracker"
    /// libkrun, also as smolvm has it.
    case libkrun = "libkrun"
    /// cloud-hypervisor, whose snapshot is a folder with JSON.
    case cloudHypervisor = "cloud-hypervisor"
    /// crosvm, whose snapshot is a folder with a file for each vCPU.
    case crosvm = "crosvm"
    /// Whatever wrote a text with registers.
    case dump = "dump of registers"
}

/// What a file of a VMM tells of its VM.
///
/// A reader makes it of the bytes; everything else about such files, whatever VMM wrote them, is made of it: `snapshot` is
/// what vcpusnap compares and restores, `vcpus` what the VMM itself does with them, in its order.
public struct VMMState: Hashable, Sendable {
    /// Something that the file says of itself, such as its version.
    public struct Fact: Hashable, Sendable {
        /// One word, which is a part of a key in the snapshot's provenance: `version`.
        public var name: String
        /// One line: `10.0.0`.
        public var value: String

        /// A fact by its name.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The program that wrote the file.
    public var vmm: VMM
    /// What the file says of itself: its version, the releases that wrote such files, how it was read.
    public var facts: [Fact]
    /// In ascending order of their numbers.
    public var vcpus: [VMMVCPU]
    /// What the VM has once: registers of its interrupt controller and its clock; empty where the file tells nothing of it.
    public var vm: RegisterList
    /// What files of this VMM never have, in words that follow "has no".
    public var gaps: [String]
    /// What is odd about this file, a sentence each; whoever reads it is told.
    public var remarks: [String]

    /// The state of a VM; by default with nothing but its vCPUs.
    /// - Throws: for more vCPUs than `VMMFileLimits.vcpus`, and where their numbers do not ascend.
    public init(
        _ vmm: VMM, facts: [Fact], vcpus: [VMMVCPU], vm: RegisterList = RegisterList(),
        gaps: [String] = [], remarks: [String] = []
    ) throws(VMMFileError) {
        try VMMFileLimits.check(vcpus.count, VMMFileLimits.vcpus, "vCPUs")
        guard zip(vcpus, vcpus.dropFirst()).allSatisfy({ $0.index < $1.index }) else {
            throw .contradiction("the numbers of its vCPUs do not ascend")
        }
        self.vmm = vmm
        self.facts = facts
        self.vcpus = vcpus
        self.vm = vm
        self.gaps = gaps
        self.remarks = remarks
    }

    /// What the file says under a name; nil where it says nothing.
    public func fact(_ name: String) -> String? { facts.first { $0.name == name }?.value }

    /// The same as KVM would tell it, with what the file says of itself in the provenance, under keys that begin with
    /// `file.`.
    public var snapshot: Snapshot {
        var provenance = Provenance()
        provenance[.vmm] = vmm.rawValue
        for fact in facts { provenance[Provenance.Key(rawValue: "file." + fact.name)] = fact.value }
        let states = vcpus.map(\.state)
        let midrs = Set(states.compactMap { $0.registers[.midrEL1]?.description })
        provenance[.midr] = midrs.count == 1 ? midrs.first : nil
        return Snapshot(provenance: provenance, vcpus: states, vm: vm)
    }
}

/// A register in a file of a VMM.
public struct VMMRegister: Hashable, Sendable {
    /// KVM's id for it, whatever the file calls it.
    public let id: RegisterID
    /// Of the size that the id says.
    public let value: RegisterValue
    /// The bytes of the file that hold the value; nil where they hold others, too.
    public let place: Range<Int>?

    /// - Returns: nil for an id of no register that KVM could list, and for a value of another size.
    public init?(_ id: RegisterID, _ value: RegisterValue, at place: Range<Int>? = nil) {
        guard id.architecture == .arm64, id.size == value.size else { return nil }
        self.id = id
        self.value = value
        self.place = place
    }
}

/// A vCPU in a file of a VMM.
public struct VMMVCPU: Hashable, Sendable {
    /// Its number.
    public let index: UInt32
    /// In the order in which they stand in the file, each once.
    public let registers: [VMMRegister]
    /// `struct kvm_mp_state`; nil where the file does not tell it.
    public let mpState: UInt32?
    /// What `KVM_ARM_VCPU_INIT` got; nil where the file does not tell it.
    public let initialization: VCPUInit?
    /// The MPIDR_EL1 by which the file's interrupt controller knows it; nil where the file tells none.
    public let mpidr: UInt64?
    /// Where the guest's record of stolen time is; nil where it has none.
    public let stolenTime: UInt64?
    /// Its part of the interrupt controller.
    public let interrupts: RegisterList
    /// All of that by its ids, in ascending order.
    public let state: VCPUState

    /// A vCPU; by default the file tells nothing but its registers.
    /// - Throws: for more registers than `VMMFileLimits.registers`, and for one that stands there twice.
    public init(
        index: UInt32, registers: [VMMRegister], mpState: UInt32? = nil,
        initialization: VCPUInit? = nil, mpidr: UInt64? = nil, stolenTime: UInt64? = nil,
        interrupts: RegisterList = RegisterList()
    ) throws(VMMFileError) {
        try VMMFileLimits.check(
            registers.count, VMMFileLimits.registers, "registers of vCPU \(index)")
        var sorted = registers
        // KVM lists most registers in ascending order.
        sorted.sort { $0.id < $1.id }
        if let twice = zip(sorted, sorted.dropFirst()).first(where: { $0.id == $1.id }) {
            throw .damaged(
                "vCPU \(index)", at: twice.1.place?.lowerBound, expected: "each register once",
                found: "\(twice.1.id.label) twice")
        }
        self.index = index
        self.registers = registers
        self.mpState = mpState
        self.initialization = initialization
        self.mpidr = mpidr
        self.stolenTime = stolenTime
        self.interrupts = interrupts
        var list =
            RegisterList(ids: sorted.map(\.id), values: sorted.map(\.value)) ?? RegisterList()
        for (id, value) in interrupts { list.set(value, for: id) }
        list.addOutsideList(mpState, initialization, stolenTime)
        state = VCPUState(index: index, registers: list)
    }
}

extension RegisterList {
    /// What KVM keeps outside its list: where the file does not tell the features, those that the registers show.
    fileprivate mutating func addOutsideList(
        _ mpState: UInt32?, _ initialization: VCPUInit?, _ stolenTime: UInt64?
    ) {
        let request = initialization ?? VCPUInit(features: featuresShown)
        set(request.value, for: .vcpuInit)
        if let finalized = request.features.finalizedValue { set(finalized, for: .vcpuFinalized) }
        if let mpState { set(RegisterValue(UInt64(mpState), size: 4), for: .mpState) }
        if let stolenTime { set(RegisterValue(stolenTime), for: .pvtimeIpa) }
    }

    private var featuresShown: VCPUFeatures {
        let shown = VCPUFeatures { self[$0]?.lowBits }.union(.psci02)
        return contains(.z(0)) ? shown.union(.sve) : shown
    }
}
