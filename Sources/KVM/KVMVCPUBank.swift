internal import LinuxSystem
public import Registers
public import VCPUModel

/// A vCPU of KVM as a bank.
///
/// Registers of the kernel's list are `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`. The ids of
/// `RegisterID.Architecture.own` are never passed to the kernel: they stand for the ioctls that hold
/// the rest of a vCPU's state, see `KVMVCPUBank+OutsideList.swift`.
public final class KVMVCPUBank: RegisterBank {
    let vcpu: VCPU
    let abilities: VCPUAbilities
    /// What the vCPU was initialized with; nil before that.
    var used: VCPUInit?
    /// The features finalized so far.
    var finalized: VCPUFeatures = []
    /// Its number in its VM: the argument of `KVM_CREATE_VCPU`, where that is known.
    public let index: UInt32
    /// The VM's devices, which have some of its registers.
    let devices: VMDevices
    /// MPIDR_EL1, by which devices know it; nil where that has to be read.
    var mpidr: UInt64?

    init(
        owning vcpu: consuming VCPU, abilities: VCPUAbilities, index: UInt32 = 0,
        devices: VMDevices = VMDevices()
    ) {
        self.vcpu = vcpu
        self.abilities = abilities
        self.index = index
        self.devices = devices
    }

    /// Lends the vCPU to a VMM that runs it.
    /// - Throws: what `body` throws.
    @_spi(Guests) public func withVCPU<Result: ~Copyable, Failure>(
        _ body: (borrowing VCPU) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(vcpu)
    }

    // MARK: RegisterBank

    /// The kernel's list, the registers outside it, and those of the VM's devices, in ascending order.
    ///
    /// Before the vCPU is initialized that is `RegisterID.vcpuInit` alone. While a feature waits to
    /// be finalized the kernel lists nothing (EPERM), and only the SVE vector lengths can be written.
    /// - Throws: with the errno of `KVM_GET_REG_LIST`.
    public func list() throws(RegisterBankError) -> [RegisterID] {
        guard used != nil else { return [.vcpuInit] }
        mpidr = nil
        if awaitsFinalization { return ([RegisterID.sveVLS] + idsOutsideList).sorted() }
        let listed = try Errno.translating(try vcpu.registerList()) { failure(.list, nil, $0) }
        return merged(listed + idsOutsideList, try idsOfDevices())
    }

    /// Reads a register by `KVM_GET_ONE_REG`, or by the ioctl that its id stands for.
    /// - Throws: `ENOENT` for a register that the vCPU does not have, `ENOEXEC` before it is initialized, `EPERM` for
    ///   SVE registers before they are finalized.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        if let attribute = id.deviceAttribute(with: devices.model) {
            return try read(id, in: attribute)
        }
        guard id.architecture != .own else { return try readOutsideList(id) }
        let size = try sizeKernelTakes(id, .read)
        return try Errno.translating(try vcpu.oneRegister(id, size: size)) {
            failure(.read, id, $0)
        }
    }

    /// Writes a register by `KVM_SET_ONE_REG`, or by the ioctl that its id stands for.
    ///
    /// `RegisterID.vcpuInit` initializes the vCPU, which resets all of its registers, with what the host has of the
    /// features; reading it back tells what was used. `RegisterID.vcpuFinalized` finalizes features for good.
    /// - Throws: what the kernel returned, with its meaning for this register where that is known; `EINVAL` also for a
    ///   value of another size.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        if id == .mpidrEL1 || id == .vcpuInit {
            mpidr = nil
            devices.forget(index)
        }
        if let attribute = id.deviceAttribute(with: devices.model) {
            return try write(value, to: id, in: attribute)
        }
        guard id.architecture != .own else { return try writeOutsideList(value, id) }
        _ = try sizeKernelTakes(id, .write)
        try value.checkSize(for: id)
        try Errno.translating(try vcpu.setOneRegister(id, to: value.littleEndianBytes)) {
            failure(.write, id, $0)
        }
    }

    /// The size of a register that may be passed to the kernel.
    /// - Throws: `ENOENT` for ids that are no arm64 register; the kernel says EINVAL to those,
    ///   as it does to bad values.
    private func sizeKernelTakes(
        _ id: RegisterID, _ operation: RegisterBankError.Operation
    ) throws(RegisterBankError) -> Int {
        guard id.architecture == .arm64, let size = id.size else {
            throw RegisterBankError(
                operation, id, .noEntry, explanation: "KVM on arm64 has no registers of this kind")
        }
        return size
    }
}

// MARK: - vCPUs of a VMM

extension KVMVCPUBank {
    /// Makes a bank of a vCPU that its VMM made and initialized, and does not close it.
    ///
    /// The vCPU itself tells what the VMM finalized and which state the kernel keeps outside its register list. It
    /// must not run while the bank is used. A restore writes `VCPU_INIT` only where it differs from `request`,
    /// because that resets the vCPU.
    /// - Parameters:
    ///   - number: the vCPU's descriptor, open as long as the bank lives.
    ///   - request: what `KVM_ARM_VCPU_INIT` was called with; the kernel does not tell.
    /// - Throws: `EBADF` for what is no open descriptor, `ENOTTY` for what is no vCPU, `ENOEXEC` for one that was not
    ///   initialized.
    public convenience init(
        borrowing number: Int32, initializedWith request: VCPUInit
    ) throws(KVMError) {
        try self.init(
            borrowing: number, initializedWith: request, index: 0, devices: VMDevices())
    }

    /// The same, of a VM whose devices are known.
    convenience init(
        borrowing number: Int32, initializedWith request: VCPUInit, index: UInt32,
        devices: VMDevices
    ) throws(KVMError) {
        let vcpu = VCPU(owning: FileDescriptor(borrowing: number), runSize: 0)
        let complete = try vcpu.finalizedFeatures(of: request)
        let abilities = VCPUAbilities(
            preferredTarget: request.target, features: request.features,
            hasEvents: (try? vcpu.events()) != nil, hasMPState: (try? vcpu.mpState()) != nil)
        self.init(owning: vcpu, abilities: abilities, index: index, devices: devices)
        used = request
        finalized = complete
    }

    /// Makes a bank of a vCPU that its VMM made and did not initialize yet, and does not close it.
    /// - Parameters:
    ///   - number: the vCPU's descriptor, open as long as the bank lives.
    ///   - vm: the VM that it belongs to, which tells what its vCPUs can be made with.
    /// - Throws: where the VM does not tell what its vCPUs can be made with, as where the
    ///   descriptor is of no VM.
    public convenience init(
        borrowing number: Int32, of vm: borrowing VM
    ) throws(KVMError) {
        self.init(
            owning: VCPU(owning: FileDescriptor(borrowing: number), runSize: 0),
            abilities: try VCPUAbilities(of: vm))
    }
}

extension VCPU {
    /// Which of the features that it was initialized with are finalized: the kernel lists no register before they all are.
    fileprivate borrowing func finalizedFeatures(
        of request: VCPUInit
    ) throws(KVMError) -> VCPUFeatures {
        do throws(Errno) {
            _ = try registerList()
            return request.features.intersection(.finalizable)
        } catch {
            guard error == .notPermitted else {
                throw KVMError.calling("KVM_GET_REG_LIST", error)
            }
            return []
        }
    }
}
