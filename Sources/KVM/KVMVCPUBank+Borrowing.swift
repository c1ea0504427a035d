internal import LinuxSystem
internal import Registers
public import VCPUModel

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
        let vcpu = VCPU(owning: FileDescriptor(borrowing: number), runSize: 0)
        let complete = try vcpu.finalizedFeatures(of: request)
        let abilities = VCPUAbilities(
            preferredTarget: request.target, features: request.features,
            hasEvents: (try? vcpu.events()) != nil, hasMPState: (try? vcpu.mpState()) != nil)
        self.init(owning: vcpu, abilities: abilities)
        used = request
        finalized = complete
    }

    /// Makes a bank of a vCPU that its VMM made and did not initialize yet, and does not close it.
    /// - Parameters:
    ///   - number: the vCPU's descriptor, open as long as the bank lives.
    ///   - vm: the VM that it belongs to, which tells what its vCPUs can be made with.
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
