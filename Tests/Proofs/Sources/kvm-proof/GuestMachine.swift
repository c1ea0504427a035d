import GuestPrograms
@_spi(Guests) import VCPUSnap

/// A VM with one vCPU, some memory and no devices: the smallest VMM that runs the guest program.
final class GuestMachine {
    /// Why the guest stopped.
    enum Stop: Hashable {
        /// By the timer.
        case interrupted
        /// It wants something of the VMM, and got it.
        case served
        /// With its checksum.
        case finished(UInt64)
        /// Because `KVM_RUN` cannot go on: a lost guest does what KVM does not emulate.
        case failed(Errno)
        /// In a way the program never does.
        case unexpected(RunArea.Exit)
    }

    let memory: UnsafeMutableRawBufferPointer
    let bank: KVMVCPUBank
    let abilities: VCPUAbilities
    private let vm: VM
    private let runArea: RunArea

    init(on system: borrowing KVMSystem) throws {
        memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(GUEST_MEMORY_SIZE), alignment: 1 << 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        vm = try system.makeVM()
        try vm.mapMemory(memory, at: UInt64(GUEST_LOAD_ADDRESS), slot: 0)
        let scratch = try ScratchVM(in: vm, vcpuCount: 1)
        abilities = scratch.abilities
        bank = scratch.banks[0]
        runArea = try bank.withVCPU { (vcpu: borrowing VCPU) throws(Errno) in
            try vcpu.mapRunArea()
        }
    }

    deinit {
        guest_interrupt_target(nil)
        memory.deallocate()
    }

    /// Puts the program into memory and the vCPU before its first instruction.
    func load(_ program: GuestProgram) throws {
        try bank.initialize(with: GuestProgram.initialization(of: abilities))
        // EL1 with its own stack pointer, all exceptions masked.
        try start(guest_program, argument: program.argument(for: bank), pstate: 0x3c5)
    }

    /// Puts machine code into memory and an initialized vCPU before its first instruction.
    func start(
        _ code: (UnsafeMutablePointer<Int>) -> UnsafeRawPointer?, argument: UInt64,
        pstate: UInt64
    ) throws {
        var size = 0
        guard let start = code(&size) else { throw ProofError("built without a guest") }
        memory.copyMemory(from: UnsafeRawBufferPointer(start: start, count: size))
        try set(.pstate, to: pstate)
        try set(.x(0), to: argument)
        try set(.pc, to: UInt64(GUEST_LOAD_ADDRESS))
    }

    private func set(_ id: RegisterID, to value: UInt64) throws {
        try bank.write(RegisterValue(value), to: id)
    }

    /// Runs the guest until it stops.
    /// - Parameter limit: microseconds until the timer interrupts it.
    func run(atMost limit: UInt64) throws -> Stop {
        guest_interrupt_target(runArea.immediateExit)
        try check(guest_interrupt_after(max(1, limit)))
        defer { runArea.immediateExit.pointee = 0 }
        let failure = enter()
        try check(guest_interrupt_after(0))
        return switch failure {
        case nil: serve()
        case .interrupted?: .interrupted
        case let errno?: .failed(errno)
        }
    }

    /// Brings the vCPU's registers up to date after `.served`.
    ///
    /// A load or store that ended the run is not complete, and the program counter not past it, until
    /// `KVM_RUN` is entered again (Documentation/virt/kvm/api.rst, KVM_EXIT_MMIO). Entering with
    /// immediate_exit set does just that and no more.
    func completeExit() throws {
        runArea.immediateExit.pointee = 1
        defer { runArea.immediateExit.pointee = 0 }
        guard enter() == .interrupted else { throw ProofError("KVM_RUN ignored immediate_exit") }
    }

    /// - Returns: why `KVM_RUN` failed, which is `EINTR` for a signal or immediate_exit; nil for an
    ///   exit the VMM has to serve.
    private func enter() -> Errno? {
        do throws(Errno) {
            try bank.withVCPU { (vcpu: borrowing VCPU) throws(Errno) in try vcpu.run() }
            return nil
        } catch {
            return error
        }
    }

    private func serve() -> Stop {
        switch runArea.exit {
        case .mmioStore(UInt64(GUEST_RESULT_ADDRESS), let checksum):
            return .finished(checksum)
        case .mmioStore(UInt64(GUEST_PROGRESS_ADDRESS), _):
            return .served
        case .mmioLoad(UInt64(GUEST_INPUT_ADDRESS)):
            runArea.answerLoad(with: 0x0123_4567_89ab_cdef)
            return .served
        case let exit:
            return .unexpected(exit)
        }
    }

    private func check(_ result: Int32) throws {
        if result < 0 { throw Errno(rawValue: -result) }
    }
}

/// Why the proof could not be carried out.
struct ProofError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
