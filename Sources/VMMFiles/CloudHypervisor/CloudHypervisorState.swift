internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import VCPUModel

/// `state.json` of cloud-hypervisor (Formats/cloud-hypervisor-state.md).
public enum CloudHypervisorState {
    /// The most bytes of such a file.
    public static let limit = 64 << 20
    /// What the file is called in the folder of a snapshot.
    public static let name = "state.json"

    /// What such a file never has.
    static let gaps = [
        "features of vCPUs", "events (VCPU_EVENTS)", "levels of interrupt lines",
        "identity of the interrupt controller", "address of stolen time (PVTIME_IPA)",
    ]

    /// Whether the JSON begins with a member of the root of such a file.
    public static func isBeginning(_ prefix: [UInt8]) -> Bool {
        JSONText.names(prefix, ["snapshots", "snapshot_data"])
    }

    /// Reads a whole file.
    /// - Throws: for what is not the state of an arm64 VM with KVM, and where it is damaged.
    public static func read(_ bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        let root = try JSONText.parse(bytes)
        let manager = try root.node("snapshots", "cpu-manager", "snapshots", of: "the file")
        var vcpus: [CloudHypervisorVCPU] = []
        for (name, node) in manager.members ?? [] {
            guard let index = NumberText.decimal(name).flatMap({ UInt32(exactly: $0) }) else {
                throw .damaged(
                    "cpu-manager", at: node.range.lowerBound, expected: "vCPUs by their numbers",
                    found: "\"\(name)\"")
            }
            vcpus.append(try CloudHypervisorVCPU(index, node))
        }
        guard !vcpus.isEmpty else { throw .contradiction("it has no vCPU") }
        vcpus.sort { $0.index < $1.index }
        var content = CloudHypervisorContent(vcpus: vcpus)
        try content.addController(root)
        content.addClock(root)
        return try content.state()
    }
}

/// What was found in such a file until now.
private struct CloudHypervisorContent {
    private let vcpus: [CloudHypervisorVCPU]
    private var words: InterruptWords?
    private var isControllerWrapped = false
    private var clock: [(RegisterID, UInt64)] = []
    private var hasClockMember = false
    private var remarks: [String] = []

    init(vcpus: [CloudHypervisorVCPU]) { self.vcpus = vcpus }

    mutating func addController(_ root: JSONValue) throws(VMMFileError) {
        guard let node = root["snapshots"]?["device-manager"]?["snapshots"]?["gic-v3-its"] else {
            return
        }
        let state = try node.innerState(of: "gic-v3-its")
        isControllerWrapped = state["Kvm"] != nil
        let registers = state["Kvm"] ?? state
        guard let lists = CloudHypervisorGIC(registers), lists.fits(vcpus.count) else {
            remarks.append("its interrupt controller is left out: it has lists of other lengths")
            return
        }
        words = lists.words(of: vcpus.count)
    }

    mutating func addClock(_ root: JSONValue) {
        guard let state = try? root.innerState(of: "the VM"), let members = state["clock"] else {
            return
        }
        hasClockMember = true
        let names: [(String, RegisterID)] = [
            ("cntvct", .clockCntvct), ("host_realtime_ns", .clockRealtime),
            ("cntfrq", .clockCntfrq),
        ]
        clock = names.compactMap { name, id in members[name]?.unsigned.map { (id, $0) } }
    }

    private var releases: String {
        if vcpus.contains(where: \.isOfBytes) { return "v35 to v38" }
        if hasClockMember || vcpus.contains(where: \.hasLateLists) { return "v53 or newer" }
        guard words != nil else { return "v39 to v52" }
        return isControllerWrapped ? "v50 to v52" : "v39 to v49"
    }

    func state() throws(VMMFileError) -> VMMState {
        var vm = words?.vm ?? RegisterList()
        for (id, value) in clock { vm.set(value, id) }
        var made: [VMMVCPU] = []
        for (place, vcpu) in vcpus.enumerated() {
            made.append(
                try VMMVCPU(
                    index: vcpu.index, registers: vcpu.registers, mpState: vcpu.mpState,
                    interrupts: words?.vcpus[place] ?? RegisterList()))
        }
        let lost = vcpus.contains(where: \.hasSVE) ? ["FPSR and FPCR of vCPUs with SVE"] : []
        return try VMMState(
            .cloudHypervisor, facts: [.init("releases", releases)], vcpus: made, vm: vm,
            gaps: CloudHypervisorState.gaps + (clock.isEmpty ? ["clock of the VM"] : []) + lost,
            remarks: remarks)
    }
}
