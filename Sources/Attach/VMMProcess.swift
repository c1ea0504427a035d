internal import CLinux
public import LinuxSystem
public import Registers

/// A process that has KVM VMs open, as `/proc` shows it.
///
/// Finding it attaches to nothing.
public struct VMMProcess: Hashable, Sendable {
    /// A vCPU, by the descriptor that its process has of it.
    public struct VCPUDescriptor: Hashable, Sendable {
        /// The number it was made with (`KVM_CREATE_VCPU`).
        public var index: Int
        /// Its number in the process (`/proc/PID/fd`), where it may have copies.
        public var descriptor: Int

        /// A vCPU whose number and descriptor are known.
        public init(index: Int, descriptor: Int) {
            self.index = index
            self.descriptor = descriptor
        }
    }

    /// An interrupt controller of KVM, by the descriptors that its process has.
    public struct Controller: Hashable, Sendable {
        /// Its type.
        public var model: GICModel
        /// Its number in the process.
        public var descriptor: Int
        /// Those of its ITSs, in ascending order.
        public var translators: [Int] = []
    }

    /// A VM with at least one vCPU.
    public struct VM: Hashable, Sendable {
        /// Its number in the process; -1 when the process has closed it and kept its vCPUs.
        public var descriptor: Int
        /// By ascending index.
        public var vcpus: [VCPUDescriptor]
        /// Nil for a VM without one, and where the process has closed it.
        public internal(set) var controller: Controller?

        init(descriptor: Int, vcpus: [VCPUDescriptor]) {
            self.descriptor = descriptor
            self.vcpus = vcpus
        }
    }

    /// The process's id, as `/proc` shows it.
    public var process: Int
    /// What the process is called (`/proc/PID/comm`): at most 15 bytes, which it can change.
    public var name: String
    /// In ascending order of descriptor; never empty.
    public var vms: [VM]
    /// Whether a VM seems to have a vCPU twice: then some belong to another VM, and nothing tells which.
    public private(set) var isAmbiguous = false

    /// Looks at the process of this id.
    /// - Throws: `noVCPU` when it has no VM with vCPUs, `noSuchProcess`, or `notPermitted` when its descriptors may
    ///   not be seen.
    public init(process: Int) throws(AttachError) {
        let files = ProcessFiles(process: process)
        let descriptors = files.descriptors()
        if let vmm = VMMProcess(process: process, name: files.name(), descriptors ?? []) {
            self = vmm
            return
        }
        // Looked at afterward: one that ends closes its descriptors before it is gone.
        if files.isEnding { throw AttachError(process: process, .noSuchProcess) }
        throw AttachError(
            process: process, descriptors == nil ? .notPermitted(yamaScope: nil) : .noVCPU)
    }

    /// Nil when the descriptors include no vCPU.
    ///
    /// Which VM a vCPU is of is not told: it is taken to be the VM that was opened last before it,
    /// which is how every VMM makes them.
    init?(process: Int, name: String, _ descriptors: [(number: Int, target: String)]) {
        self.process = process
        self.name = name
        vms = []
        for (number, target) in descriptors {
            if target == Self.vmTarget { vms.append(VM(descriptor: number, vcpus: [])) }
            add(controllerOrTranslator: number, target)
            guard let index = Self.vcpuIndex(target) else { continue }
            // A VM's own descriptor may be closed while its vCPUs live.
            if vms.isEmpty { vms.append(VM(descriptor: -1, vcpus: [])) }
            let twin = vms[vms.count - 1].vcpus.first { $0.index == index }
            guard let twin else {
                vms[vms.count - 1].vcpus.append(VCPUDescriptor(index: index, descriptor: number))
                continue
            }
            if Self.areDifferent(twin.descriptor, number, of: process) { isAmbiguous = true }
        }
        vms = vms.filter { !$0.vcpus.isEmpty }
        for position in vms.indices { vms[position].vcpus.sort { $0.index < $1.index } }
        if vms.isEmpty { return nil }
    }

    /// Adds a device to the VM that was opened last, as vCPUs are.
    private mutating func add(controllerOrTranslator number: Int, _ target: String) {
        guard let last = vms.indices.last else { return }
        if let model = Self.models[target] {
            guard let twin = vms[last].controller else {
                vms[last].controller = Controller(model: model, descriptor: number)
                return
            }
            if Self.areDifferent(twin.descriptor, number, of: process) { isAmbiguous = true }
        } else if target == Self.translatorTarget, let known = vms[last].controller?.translators,
            known.allSatisfy({ Self.areDifferent($0, number, of: process) })
        {
            vms[last].controller?.translators.append(number)
        }
    }

    /// What the links of interrupt controllers are called, and of ITSs.
    fileprivate static let models: [String: GICModel] = [
        "anon_inode:kvm-arm-vgic-v2": .v2, "anon_inode:kvm-arm-vgic-v3": .v3,
    ]
    fileprivate static let translatorTarget = "anon_inode:kvm-arm-vgic-its"

    /// Whether two descriptors of a process are no copies of each other.
    private static func areDifferent(_ first: Int, _ second: Int, of process: Int) -> Bool {
        clinux_is_other_file(
            Int32(truncatingIfNeeded: process), UInt(bitPattern: first), UInt(bitPattern: second))
    }

    private static let vmTarget = "anon_inode:kvm-vm"

    /// The N of `anon_inode:kvm-vcpu:N`; nil for all else, such as `anon_inode:kvm-vcpu-stats:N`.
    private static func vcpuIndex(_ target: String) -> Int? {
        target.hasPrefix(vcpuTarget) ? Int(target.dropFirst(vcpuTarget.count)) : nil
    }

    /// What the links of vCPUs' descriptors and their mappings are called, before the number.
    static let vcpuTarget = "anon_inode:kvm-vcpu:"
}

extension ProcessFiles {
    /// Whether a descriptor is a vCPU.
    func isVCPU(_ descriptor: Int) -> Bool {
        link("fd/\(descriptor)").map { $0.hasPrefix(VMMProcess.vcpuTarget) } ?? false
    }
}

extension ProcessFiles {
    /// Whether the descriptors of an interrupt controller and its ITSs are such.
    func has(_ controller: VMMProcess.Controller) -> Bool {
        let target = link("fd/\(controller.descriptor)")
        return target.map { VMMProcess.models[$0] == controller.model } ?? false
            && controller.translators.allSatisfy {
                link("fd/\($0)") == VMMProcess.translatorTarget
            }
    }
}

/// The processes of this host, as far as its pid namespace shows them.
public struct ProcessTable: Hashable, Sendable {
    /// Those with vCPUs, by ascending process id.
    public var vmms: [VMMProcess]
    /// How many processes have descriptors that this user may not see.
    public var unreadableProcesses: Int

    /// Looks at every process in `/proc`.
    /// - Throws: where `/proc` cannot be listed; a process of which nothing can be read is left
    ///   out.
    public static func read() throws(FileError) -> ProcessTable {
        var table = ProcessTable(vmms: [], unreadableProcesses: 0)
        // An empty folder where nothing is mounted looks like a host without processes.
        _ = try Folder.names(in: "/proc/self")
        for process in try Folder.names(in: "/proc").compactMap({ Int($0) }).sorted() {
            let files = ProcessFiles(process: process)
            if let descriptors = files.descriptors() {
                let vmm = VMMProcess(process: process, name: files.name(), descriptors)
                table.vmms += vmm.map { [$0] } ?? []
            } else if !files.threads().isEmpty {
                table.unreadableProcesses += 1
            }
        }
        return table
    }
}
