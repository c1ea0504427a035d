import Glibc
import LinuxVMM
import SeededRandom
import VCPUSnap

/// Stops a guest that runs, again and again.
struct SavingProof {
    private let stops: Stops
    private let guest: LinuxGuest
    private let base: UnsafeMutableRawBufferPointer
    private var random: SeededGenerator
    private var log = BeatLog()

    /// In microseconds: some beats.
    private static let pauses: ClosedRange<UInt32> = 1_000...900_000
    /// Beats after the last stop.
    private static let rest = 10

    init(in folder: String, cpus: Int, seed: UInt64) throws {
        stops = Stops(folder: folder)
        guest = try LinuxGuest(cpus: cpus)
        base = .allocate(byteCount: guest.memory.count, alignment: 4096)
        base.initializeMemory(as: UInt8.self, repeating: 0)
        random = SeededGenerator(seed: seed)
    }

    mutating func run(kernel: String, program: String, stops count: Int) throws {
        try guest.boot(kernel, program, beats: 8 * count + Self.rest)
        for _ in 0..<2 { _ = try log.nextBeat() }
        try cannotBeSavedWhileItRuns()
        for point in 0..<count {
            usleep(UInt32.random(in: Self.pauses, using: &random))
            try stop(point)
        }
        var last: BeatLog.Beat?
        while let beat = try log.nextBeat() { last = beat }
        guard last?.hasEveryLetter == true else {
            throw GuestFault("not every letter that was typed was read, after one interrupt each")
        }
    }

    private func cannotBeSavedWhileItRuns() throws {
        do {
            _ = try guest.capture()
        } catch let error as RegisterBankError where error.errno == .busy {
            return
        } catch let error as KVMError where error.errno == .busy {
            return
        }
        throw ProofError("the interrupt controller was read while the guest ran")
    }

    private mutating func stop(_ point: Int) throws {
        try guest.stop()
        try log.catchUp()
        guard !linux_vmm_is_over() else { throw GuestFault("the guest ended before stop \(point)") }
        let snapshot = try guest.capture()
        try stops.save(snapshot, at: point)
        try stops.save(guest.memory, over: base, at: point)
        try stops.save(linux_vmm_console(), log, at: point)
        if point == 0 { base.copyMemory(from: UnsafeRawBufferPointer(guest.memory)) }
        print("stop \(point):", snapshot.vm.count, "registers of the VM")
        try guest.setClock(as: snapshot)
        try guest.run()
    }
}
