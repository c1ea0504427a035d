import Glibc
import Registers

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
        var program = GuestProgram()
        if let text = options.last(where: { $0.name == "--iterations" })?.value {
            guard let iterations = UInt16(text), iterations > 0 else { throw ProofError(usage) }
            program.iterations = iterations
        }
        program.usesPhysicalTimer = !options.contains { $0.name == "--no-physical-timer" }
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
        case ("sensitivity", 2): try proof.sensitivity(of: StateFiles(directory: words[1]))
        default: throw ProofError(usage)
        }
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
