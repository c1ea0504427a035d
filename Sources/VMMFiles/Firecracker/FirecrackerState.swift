internal import Registers
internal import TextFormats
internal import VCPUModel

/// What was read of a file of Firecracker, before it is known how it was found.
struct FirecrackerState {
    private let tree: StateValue?
    private let vcpus: [VMMVCPU]
    private let interrupts: FirecrackerInterrupts
    /// Nil where none fits.
    private var layout: FirecrackerLayout?
    private var releases: String?

    /// - Parameter tree: in any layout.
    /// - Throws: where the values contradict each other.
    init(_ tree: StateValue) throws(VMMFileError) {
        let gic = tree["vm_state"]?["gic"]
        interrupts = FirecrackerInterrupts(gic)
        let states = tree[FirecrackerLayout.vcpus]?.elements ?? []
        let known = gic?["gic_vcpu_states"]?.elements.count ?? 0
        guard known == states.count else {
            throw .contradiction(
                "it has \(states.count) vCPUs, and its interrupt controller has \(known)")
        }
        vcpus = try Self.vcpus(states, interrupts)
        self.tree = tree
    }

    /// - Parameter states: of vCPUs that were found by search; some may have nothing but `regs`.
    /// - Throws: where the values contradict each other.
    init(found states: [StateValue]) throws(VMMFileError) {
        tree = nil
        interrupts = FirecrackerInterrupts(nil)
        vcpus = try Self.vcpus(states, interrupts)
    }

    /// The same, with where it was found.
    func found(in layout: FirecrackerLayout, writtenBy releases: String?) -> FirecrackerState {
        var result = self
        result.layout = layout
        result.releases = releases
        return result
    }

    private static func vcpus(
        _ states: [StateValue], _ interrupts: FirecrackerInterrupts
    ) throws(VMMFileError) -> [VMMVCPU] {
        guard !states.isEmpty else { throw .contradiction("it has no vCPU") }
        try VMMFileLimits.check(states.count, VMMFileLimits.vcpus, "vCPUs")
        var result: [VMMVCPU] = []
        for (index, state) in states.enumerated() {
            let features = try initialization(state["kvi"])
            result.append(
                try VMMVCPU(
                    index: UInt32(truncatingIfNeeded: index),
                    registers: try registers(state["regs"] ?? .list([]), of: index),
                    mpState: state["mp_state"].map { mpState($0) }, initialization: features,
                    mpidr: state["mpidr"]?.number, stolenTime: state["pvtime_ipa"]?.some?.number,
                    interrupts: interrupts.ofVCPU(index)))
        }
        return result
    }

    private static func mpState(_ value: StateValue) -> UInt32 {
        UInt32(truncatingIfNeeded: value.number ?? littleEndian(value, 4).lowBits)
    }

    /// Bytes with a length, of which missing ones are zero and those behind `size` are ignored.
    private static func littleEndian(_ value: StateValue, _ size: Int) -> RegisterValue {
        let bytes = (value.numbers?.values ?? []).prefix(size).map { UInt8(truncatingIfNeeded: $0) }
        let missing = repeatElement(UInt8(0), count: size - bytes.count)
        return RegisterValue(littleEndian: bytes + missing) ?? RegisterValue(0)
    }

    /// Nil where nothing is told.
    private static func initialization(_ value: StateValue?) throws(VMMFileError) -> VCPUInit? {
        guard let value else { return nil }
        guard case .optional(let words) = value else { return VCPUInit(littleEndian(value, 32)) }
        // The preferred target of the host and PSCI alone.
        guard let words else { return VCPUInit(features: .psci02) }
        let target = words["target"]?.number ?? 0
        let features = (words["features"]?.elements ?? []).compactMap(\.number)
        let bytes = ([target] + features).flatMap { RegisterValue($0, size: 4).littleEndianBytes }
        return RegisterValue(littleEndian: bytes).flatMap { VCPUInit($0) }
    }

    private static func registers(
        _ value: StateValue, of vcpu: Int
    ) throws(VMMFileError) -> [VMMRegister] {
        let ids = value["ids"]?.numbers ?? .init(values: [], width: 8, start: nil)
        let data = value["data"]?.numbers ?? .init(values: [], width: 1, start: nil)
        try VMMFileLimits.check(
            ids.values.count, VMMFileLimits.registers, "registers of vCPU \(vcpu)")
        var rest = data.values[...]
        var result: [VMMRegister] = []
        for (index, number) in ids.values.enumerated() {
            let id = RegisterID(rawValue: number)
            let place = ids.start.map { $0 + index * 8 }
            guard let size = id.size, id.architecture == .arm64 else {
                throw .damaged(
                    "registers of vCPU \(vcpu)", at: place, expected: "an id of KVM", found: id.hex)
            }
            let bytes = rest.prefix(size).map { UInt8(truncatingIfNeeded: $0) }
            let start = data.start.map { $0 + rest.startIndex }
            guard bytes.count == size, let value = RegisterValue(littleEndian: bytes),
                let register = VMMRegister(id, value, at: start.map { $0..<$0 + size })
            else {
                throw .damaged(
                    "values of vCPU \(vcpu)", at: start, expected: "\(size) bytes for \(id.label)",
                    found: "\(bytes.count)")
            }
            rest = rest.dropFirst(size)
            result.append(register)
        }
        guard rest.isEmpty else {
            throw .damaged(
                "values of vCPU \(vcpu)", at: data.start.map { $0 + rest.startIndex },
                expected: "the end", found: "\(rest.count) bytes more than its registers have")
        }
        return result
    }

    // MARK: As a state of any VMM

    func state(of header: FirecrackerHeader, _ checksum: UInt64) throws(VMMFileError) -> VMMState {
        try VMMState(
            .firecracker, facts: facts(header, checksum), vcpus: vcpus, vm: interrupts.vm,
            gaps: [
                "pending SError (VCPU_EVENTS)", "levels of interrupt lines (GIC_LINE_LEVEL)",
                "time at which it was saved",
            ], remarks: remarks(header) + interrupts.remarks + strangers)
    }

    private func facts(_ header: FirecrackerHeader, _ checksum: UInt64) -> [VMMState.Fact] {
        let template = tree?["vm_info"]?["cpu_template"]?.number.flatMap { Int(exactly: $0) }
        let modifiers = (tree?["kvm_state"] ?? tree?["vm_state"])?["kvm_cap_modifiers"]?.elements
        let texts: [(String, String?)] = [
            ("version", header.version), ("releases", releases ?? "none that is known"),
            ("codec", header.codec.rawValue),
            ("layout", layout?.rawValue ?? "none that is known"), ("checksum", checksum.hex),
            ("memory", tree?["vm_info"]?["mem_size_mib"]?.number.map { "\($0) MiB" }),
            ("cpu-template", template.map { FirecrackerLayout.templates[$0] }),
            (
                "capabilities",
                modifiers.flatMap { list in
                    list.isEmpty ? nil : list.compactMap(\.text).joined(separator: " ")
                }
            ),
        ]
        return texts.compactMap { name, value in value.map { VMMState.Fact(name, $0) } }
    }

    private func remarks(_ header: FirecrackerHeader) -> [String] {
        guard layout == nil else { return [] }
        return [
            "no layout that is known fits this file of version \(header.version): its vCPUs were found by the ids of "
                + "their registers"
        ]
    }

    /// vCPUs whose MPIDR_EL1 is not the one by which their interrupt controller was saved.
    private var strangers: [String] {
        vcpus.filter { vcpu in
            guard let known = vcpu.mpidr, let held = vcpu.state.registers[.mpidrEL1]?.lowBits
            else { return false }
            return known != held
        }.map {
            "vCPU \($0.index) has another MPIDR_EL1 than its interrupt controller knows it by, \(($0.mpidr ?? 0).hex)"
        }
    }
}
