internal import Emulation
internal import LinuxSystem
internal import Registers
internal import Transfer
internal import VCPUModel

/// The SOURCE of a command: a snapshot file, or vCPUs of a host in their reset state.
struct SnapshotSource {
    private let location: Location
    private let choice: StreamChoice
    /// Whether a VM that runs is read again until no vCPU is in the middle of an exit.
    var isSettling = false
    /// Whether a process that a seccomp filter watches is attached to all the same.
    var takesFilterRisk = false

    init(_ location: Location, _ choice: StreamChoice = StreamChoice()) {
        self.location = location
        self.choice = choice
    }

    /// Whether it is a file or pipe with the state of vCPUs.
    var isGuestFile: Bool {
        switch location {
        case .file: location.profilePath == nil
        case .standardStream: true
        case .kvm, .emulated, .qmp, .process: false
        }
    }

    /// The snapshot, and the registers a host listed but did not let us read.
    /// - Parameter vcpus: how many to make where the source is a host.
    func read(
        vcpus: Int = 1
    ) throws -> (snapshot: Snapshot, unreadable: [UnreadableRegister]) {
        if !isGuestFile { try choice.checkUnused(by: location, which: "no file with a stream") }
        if let path = location.profilePath { return (try Self.snapshot(ofProfile: path), []) }
        if case .qmp(let socket) = location { return try RunningVM(socket).capture() }
        if case .process(let process, let vm) = location {
            return try RunningProcess(
                process, vm: vm, location.text, takesFilterRisk: takesFilterRisk
            ).capture(settling: isSettling)
        }
        guard let host = location.host else {
            return try GuestFile(location, choice).snapshot()
        }
        let made = try HostMachine.make(host, vcpus: vcpus)
        try made.initialise()
        return try Self.capture(made.banks, made.provenance.from(location))
    }

    /// The same, where what could not be read is said on standard error and no more is made of it.
    func snapshot() throws -> Snapshot {
        reporting(try read())
    }

    /// The same of a file that was opened.
    func snapshot(of file: GuestFile) throws -> Snapshot {
        reporting(try file.snapshot())
    }

    private func reporting(
        _ result: (snapshot: Snapshot, unreadable: [UnreadableRegister])
    ) -> Snapshot {
        for register in result.unreadable { register.report(from: location) }
        return result.snapshot
    }

    /// A fresh vCPU of a profile's host, with everything else the profile says as provenance.
    private static func snapshot(ofProfile path: String) throws -> Snapshot {
        let profile = try ProfileFile.load(path)
        let made = try HostMachine.make(.emulated(path), vcpus: 1)
        try made.initialise()
        var snapshot = try capture(made.banks, made.provenance).snapshot
        snapshot.provenance[Provenance.Key(rawValue: "rules-of")] = profile.rulesRelease
        for name in profile.features.names {
            snapshot.provenance[.feature(name)] = "1"
        }
        for (id, mask) in profile.writableMasks.sorted(by: { $0.key < $1.key }) {
            snapshot.provenance[.writableMask(id)] = RegisterValue(mask).description
        }
        return snapshot
    }

    /// Reads all banks into one snapshot.
    /// - Parameter indices: the vCPUs' numbers; nil where they count from 0.
    static func capture(
        _ banks: [any RegisterBank], _ provenance: Provenance, indices: [UInt32]? = nil
    ) throws(RegisterBankError) -> (snapshot: Snapshot, unreadable: [UnreadableRegister]) {
        var snapshot = Snapshot(provenance: provenance, vcpus: [])
        var unreadable: [UnreadableRegister] = []
        for (position, bank) in banks.enumerated() {
            let index = indices?[position] ?? UInt32(clamping: position)
            let capture = try Capture(of: bank, index: index)
            snapshot.vcpus.append(capture.state)
            unreadable += capture.unreadable.map { UnreadableRegister(vcpu: index, error: $0) }
        }
        return (snapshot, unreadable)
    }
}

/// A register that a source lists and does not let us read.
struct UnreadableRegister {
    /// The vCPU's number.
    var vcpu: UInt32
    var error: RegisterBankError

    /// Says so on standard error.
    func report(from source: Location) {
        StandardError.write("vcpusnap: \(source.text): vCPU \(vcpu): \(error)\n")
    }
}

extension Provenance {
    /// The same, with the host that was read.
    func from(_ location: Location) -> Provenance {
        var result = self
        result[.source] = location.text
        return result
    }
}
