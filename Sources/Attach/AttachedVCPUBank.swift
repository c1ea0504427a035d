internal import CLinux
internal import LinuxSystem
public import Registers
public import VCPUModel

/// A vCPU of a running process as a bank.
///
/// Reads answer from what was read when the process was stopped. A write is a call in the process, and so is the first
/// read after it: that reads all registers again, because one can change others.
///
/// KVM does not tell what a vCPU was initialized with. `RegisterID.vcpuInit` is inferred from the registers that it
/// has, which do not tell whether it was to start powered off.
public final class AttachedVCPUBank: RegisterBank {
    /// The vCPU's number, and the descriptor that the process has of it.
    public let vcpu: VMMProcess.VCPUDescriptor
    /// Why `KVM_RUN` returned last: `exit_reason` of the vCPU's `struct kvm_run`.
    ///
    /// Nil when its mapping was not found, or there are several.
    public private(set) var exitReason: UInt32?

    private let calls: AttachedCalls
    private let devices: AttachedDevices
    /// What was read last: taken apart when it is asked for, after the process was let go.
    private var raw: RawVCPUImage?
    private var takenApart: VCPUImage?

    init(_ vcpu: VMMProcess.VCPUDescriptor, _ calls: AttachedCalls, _ devices: AttachedDevices) {
        self.vcpu = vcpu
        self.calls = calls
        self.devices = devices
    }

    // MARK: RegisterBank

    /// The kernel's list and what is kept outside it, as they were when the vCPU was read.
    /// - Throws: `ENOEXEC` when the process has not initialized the vCPU; `ESRCH` when the process is gone, or was
    ///   let go before what a write changed was read.
    public func list() throws(RegisterBankError) -> [RegisterID] {
        let reading = try reading(for: .list, nil)
        if let errno = reading.listErrno { throw failure(.list, nil, errno) }
        let attributes = devices.ids(of: vcpu.unit)
        return attributes.isEmpty ? reading.ids : Set(reading.ids + attributes).sorted()
    }

    /// The value from the last reading; the first one after a write reads all registers again.
    /// - Throws: `ENOENT` for a register that is not in the list, else what the kernel returned for it or for the list;
    ///   `ESRCH` as `list` does.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        if devices.have(id, of: vcpu.unit) {
            return try devices.read(id, of: vcpu.unit, calls, key)
        }
        let reading = try reading(for: .read, id)
        switch reading.values[id] {
        case .success(let value): return value
        case .failure(let errno): throw failure(.read, id, errno)
        case nil: throw failure(.read, id, reading.listErrno ?? .noEntry)
        }
    }

    /// Writes one register, by a call that the process makes.
    ///
    /// Init and finalizing cannot be repeated: the present value is accepted, and any other refused.
    /// - Throws: `ESRCH` when the process was let go or is gone; `ECANCELED` when a seccomp filter of it forbids the
    ///   call; `EINVAL` for a value of another size or another init, `EPERM` for finalizing something else; else what
    ///   the kernel returned.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        guard let size = id.size, value.size == size else {
            throw failure(.write, id, id.size == nil ? .noEntry : .invalidArgument)
        }
        switch id {
        case _ where devices.have(id, of: vcpu.unit):
            try devices.write(value, to: id, of: vcpu.unit, calls, key)
        case .vcpuInit, .vcpuFinalized: try confirm(value, of: id)
        default: try change(value, of: id)
        }
    }

    /// How a device is asked about this vCPU.
    func key() throws(RegisterBankError) -> VCPUKey {
        VCPUKey(mpidr: try read(.mpidrEL1).lowBits, index: vcpu.number)
    }

    /// What is done once in a vCPU's life has been done: only what it was can be asked for again.
    private func confirm(_ value: RegisterValue, of id: RegisterID) throws(RegisterBankError) {
        let present = try read(id)
        guard id == .vcpuInit, let wanted = VCPUInit(value), let used = VCPUInit(present) else {
            if value != present { throw failure(.write, id, .notPermitted) }
            return
        }
        guard wanted.features.subtracting(.powerOff) == used.features else {
            throw failure(.write, id, .invalidArgument)
        }
    }

    private func change(_ value: RegisterValue, of id: RegisterID) throws(RegisterBankError) {
        var batch = CallBatch()
        let words = Self.words(value.littleEndianBytes)
        switch id {
        case .vcpuEvents:
            batch.add(
                CLINUX_KVM_SET_VCPU_EVENTS, on: vcpu.descriptor,
                words + Array(repeating: 0, count: RawVCPUImage.eventsWords - words.count))
        case .mpState: batch.add(CLINUX_KVM_SET_MP_STATE, on: vcpu.descriptor, words)
        default:
            guard id.architecture == .arm64 else { throw failure(.write, id, .noEntry) }
            batch.add(CLINUX_KVM_SET_ONE_REG, on: vcpu.descriptor, id: id.rawValue, value: words)
        }
        do throws(Errno) {
            try calls.make(&batch)
            raw = nil
            takenApart = nil
            try Errno.check(batch.result(0))
        } catch {
            throw failure(.write, id, error)
        }
    }

    // MARK: Reading

    private func reading(
        for operation: RegisterBankError.Operation, _ id: RegisterID?
    ) throws(RegisterBankError) -> VCPUImage {
        if let takenApart { return takenApart }
        do throws(Errno) {
            if raw == nil { try Self.refresh([self], calls) }
        } catch {
            throw failure(operation, id, error)
        }
        let reading = raw.map(VCPUImage.init) ?? .none
        takenApart = reading
        return reading
    }

    /// Reads everything of these vCPUs but what devices have.
    private static func refresh(
        _ banks: [AttachedVCPUBank], _ calls: AttachedCalls
    ) throws(Errno) {
        var none = CallBatch()
        take(try calls.readAll(banks.map(\.vcpu.descriptor), &none), banks)
    }

    /// Takes what was read of these vCPUs.
    static func take(_ readings: [RawVCPUImage], _ banks: [AttachedVCPUBank]) {
        for (bank, reading) in zip(banks, readings) {
            bank.raw = reading
            bank.takenApart = nil
            bank.exitReason = bank.currentExitReason()
        }
    }

    private func currentExitReason() -> UInt32? {
        let offset = UInt64(MemoryLayout<clinux_kvm_run>.offset(of: \.exit_reason) ?? 8)
        let word = calls.firstWord(of: "\(VMMProcess.vcpuTarget)\(vcpu.index)", at: offset)
        return word.map { UInt32(truncatingIfNeeded: $0) }
    }

    private static func words(_ bytes: [UInt8]) -> [UInt64] {
        stride(from: 0, to: bytes.count, by: 8).map { start in
            bytes[start...].prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private func failure(
        _ operation: RegisterBankError.Operation, _ id: RegisterID?, _ errno: Errno
    ) -> RegisterBankError {
        RegisterBankError(operation, id, errno, explanation: explanation(id, errno))
    }

    private func explanation(_ id: RegisterID?, _ errno: Errno) -> String? {
        switch (id, errno) {
        case (_, .noProcess): calls.problem?.description ?? "the process was let go"
        case (.vcpuInit?, .invalidArgument):
            "the process has initialized the vCPU with other features"
        case (.vcpuFinalized?, .notPermitted): "the process has done that with other features"
        case (_, .notExecutable): "the process has not initialized vCPU \(vcpu.index)"
        case (_, .canceled): Self.forbiddenCall
        default: nil
        }
    }

    /// What `ECANCELED` means.
    static let forbiddenCall = "a filter of the process (seccomp) does not allow the call"
}
