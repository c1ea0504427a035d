public import LinuxSystem
public import Registers

/// A place where the registers of one unit live: of a vCPU, or of a VM what it has once.
///
/// The emulated CPU, a KVM vCPU and a vCPU in a snapshot are all banks; saving, restoring and
/// comparing are written once over this protocol. What KVM keeps outside its register list (the
/// init features, pending events, MP state) are registers here too, with ids of
/// `RegisterID.Architecture.own`, so a bank is the complete state of its unit.
///
/// A bank is a reference: it *is* the unit, not a copy of it.
public protocol RegisterBank: AnyObject {
    /// The ids this vCPU has now. Writing `RegisterID.vcpuInit`, `vcpuFinalized` or an ID register
    /// can change the list.
    /// - Throws: where the bank cannot tell; KVM's `EPERM` is one that is not finalized.
    func list() throws(RegisterBankError) -> [RegisterID]

    /// The value of one register.
    /// - Throws: errno `ENOENT` when the vCPU has no such register, `EOPNOTSUPP` when the bank can
    ///   read it only with a side effect (QEMU's `ARM_CP_NO_RAW`).
    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue

    /// Makes ready to read many registers at once, as often as needed, into memory that is taken before: while a guest
    /// stands still there is to be nothing but the reading.
    /// - Throws: where it is known already that one cannot be read.
    func bulkRead(into memory: RegisterMemory) throws(RegisterBankError) -> any BulkRead

    /// Writes one register, as `KVM_SET_ONE_REG` does: the write may be refused, ignored or changed,
    /// so only reading back tells what the register holds.
    /// - Throws: errno `ENOENT` when the vCPU has no such register, `EINVAL` for a value it refuses
    ///   (or one whose size is not the register's), `EBUSY` for one that is fixed since the first run.
    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError)
}

/// Why a bank did not list, read or write.
public struct RegisterBankError: Error, Hashable, Sendable {
    /// What the bank was asked to do.
    public enum Operation: String, Hashable, Sendable {
        /// To list its registers.
        case list
        /// To read one.
        case read
        /// To write one.
        case write
    }

    /// What the bank was asked to do.
    public var operation: Operation
    /// The register, nil for `list`.
    public var id: RegisterID?
    /// The kernel's error number, or the one that KVM would have given for the same.
    public var errno: Errno
    /// What the bank knows beyond the errno, in words; nil when that is nothing.
    public var explanation: String?
    /// Whether the failure follows from something other than the register's rules, such as a limit of the host.
    public var isBeyondRules = false

    /// An error that may follow from the register's rules (`isBeyondRules` is false).
    public init(
        _ operation: Operation, _ id: RegisterID?, _ errno: Errno, explanation: String? = nil
    ) {
        self.operation = operation
        self.id = id
        self.errno = errno
        self.explanation = explanation
    }

    /// Why a vCPU has no registers yet.
    package static let notInitialized = "the vCPU is not initialized (KVM_ARM_VCPU_INIT)"

    /// Why a VM without an interrupt controller has no register of one.
    package static let noController = "no interrupt controller was made there: see GIC_MODEL"

    /// Whether it was not done because vCPUs run or a thread is in a call for one, which says nothing of the register.
    package var needsStandstill: Bool { errno == .busy && isBeyondRules }
}

extension RegisterBankError: CustomStringConvertible {
    /// The operation, the register, the errno and what is known of its cause.
    public var description: String {
        let what = id.map { "\(operation.rawValue) \($0.label)" } ?? "list the registers"
        return "cannot \(what): \(errno)" + (explanation.map { ": \($0)" } ?? "")
    }
}

extension RegisterValue {
    /// What a bank asks first of a value that it is to write.
    /// - Throws: errno `EINVAL` unless the value has the register's size.
    public func checkSize(
        for id: RegisterID, _ operation: RegisterBankError.Operation = .write
    ) throws(RegisterBankError) {
        guard size != id.size else { return }
        throw RegisterBankError(
            operation, id, .invalidArgument,
            explanation: "the value has \(size) bytes, the register \(id.size ?? 0)")
    }
}
