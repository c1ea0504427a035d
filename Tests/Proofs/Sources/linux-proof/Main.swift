import Glibc
import LinuxVMM
import SeededRandom
import VCPUSnap

/// `linux-proof`: see `usage`.
@main
enum Main {
    private static let usage = """
        linux-proof save DIR KERNEL PROGRAM CPUS STOPS SEED
            Boot a Linux whose first program is Tests/LinuxGuest; stop it at so many random instants, and
            save it in the existing folder DIR, with its memory. It goes on each time, to its end.
        linux-proof restore DIR STOP CLOCK POLICY [WITHOUT]...
            Restore that stop into a new VM, where it goes on, with the clock and the policy of `restore`.
            What WITHOUT matches (GICR_*) is not restored: that must then be noticed.
        Needs KVM on arm64. Exit status: 0 all right, 1 the guest is not what it was, 2 trouble.
        """

    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch let error as GuestFault {
            print("linux-proof: \(error)")
            exit(1)
        } catch {
            print("linux-proof: \(error)")
            exit(2)
        }
    }

    private static func run(_ words: [String]) throws {
        if words.first == "save", words.count == 7, let cpus = Int(words[4]),
            let stops = Int(words[5]), let seed = UInt64(words[6])
        {
            var proof = try SavingProof(in: words[1], cpus: cpus, seed: seed)
            return try proof.run(kernel: words[2], program: words[3], stops: stops)
        }
        guard words.first == "restore", words.count >= 5, let point = Int(words[2]),
            let clock = mode(words[3]), let preset = RestorePolicy.Preset(rawValue: words[4])
        else {
            print(usage)
            exit(2)
        }
        let proof = RestoringProof(
            stops: Stops(folder: words[1]), point: point, clock: clock,
            policy: RestorePolicy(preset).ignoring(words[5...].map { RegisterPattern($0) }))
        try proof.run()
    }

    private static func mode(_ word: String) -> ClockMode? {
        switch word {
        case "stop": .stop
        case "wall": .wall
        default: nil
        }
    }
}
