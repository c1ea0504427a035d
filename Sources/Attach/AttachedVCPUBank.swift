internal import CLinux
internal import LinuxSystem
public import Registers
public import VCPUModel

/// A vCPU of a running process as a bank.
///
/// Reading answers from what was read while the process was stopped. Writing is a call in the process,
/// and so is the first reading after it: that takes all registers anew, for one can change others.
///
/// KVM does not tell what a vCPU was initialised with. `RegisterID.vcpuInit` is what follows from the
/// registers it has; whether it was to start powered off does not.
public final class AttachedVCPUBank: RegisterBank {
    public let vcpu: VMM.VCPU
    /// Why `KVM_RUN` returned last: `exit_reason` of the vCPU's `struct kvm_run`.
    ///
    /// Nil when its mapping was not found.
    public private(set) var exitReason: UInt32?

    private let calls: AttachedCalls
    /// What was read last: taken apart when it is asked for, after the process was let go.
    private var answers: Answers?
    private var takenApart: Reading?

    private struct Answers {
        var list: ListedIDs
        var batch: CallBatch
        var start: Int
    }

    init(_ vcpu: VMM.VCPU, _ calls: AttachedCalls) {
        self.vcpu = vcpu
        self.calls = calls
    }

    // MARK: RegisterBank

    public func list() throws(RegisterBankError) -> [RegisterID] {
        let reading = try reading(for: .list, nil)
        if let errno = reading.listErrno { throw failure(.list, nil, errno) }
        return reading.ids
    }

    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        let reading = try reading(for: .read, id)
        switch reading.values[id] {
        case .success(let value): return value
        case .failure(let errno): throw failure(.read, id, errno)
        case nil: throw failure(.read, id, reading.listErrno ?? .noEntry)
        }
    }

    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        guard let size = id.size, value.size == size else {
            throw failure(.write, id, id.size == nil ? .noEntry : .invalidArgument)
        }
        switch id {
        case .vcpuInit, .vcpuFinalized: try confirm(value, of: id)
        default: try change(value, of: id)
        }
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
                words + Array(repeating: 0, count: 6))
        case .mpState: batch.add(CLINUX_KVM_SET_MP_STATE, on: vcpu.descriptor, words)
        default:
            guard id.architecture == .arm64 else { throw failure(.write, id, .noEntry) }
            batch.add(CLINUX_KVM_SET_ONE_REG, on: vcpu.descriptor, id: id.rawValue, value: words)
        }
        do throws(Errno) {
            try calls.make(&batch)
            answers = nil
            takenApart = nil
            try Errno.check(batch.result(0))
        } catch {
            throw failure(.write, id, error)
        }
    }

    // MARK: Reading

    private func reading(
        for operation: RegisterBankError.Operation, _ id: RegisterID?
    ) throws(RegisterBankError) -> Reading {
        if let takenApart { return takenApart }
        do throws(Errno) {
            if answers == nil { try Self.refresh([self], calls) }
        } catch {
            throw failure(operation, id, error)
        }
        let reading = answers.map { Reading($0.list, $0.batch, from: $0.start) } ?? .none
        takenApart = reading
        return reading
    }

    /// Reads everything of these vCPUs: two rounds of calls.
    static func refresh(_ banks: [AttachedVCPUBank], _ calls: AttachedCalls) throws(Errno) {
        let lists = try registerLists(of: banks, calls)
        var batch = CallBatch()
        var starts: [Int] = []
        for (bank, list) in zip(banks, lists) {
            starts.append(batch.count)
            bank.addReading(of: list, to: &batch)
        }
        try calls.make(&batch)
        for (index, bank) in banks.enumerated() {
            bank.answers = Answers(list: lists[index], batch: batch, start: starts[index])
            bank.takenApart = nil
            bank.exitReason = bank.currentExitReason()
        }
    }

    private static func registerLists(
        of banks: [AttachedVCPUBank], _ calls: AttachedCalls
    ) throws(Errno) -> [ListedIDs] {
        var room = firstRoom
        while true {
            var batch = CallBatch()
            for bank in banks {
                let empty = [UInt64(room)] + Array(repeating: 0, count: room)
                batch.add(CLINUX_KVM_GET_REG_LIST, on: bank.vcpu.descriptor, empty)
            }
            try calls.make(&batch)
            let lists = banks.indices.map { ListedIDs(batch.result($0), batch.buffer($0)) }
            let needed = lists.map(\.needed).max() ?? 0
            if needed <= room || needed > mostRoom { return lists }
            room = needed
        }
    }

    private func addReading(of list: ListedIDs, to batch: inout CallBatch) {
        for id in list.ids {
            let room = ((RegisterID(rawValue: id).size ?? 8) + 7) / 8
            batch.add(CLINUX_KVM_GET_ONE_REG, on: vcpu.descriptor, id: id, room: room)
        }
        batch.add(CLINUX_KVM_GET_MP_STATE, on: vcpu.descriptor, [0])
        batch.add(CLINUX_KVM_GET_VCPU_EVENTS, on: vcpu.descriptor, Array(repeating: 0, count: 8))
    }

    private func currentExitReason() -> UInt32? {
        let offset = UInt64(MemoryLayout<clinux_kvm_run>.offset(of: \.exit_reason) ?? 8)
        let word = calls.firstWord(of: "anon_inode:kvm-vcpu:\(vcpu.index)", at: offset)
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
            "the process has initialised the vCPU with other features"
        case (.vcpuFinalized?, .notPermitted): "the process has done that with other features"
        case (_, .notExecutable): "the process has not initialised the vCPU"
        default: nil
        }
    }

    private static let firstRoom = 1023
    /// What a single call has room for.
    private static let mostRoom = SingleCalls.mostWords - 1
}
