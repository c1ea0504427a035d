import Glibc
import VCPUSnap

/// `kvm-proof`: see `usage`.
@main
enum Main {
    private static let usage = """
        kvm-proof reference [OPTIONS]
            Run the guest undisturbed; print its checksum.
        kvm-proof save DIR COUNT SEED [OPTIONS]
            Interrupt guests at COUNT random instants and save each stop in the existing folder DIR.
        kvm-proof restore DIR [--skip REGISTER]...
            Restore each stop in a new VM, run it to its end and compare the checksums. A register
            that is skipped is not restored: the checksums must then differ.
        kvm-proof sensitivity DIR
            Leave out each register in turn; print which of them make a difference to the guest.
        kvm-proof inject GUEST
            Inject a breakpoint, data aborts and an SError into a guest that counts at el1h, el1t, el0
            or in aarch32, and compare what its handler saw.
        kvm-proof without-sync
            Inject with and without the move from the CPU state to the list; without it the guest must
            not see the syndrome.
        kvm-proof disagreement HOST
            Change registers through an emulated CPU of another, built-in HOST; no other may change.
        kvm-proof stop GUEST DIR, kvm-proof resume DIR
            Save a counting guest; restore it, and print what its handler saw of an exception.
        kvm-proof nested-counters
            Restore the counters of a guest with EL2; needs kvm-arm.mode=nested and Linux 6.16 or newer.
        kvm-proof other-implementation
            Restore a guest of another CPU, with and without what that takes; needs Linux 6.15 or newer.
        kvm-proof unlisted
            Run a guest that reads what KVM does not list, and calls the firmware's mitigations at their levels.
        kvm-proof own-vmm
            Save and restore the vCPUs of a VMM that lends its descriptors.
        kvm-proof interrupts SEED
            Save and restore the interrupt controller of a VMM that lends it, without and with an ITS.
        kvm-proof handler save FILE, kvm-proof handler restore FILE [WITHOUT]...
            Save a guest that is in the handler of an interrupt while an SGI, PPIs, SPIs and LPIs are pending; let it go
            on, each attribute and the order of its interrupts compared. What WITHOUT matches (GICR_*) is left out.
        kvm-proof source SOURCE
            Try what holds for every kind of source on one that needs KVM.
        kvm-proof attributes MODEL
            Write values to every attribute of VMs with an interrupt controller, v2 or v3, on this host and on its emulation.
        kvm-proof vary FILE
            Write snapshots of VMs that no KVM made, from one of two vCPUs: FILE-pmu, FILE-nothing and so on.
        OPTIONS: --iterations N, of the guest's program (256); --no-physical-timer, which KVM lists
        only since Linux 6.4: a guest that uses it cannot be restored on older kernels.
        Needs KVM on arm64. Exit status: 0 all the same, 1 a divergence, 2 trouble.
        """

    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            print("kvm-proof: \(error)")
            exit(2)
        }
    }

    private static func run(_ arguments: [String]) throws {
        let (words, options) = try split(arguments)
        if let isRight = try proofWithoutAGuest(words) { exit(isRight ? 0 : 1) }
        var program = GuestProgram()
        if let text = options.last(where: { $0.name == "--iterations" })?.value {
            guard let iterations = UInt16(text), iterations > 0 else { throw ProofError(usage) }
            program.iterations = iterations
        }
        program.usesPhysicalTimer = !options.contains { $0.name == "--no-physical-timer" }
        if words.first == "vary", words.count == 2 {
            return try Variations(of: words[1]).write(beside: words[1])
        }
        let proof = try Proof(running: program)
        switch (words.first, words.count) {
        case ("reference", 1):
            let reference = try proof.reference()
            print(reference.checksum, "in", reference.microseconds, "us")
        case ("save", 4):
            guard let count = Int(words[2]), let seed = UInt64(words[3]) else {
                throw ProofError(usage)
            }
            try proof.save(count, seed: seed, in: StateFiles(directory: words[1]))
        case ("restore", 2):
            let skipped = try options.filter { $0.name == "--skip" }.map(register)
            let files = StateFiles(directory: words[1])
            if try !proof.restore(from: files, without: Set(skipped)) { exit(1) }
        case ("inject", 2), ("without-sync", 1), ("disagreement", 2), ("stop", 3), ("resume", 2):
            if try !inject(words) { exit(1) }
        case ("sensitivity", 2): try proof.sensitivity(of: StateFiles(directory: words[1]))
        default: throw ProofError(usage)
        }
    }

    /// Nil for words that say something else.
    private static func proofWithoutAGuest(_ words: [String]) throws -> Bool? {
        if words.first == "source", words.count == 2 { return try SourceProof(words[1]).run() }
        if words.first == "interrupts", words.count == 2, let seed = UInt64(words[1]) {
            return try InterruptProof(hasITS: false).run(seed: seed)
                && InterruptProof(hasITS: true).run(seed: seed)
        }
        if words.first == "attributes", words.count == 2 {
            var proof = try AttributeProof(words[1])
            return try proof.run()
        }
        if words.starts(with: ["handler", "save"]), words.count == 3 {
            return try HandlerProof().save(to: words[2])
        }
        if words.starts(with: ["handler", "restore"]), words.count >= 3 {
            return try HandlerProof().restore(
                from: words[2], without: words[3...].map { RegisterPattern($0) })
        }
        return switch words {
        case ["unlisted"]: try UnlistedProof().run()
        case ["own-vmm"]: try OwnVMMProof().run()
        case ["nested-counters"]: try NewerKernelProof().counters()
        case ["other-implementation"]: try NewerKernelProof().implementation()
        default: nil
        }
    }

    private static func inject(_ words: [String]) throws -> Bool {
        var proof = try InjectionProof()
        switch words[0] {
        case "inject":
            let guest = try guest(words[1])
            if guest == .aarch32 {
                try proof.aarch32()
            } else {
                try proof.exceptions(in: guest)
            }
        case "without-sync": try proof.withoutSync()
        case "disagreement": try proof.disagreement(with: words[1])
        case "stop":
            try proof.stop(try guest(words[1]), in: StateFiles(directory: words[2]))
            return true
        default:
            try proof.resume(from: StateFiles(directory: words[1]))
            return true
        }
        return proof.finish()
    }

    private static func guest(_ name: String) throws -> ExceptionGuest {
        guard let guest = ExceptionGuest(rawValue: name) else {
            throw ProofError("no guest is named \(name)")
        }
        return guest
    }

    private typealias Option = (name: String, value: String)

    private static func split(_ arguments: [String]) throws -> ([String], [Option]) {
        var words: [String] = []
        var options: [Option] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if !argument.hasPrefix("--") {
                words.append(argument)
            } else if argument == "--no-physical-timer" {
                options.append((argument, ""))
            } else if ["--iterations", "--skip"].contains(argument), let value = rest.popFirst() {
                options.append((argument, value))
            } else {
                throw ProofError(usage)
            }
        }
        return (words, options)
    }

    private static func register(_ option: Option) throws -> RegisterID {
        guard let id = RegisterID(parsing: option.value) else {
            throw ProofError("no register is named \(option.value)")
        }
        return id
    }
}
