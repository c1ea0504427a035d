import GuestPrograms
import SeededRandom
import VCPUSnap

/// The proof: a guest that is stopped anywhere, saved, and restored in another VM ends with the
/// same checksum as one that was never disturbed.
struct Proof: ~Copyable {
    /// What an undisturbed run came to.
    struct Reference {
        var checksum: UInt64
        var microseconds: UInt64
    }

    private let system: KVMSystem
    private let program: GuestProgram
    /// After this long a guest is taken to have lost its way.
    private static let patience: UInt64 = 15_000_000

    init(running program: GuestProgram) throws {
        let result = guest_interrupt_prepare()
        if result < 0 { throw Errno(rawValue: -result) }
        let system = try KVMSystem()
        self.system = system
        self.program = program
    }

    borrowing func reference() throws -> Reference {
        let machine = try GuestMachine(on: system)
        try machine.load(program)
        let start = ContinuousClock.now
        let checksum = try finish(machine)
        let time = (ContinuousClock.now - start).components
        let microseconds = time.seconds * 1_000_000 + time.attoseconds / 1_000_000_000_000
        return Reference(checksum: checksum, microseconds: UInt64(microseconds))
    }

    /// Runs a guest to its end.
    private borrowing func finish(_ machine: GuestMachine) throws -> UInt64 {
        while true {
            switch try machine.run(atMost: Self.patience) {
            case .served: continue
            case .finished(let checksum): return checksum
            case .interrupted: throw lost(machine, "it does not finish")
            case .failed(let errno): throw lost(machine, "KVM_RUN says \(errno)")
            case .unexpected(let exit): throw lost(machine, "\(exit)")
            }
        }
    }

    private borrowing func lost(_ machine: GuestMachine, _ what: String) -> ProofError {
        let pc = (try? machine.bank.read(.pc))?.description ?? "unknown"
        return ProofError("the guest is lost: \(what), PC \(pc)")
    }

    // MARK: Saving

    /// Stops guests at random instants and saves each stop; as many guests as it takes.
    borrowing func save(_ count: Int, seed: UInt64, in files: StateFiles) throws {
        let reference = try self.reference()
        try files.write(reference.checksum, count: count)
        print("reference \(hexadecimal(reference.checksum)) in \(reference.microseconds) us")
        var random = SeededGenerator(seed: seed)
        var point = 0
        var guests = 0
        while point < count {
            let machine = try GuestMachine(on: system)
            try machine.load(program)
            guests += 1
            let checksum = try stop(
                machine, every: reference.microseconds / 8, &random, from: &point, to: count,
                files)
            if let checksum, checksum != reference.checksum {
                throw ProofError(
                    "stopping alone changed the checksum to \(hexadecimal(checksum))")
            }
        }
        print("\(count) points saved from \(guests) guests, seed \(seed)")
    }

    /// - Returns: the guest's checksum if it came to its end.
    private borrowing func stop(
        _ machine: GuestMachine, every mean: UInt64, _ random: inout SeededGenerator,
        from point: inout Int, to count: Int, _ files: StateFiles
    ) throws -> UInt64? {
        while point < count {
            switch try machine.run(atMost: .random(in: 1...max(2, 2 * mean), using: &random)) {
            case .interrupted: break
            case .served:
                // Some of the stops are at an exit, where the VMM has to complete it first.
                guard UInt64.random(in: 0..<8, using: &random) == 0 else { continue }
                try machine.completeExit()
            case .finished(let checksum): return checksum
            case .failed(let errno): throw lost(machine, "KVM_RUN says \(errno)")
            case .unexpected(let exit): throw lost(machine, "\(exit)")
            }
            try files.save(machine, point: point)
            point += 1
        }
        return nil
    }

    // MARK: Restoring

    /// What became of one restored stop.
    struct Continuation {
        var matches: Bool
        /// The checksum, or how the guest got lost.
        var end: String
        /// The registers that the restore lost, with reasons.
        var losses: [String]
    }

    /// Restores every saved stop in a VM of its own and runs it to its end.
    /// - Returns: whether all ended with the reference's checksum.
    borrowing func restore(
        from files: StateFiles, without excluded: Set<RegisterID>
    ) throws -> Bool {
        var passed = 0
        var failed = 0
        var losses: [String] = []
        for point in try files.points() {
            let result = try restore(point, files, without: excluded)
            if result.losses != losses {
                losses = result.losses
                print("from here on \(losses.count) registers are lost:", terminator: "\n  ")
                print(losses.joined(separator: "\n  "))
            }
            print("point \(point): \(result.matches ? "match" : "DIVERGED, " + result.end)")
            if result.matches { passed += 1 } else { failed += 1 }
        }
        print("\(passed) passed, \(failed) failed")
        return failed == 0 && passed > 0
    }

    /// Leaves each register of a snapshot out in turn, and tells which of them were missed: the
    /// registers about which `restore` proves something.
    borrowing func sensitivity(of files: StateFiles) throws {
        let points = try files.points()
        guard let first = points.first else { throw ProofError("there are no points") }
        var missed: [String] = []
        var unmissed: [String] = []
        for id in try files.state(first).registers.ids where id.architecture == .arm64 {
            let isMissed = try points.contains { point in
                try !restore(point, files, without: [id]).matches
            }
            if isMissed { missed.append(id.name) } else { unmissed.append(id.name) }
        }
        print("missed \(missed.count):", missed.joined(separator: " "))
        print("not missed \(unmissed.count):", unmissed.joined(separator: " "))
    }

    private borrowing func restore(
        _ point: Int, _ files: StateFiles, without excluded: Set<RegisterID>
    ) throws -> Continuation {
        let expected = try files.expectedChecksum()
        let machine = try GuestMachine(on: system)
        let report = try files.restore(machine, point: point, without: excluded)
        let losses = report.losses.map { loss in
            "\(loss.id.name) \(loss.outcome.name)" + (loss.reason.map { " (\($0))" } ?? "")
        }
        do {
            let checksum = try finish(machine)
            return Continuation(
                matches: checksum == expected,
                end: "\(hexadecimal(checksum)) where \(hexadecimal(expected)) was expected",
                losses: losses)
        } catch let error as ProofError {
            return Continuation(matches: false, end: error.description, losses: losses)
        }
    }

    private borrowing func hexadecimal(_ number: UInt64) -> String {
        RegisterValue(number).description
    }
}
