public import Registers
internal import TextFormats
public import Transfer
public import VCPUModel

/// What is to be changed: a snapshot, or vCPUs made on a host, and which of them are meant, and their VM.
public struct EditTarget {
    /// Which vCPUs are meant.
    public enum Selection: Sendable {
        /// All of them.
        case all
        /// That with this number.
        case one(UInt32)

        /// From `all` or a number; nil for another word.
        public init?(_ word: String) {
            if word == "all" {
                self = .all
            } else if let index = NumberText.decimal(word).flatMap({ UInt32(exactly: $0) }) {
                self = .one(index)
            } else {
                return nil
            }
        }
    }

    /// As the command line names it.
    public let location: Location
    /// The kernel whose KVM the vCPUs are of, where it is known.
    public var kernel: KernelVersion? { state.provenance.kernelVersion }

    /// The vCPUs that are meant, with their numbers.
    private let vcpus: [OpenVCPU]
    /// Whether they are all the target has.
    private let isWhole: Bool
    /// Where the result goes; nil where it is in no file.
    public let destination: Location?
    /// Whether the result is kept.
    public let isKept: Bool
    private let state: any OpenState

    /// Opens what is to be changed, and checks that nothing is lost by it.
    /// - Parameters:
    ///   - selection: nil where the only vCPU is meant.
    ///   - changesVCPUs: whether any is; else only what the VM has once.
    ///   - output: where the result goes instead of the file itself.
    ///   - keeps: whether it is kept at all; false for a trial.
    /// - Throws: where it cannot be opened or changed, has no such vCPU, or something would be lost.
    public init(
        _ location: Location, _ selection: Selection?, changesVCPUs: Bool = true,
        output: Location?, keeps: Bool = true, _ options: SourceOptions
    ) throws(SourceError) {
        guard location != .standardStream || output != nil || !keeps else {
            throw SourceError(
                "the report goes to standard output: give --output a file for the snapshot, or -")
        }
        if let output {
            try output.checkOutput(.binary, keeping: location.lostByItsChange(in: output))
        }
        self.location = location
        isKept = keeps
        destination = keeps ? output ?? (location.isFile ? location : nil) : nil
        let identity = location.identity
        let isInPlace = output.map { identity != nil && $0.identity == identity } ?? true
        state = try location.open(.edit(keeps: isInPlace && keeps), options)
        let all = state.vcpus
        vcpus = changesVCPUs ? try Self.vcpus(all, selection, of: location) : []
        isWhole = vcpus.count == all.count
    }

    private static func vcpus(
        _ all: [OpenVCPU], _ selection: Selection?, of location: Location
    ) throws(SourceError) -> [OpenVCPU] {
        let title = UnitNumbers(all.map(\.index)).title
        guard !all.isEmpty else { throw Snapshot.hasNoVCPU(location, to: "change") }
        switch selection {
        case .all: return all
        case .one(let index):
            let vcpus = all.filter { $0.index == index }
            guard !vcpus.isEmpty else {
                throw SourceError("\(location.text) has no such vCPU; it has \(title)")
            }
            return vcpus
        case nil:
            guard all.count == 1 else {
                throw SourceError(
                    "\(location.text) has \(title): name one with --vcpu, or --vcpu all")
            }
            return all
        }
    }

    /// What the vCPUs that are meant were made with; nil where none of them tells it.
    var madeFeatures: VCPUFeatures? {
        vcpus.lazy.compactMap { try? $0.bank.read(.vcpuInit) }.compactMap { VCPUInit($0) }.first?
            .features
    }

    /// Makes sure that an assignment does not make vCPUs differ in what all vCPUs of a VM have alike.
    /// - Throws: where it would.
    package func checkAlike(
        _ assignments: [RegisterAssignment], _ preset: CPUPreset?
    ) throws(SourceError) {
        guard !isWhole else { return }
        let banks = vcpus.map(\.bank)
        let first = try banks.first.map { (bank) throws(SourceError) in
            try SourceError.naming(location.text) { () throws(EditError) in
                try preset?.assignments(in: bank) ?? []
            }
        }
        let wanted = (first ?? []) + assignments
        let assignment = wanted.first { one in banks.contains { one.changesWhatIsAlike(in: $0) } }
        guard let assignment else { return }
        let field = assignment.field.map { ".\($0.name)" } ?? ""
        throw SourceError(
            "all vCPUs of a VM have \(assignment.register.name)\(field) alike: give --vcpu all, or --force "
                + "to make them differ")
    }

    /// What the VM has once; nil for nothing.
    public var vm: (any RegisterBank)? { state.vm }

    /// Makes a change in each vCPU that is meant.
    ///
    /// A change that the target does not take is no error.
    /// - Throws: where the change cannot be made.
    public func edit(
        _ edit: (any RegisterBank) throws(EditError) -> VCPUEdit
    ) throws(SourceError) -> [(unit: UnitID, edit: VCPUEdit)] {
        try vcpus.map { (vcpu) throws(SourceError) -> (unit: UnitID, edit: VCPUEdit) in
            (.vcpu(vcpu.index), try change(.vcpu(vcpu.index), vcpu.bank, edit))
        }
    }

    /// Makes a change in what the VM has once.
    ///
    /// A change that the target does not take is no error.
    /// - Throws: where the change cannot be made, or the VM has no such state.
    public func editVM(
        _ edit: (any RegisterBank) throws(EditError) -> VCPUEdit
    ) throws(SourceError) -> [(unit: UnitID, edit: VCPUEdit)] {
        guard let vm else {
            throw SourceError(
                "\(location.text) has no state of the VM itself, such as an interrupt controller: vcpusnap show lists "
                    + "what it has")
        }
        return [(.vm, try change(.vm, vm, edit))]
    }

    private func change(
        _ unit: UnitID, _ bank: any RegisterBank,
        _ edit: (any RegisterBank) throws(EditError) -> VCPUEdit
    ) throws(SourceError) -> VCPUEdit {
        try SourceError.naming("\(location.text), \(unit)") { () throws(EditError) in
            try edit(bank)
        }
    }

    /// Keeps the result where it is to go.
    /// - Returns: what the target then holds.
    /// - Throws: where the registers cannot be read, or the result cannot be written.
    public func finish() throws(SourceError) -> Snapshot {
        let result = try state.capture().snapshot
        try state.letGo()
        if let destination { try state.write(result, to: destination) }
        return result
    }
}
