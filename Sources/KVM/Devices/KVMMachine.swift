internal import LinuxSystem
public import Registers
public import VCPUModel

/// A VM of a VMM's, lent with its vCPUs and its interrupt controller, to be saved or restored into as a whole.
///
/// Nothing of it is closed. While its banks are used no thread may be in a call for one of its vCPUs, and nothing may
/// raise an interrupt.
public struct KVMMachine {
    /// What the VM has once.
    public let vm: KVMVMBank
    /// Its vCPUs, in the order in which they were given.
    public let vcpus: [KVMVCPUBank]
    /// `KVM_CHECK_EXTENSION` of each of `KVMCapability.all` that arm64 reports.
    public let capabilities: [(name: String, value: Int)]
    private let devices: VMDevices

    /// A vCPU that is lent.
    public struct LentVCPU: Hashable, Sendable {
        /// The descriptor that `KVM_CREATE_VCPU` returned.
        public var descriptor: Int32
        /// The argument of `KVM_CREATE_VCPU`.
        public var index: UInt32
        /// What `KVM_ARM_VCPU_INIT` was called with; the kernel does not tell.
        public var request: VCPUInit

        /// A vCPU by what its VMM knows of it.
        public init(descriptor: Int32, index: UInt32, initializedWith request: VCPUInit) {
            self.descriptor = descriptor
            self.index = index
            self.request = request
        }
    }

    /// An interrupt controller that is lent.
    public struct LentController: Hashable, Sendable {
        /// Its type.
        public var model: GICModel
        /// The descriptor that `KVM_CREATE_DEVICE` returned; the controller is initialized.
        public var descriptor: Int32
        /// The descriptors of its ITSs, in the order in which they were created.
        public var translators: [Int32]

        /// A controller by its descriptors.
        public init(_ model: GICModel, descriptor: Int32, translators: [Int32] = []) {
            self.model = model
            self.descriptor = descriptor
            self.translators = translators
        }
    }

    /// Makes banks of what a VMM lends.
    /// - Parameters:
    ///   - vm: the descriptor of the VM, open, as all others, as long as the banks live.
    ///   - vcpus: all vCPUs of the VM.
    ///   - controller: nil for a VM whose interrupt controller is the VMM's own.
    ///   - unknown: what the VMM cannot rule out of the state that KVM does not tell; it is noted in the snapshot.
    /// - Throws: `EBADF` for what is no open descriptor, `ENOTTY` for what is no vCPU, `ENOEXEC` for one that was not
    ///   initialized.
    public init(
        borrowing vm: Int32, vcpus: [LentVCPU], controller: LentController?,
        unknown: UnknownState = .everything
    ) throws(KVMError) {
        capabilities = try Self.capabilities(of: vm)
        let devices = VMDevices(lent: controller)
        var banks: [KVMVCPUBank] = []
        for vcpu in vcpus {
            banks.append(
                try KVMVCPUBank(
                    borrowing: vcpu.descriptor, initializedWith: vcpu.request, index: vcpu.index,
                    devices: devices))
        }
        self.vcpus = banks
        self.vm = KVMVMBank(VM(borrowing: vm), banks, unknown: unknown)
        self.devices = devices
    }

    /// - Throws: for a descriptor of no VM.
    private static func capabilities(
        of vm: Int32
    ) throws(KVMError) -> [(name: String, value: Int)] {
        let vm = VM(borrowing: vm)
        _ = try vm.preferredTarget()
        return KVMHost.capabilities(of: vm)
    }

    /// Has KVM write the pending bits of LPIs and the tables of ITSs to the guest's memory, where a VMM saves them with it.
    ///
    /// Call it before a snapshot is taken, which then notes them as known.
    /// - Throws: `EFAULT` where the guest put its tables outside its memory, `EACCES` where the hardware holds them.
    public func saveTables() throws(KVMError) {
        try devices.saveTables()
        vm.tablesWereSaved()
    }

    /// Has KVM read the tables of ITSs from the guest's memory, which also tells it which LPIs are pending.
    ///
    /// It takes the pending bits out of that memory, so it works once. `Restore.perform` says when.
    /// - Throws: `EINVAL` or `EFAULT` for tables that are not whole, `EEXIST` where they were read before.
    public func restoreTables() throws(KVMError) {
        try devices.restoreTables()
    }
}
