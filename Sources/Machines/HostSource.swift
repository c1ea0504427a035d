internal import LinuxSystem
package import Registers
internal import TextFormats
package import VCPUModel

/// A host as a source: its vCPUs are made for the command, and their state is that after a reset.
package protocol HostSource: NamedSource {
    /// Makes vCPUs that are not initialized yet, as `KVM_CREATE_VCPU` leaves them.
    /// - Parameter capabilities: enabled on their VM first, those that the host has.
    /// - Throws: where the host cannot be reached, or cannot make so many.
    func makeVCPUs(
        _ count: Int, enabling capabilities: [KVMCapability], _ options: SourceOptions
    ) throws(SourceError) -> MadeVCPUs
}

extension SourceOption {
    /// How many vCPUs to make.
    public static let vcpus = SourceOption(
        "--vcpus", value: "vcpus", bearer: "host", subject: "vCPUs that are made for the command",
        help: """
            The number of vCPUs to make where the SOURCE is a host \
            (\(SourceOptions.vcpuCounts.lowerBound) to \(SourceOptions.vcpuCounts.upperBound); 1).
            """)
}

extension SourceOption {
    /// Which interrupt controller to make.
    public static let gic = SourceOption(
        "--gic", value: "model", bearer: "host", subject: "VMs that are made for the command",
        help: """
            The interrupt controller to make where the SOURCE is a host, v2 or v3; it is saved, too, and so are the clock and \
            the device attributes. A restore makes the one that was saved.
            """)
}

extension SourceOption {
    /// How the clock is set.
    public static let counterOffset = SourceOption(
        "--counter-offset", bearer: "KVM of this machine",
        subject: "VMs that are made for the command",
        help: """
            Set the clock by KVM_ARM_SET_COUNTER_OFFSET (\(KVMCapability.originOfCounterOffset)): both counters get the virtual count, nobody can see \
            afterward that it was used, and what is written to counters later is ignored.
            """)
}

extension SourceOptions {
    /// The model that `--gic` names; nil where it was not given.
    /// - Throws: for what is no model.
    package var gicModel: GICModel? {
        get throws(SourceError) {
            switch self[.gic] {
            case nil: nil
            case "v2": .v2
            case "v3": .v3
            case let text?:
                throw SourceError(
                    "\(SourceOption.gic.name) takes v2 or v3, not \(Shown.line(text))")
            }
        }
    }

    /// What `--vcpus` takes: KVM on arm64 makes at most 512.
    public static let vcpuCounts = 1...512

    /// How many vCPUs to make: as many as `--vcpus` says, or one.
    /// - Throws: for what is no such number.
    public var vcpuCount: Int {
        get throws(SourceError) {
            guard let text = self[.vcpus] else { return 1 }
            guard let count = NumberText.decimal(text).flatMap({ Int(exactly: $0) }),
                Self.vcpuCounts ~= count
            else {
                throw SourceError(
                    "\(SourceOption.vcpus.name) takes a number from \(Self.vcpuCounts.lowerBound) to "
                        + "\(Self.vcpuCounts.upperBound), not \(Shown.line(text))")
            }
            return count
        }
    }
}

extension HostSource {
    /// The reset state of fresh vCPUs: as many as `--vcpus` says, or one, made with the host's usual features.
    /// - Throws: where the vCPUs cannot be made or listed.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        let made = try makeVCPUs(try options.vcpuCount, enabling: [], options)
        try made.initialize()
        return try made.from(Location(self)).capture()
    }

    /// Makes vCPUs to write to.
    ///
    /// For a restore there are as many as the snapshot has, under its numbers and not initialized yet (its `VCPU_INIT`
    /// does that). For an edit there is one, already initialized. On their VM `KVMCapability.ofWritableRegisters` are
    /// enabled, whatever is going to be written: by themselves they change nothing of vCPUs that never run.
    /// - Throws: where the vCPUs cannot be made.
    package func open(
        _ purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState {
        let enabled = KVMCapability.ofWritableRegisters
        switch purpose {
        case .restore(let snapshot, _):
            return try makeVCPUs(snapshot.vcpus.count, enabling: enabled, options)
                .from(Location(self), as: snapshot.vcpus.map(\.index), enabled: enabled)
        case .edit:
            let made = try makeVCPUs(1, enabling: enabled, options)
            try made.initialize()
            return made.from(Location(self), enabled: enabled)
        }
    }
}

/// vCPUs that were made on a host for one command.
package final class MadeVCPUs: OpenState {
    /// Numbered from 0, or as in the snapshot that they were made for.
    package private(set) var vcpus: [OpenVCPU]
    /// The state that their VM has once; nil where it has none that can be told.
    package let vm: (any RegisterBank)?
    /// What is known of the host: kernel, MIDR, capabilities, counter frequency.
    package private(set) var provenance: Provenance
    /// The version of the host's kernel, or that whose rules a profile says its KVM follows.
    ///
    /// Nil where the release contains no version.
    package let kernel: KernelVersion?
    /// The capabilities that were asked for on the VM; KVM enabled those that it has.
    ///
    /// Empty for what is only read.
    package private(set) var enabled: [KVMCapability] = []
    /// What `VCPU_INIT` is written with when nobody says otherwise.
    private let defaultInit: VCPUInit

    /// - Parameters:
    ///   - banks: numbered from 0.
    ///   - vm: the state that their VM has once.
    ///   - defaultInit: with all features that an ordinary guest can use on the host.
    package init(
        _ banks: [any RegisterBank], vm: (any RegisterBank)? = nil, provenance: Provenance,
        kernel: KernelVersion?, defaultInit: VCPUInit
    ) {
        self.vm = vm
        vcpus = banks.enumerated().map {
            OpenVCPU(index: UInt32(clamping: $0.offset), bank: $0.element)
        }
        self.provenance = provenance
        self.kernel = kernel
        self.defaultInit = defaultInit
    }

    /// Gives every vCPU its reset state.
    /// - Throws: where one cannot be initialized.
    package func initialize() throws(SourceError) {
        for vcpu in vcpus {
            try SourceError.passing { try vcpu.bank.initialize(with: defaultInit) }
        }
    }

    /// The same, known as what the command line names.
    /// - Parameter indices: the numbers of the vCPUs, where they are not counted from 0.
    fileprivate func from(
        _ location: Location, as indices: [UInt32]? = nil, enabled: [KVMCapability] = []
    ) -> MadeVCPUs {
        provenance[.source] = location.text
        self.enabled = enabled
        if let indices {
            vcpus = zip(indices, vcpus).map { OpenVCPU(index: $0, bank: $1.bank) }
        }
        return self
    }
}

extension Provenance {
    /// What is known of a host on which vCPUs were made.
    package init(
        kernel: String, midr: UInt64?, counterFrequency: UInt64?,
        capabilities: [(name: String, value: Int)], tool: String
    ) {
        self.init()
        self[.tool] = tool
        self[.time] = SystemClock.utcTimestamp()
        setHost(kernel: kernel, midr: midr, counterFrequency: counterFrequency)
        for (name, value) in capabilities
        where value != 0 && KVMCapability.named(name)?.isOfState == true {
            self[.capability(name)] = String(value)
        }
    }
}
