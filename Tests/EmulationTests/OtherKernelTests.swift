import Emulation
import Foundation
import Registers
import TestSubjects
import Testing
import TextFormats
import VCPUModel

/// Built-in profiles that were derived for another kernel, against the recordings of the same machine with it.
///
/// `VCPUSNAP_PROFILES=FOLDER` in the environment does the same with the recordings of a folder, whose names are
/// KERNEL-CPU, and prints the table of Formats/kernel-derivation.md.
@Suite("The same machine with another kernel")
struct OtherKernelTests {
    private static let machines = [
        "cortex-a57", "cortex-a72", "neoverse-n1", "neoverse-n2", "neoverse-v1", "a64fx", "max",
    ]
    private static let kernels = ["6.1", "6.12", "7.3"]

    /// How much of a derived host is as recorded.
    private struct Score {
        var registers = 0
        var misses: [String] = []
        var guesses = 0

        /// The registers that are not as recorded.
        var missed: Set<String> { Set(misses.map { String($0.prefix { $0 != " " }) }) }

        /// `4321 of 4322 registers (99.98 %)`.
        var figure: String {
            let hundredths = (registers - misses.count) * 10_000 / max(registers, 1)
            return "\(registers - misses.count) of \(registers) registers (\(hundredths / 100)."
                + "\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) %)"
        }

        static func += (left: inout Score, right: Score) {
            left.registers += right.registers
            left.misses += right.misses
        }
    }

    private func vcpu(_ profile: HostProfile, _ features: VCPUFeatures) throws -> EmulatedCPU {
        let cpu = EmulatedCPU(profile: profile)
        let target = try #require(profile.vcpuInit).target
        try cpu.initialize(with: VCPUInit(target: target, features: features))
        return cpu
    }

    /// Compares every register of a vCPU: whether it is there, its value, and how it is written.
    private func score(
        _ derived: HostProfile, _ recorded: HostProfile, _ features: VCPUFeatures
    ) throws -> Score {
        let (new, old) = (try vcpu(derived, features).table, try vcpu(recorded, features).table)
        var score = Score()
        for id in Set(new.definitions.map(\.id) + old.definitions.map(\.id)).sorted() {
            score.registers += 1
            let values = [new[id], old[id]].map { $0?.resetValue.withoutMotion(of: id) }
            let isSame = new[id].flatMap { new in old[id].map(new.isWritten) } == true
            guard values[0] != values[1] || !isSame else { continue }
            let texts = values.map { $0?.description ?? "absent" }
            score.misses.append("\(id) \(texts[0]), recorded \(texts[1])")
        }
        return score
    }

    /// Derives a profile of `source` for the kernel of `target`, which is the answer.
    private func score(
        _ source: HostProfile, _ target: HostProfile, like others: [HostProfile]
    ) throws -> Score {
        let derived = try source.withKernel(target.kernelRelease, like: others)
        #expect(try HostProfile(parsing: Array(derived.text.utf8), file: "derived") == derived)
        #expect(derived.features == target.features)
        #expect(derived.vcpuInit == target.vcpuInit)
        #expect(derived.writableMasks == target.writableMasks)
        let sets = [try #require(target.vcpuInit).features] + target.featureSets.map(\.features)
        var score = try sets.reduce(into: Score()) { $0 += try self.score(derived, target, $1) }
        score.guesses = derived.guesses.count
        return score
    }

    /// The profiles of each pair of kernels, and those that are not the answer.
    private func pairs(
        _ machine: [HostProfile]
    ) -> [(from: HostProfile, to: HostProfile, others: [HostProfile])] {
        machine.flatMap { from in
            machine.filter { $0 != from }.map { to in (from, to, machine.filter { $0 != to }) }
        }
    }

    private func builtIns(_ machine: String) throws -> [HostProfile] {
        try Self.kernels.map { try builtIn("\($0)-\(machine)") }
    }

    /// What is not as recorded is what the old recording hides of the CPU, and is called a guess.
    @Test(arguments: machines) func byRulesAlone(machine: String) throws {
        var total = Score()
        for (from, to, _) in try pairs(builtIns(machine)) {
            let score = try score(from, to, like: [])
            #expect(score.misses.isEmpty || score.guesses > 0, "\(from.name) to \(to.name)")
            #expect(
                score.missed.isSubset(of: Self.hidden[machine] ?? []),
                "\(from.name) to \(to.name)")
            print("\(from.name) to \(to.name), by rules alone: \(score.figure)")
            total += score
        }
        print("\(machine), by rules alone: \(total.figure); missed: \(total.missed.sorted())")
    }

    /// What QEMU's `max`, which is no CPU of anyone's, has in registers that one of two kernels hides: every miss, as
    /// listed in Formats/kernel-derivation.md.
    private static let hidden: [String: Set<String>] = [
        "max": Set(
            [
                "ID_AA64DFR0_EL1", "ID_DFR0_EL1", "ID_AA64ISAR1_EL1", "ID_AA64ISAR2_EL1",
                "ID_AA64MMFR1_EL1", "PMCR_EL0", "CCSIDR0", "CCSIDR1", "CCSIDR2",
            ] + (0...30).map { "PMEVCNTR\($0)_EL0" })
    ]

    /// Without a recording with 6.1, or an older kernel, nothing tells the CPU's caches.
    @Test(arguments: machines) func withOtherRecordings(machine: String) throws {
        for (from, to, others) in try pairs(builtIns(machine)) where !to.name.hasPrefix("6.1-") {
            let score = try score(from, to, like: others)
            #expect(score.misses.isEmpty, "\(from.name) to \(to.name)")
        }
    }

    // MARK: Every kernel

    /// From the oldest kernel that is known to the newest one.
    private static let series = [
        "4.14", "4.15", "4.16", "4.17", "4.18", "4.19", "4.20", "5.0", "5.1", "5.2", "5.3", "5.4",
        "5.5", "5.6",
        "5.7", "5.8", "5.9", "5.10", "5.11", "5.12", "5.13", "5.14", "5.15", "5.16", "5.17", "5.18",
        "5.19", "6.0",
        "6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "6.8", "6.9", "6.10", "6.11", "6.12",
        "6.13", "6.14",
        "6.15", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3", "7.4",
    ]

    /// What is derived is a profile, and a host that makes vCPUs with each of its sets of features.
    @Test(arguments: HostProfile.builtInNames) func everyKernelHasAProfile(name: String) throws {
        let source = try builtIn(name)
        for kernel in Self.series {
            let derived = try source.withKernel(kernel, like: [])
            let parsed = try HostProfile(parsing: Array(derived.text.utf8), file: kernel)
            #expect(parsed == derived, "\(kernel)")
            for features in [try #require(parsed.vcpuInit).features]
                + parsed.featureSets.map(\.features)
            {
                let cpu = try vcpu(parsed, features)
                let finalized = try? cpu.read(.vcpuFinalized)
                #expect((finalized != nil) == features.contains(.sve), "\(kernel)")
            }
            let guessed = derived.guesses.map(\.register)
            #expect(guessed.allSatisfy { !$0.isVector && $0 != .vcpuFinalized }, "\(kernel)")
        }
    }

    @Test func vectorsOfHostsWithoutSVE() throws {
        let derived = try builtIn("6.12-neoverse-v1").withKernel("4.18", like: [])
        #expect(derived.registers[.vcpuFinalized] == nil)
        for number in 0..<32 {
            #expect(derived.registers[.v(number)]?.isZero == true, "v\(number)")
            #expect(derived.registers[.z(number)] == nil, "z\(number)")
        }
        let back = try derived.withKernel("6.12", like: [])
        #expect(back.registers[.v(0)]?.isZero == true)
    }

    // MARK: Recordings of a folder

    private static let folder = ProcessInfo.processInfo.environment["VCPUSNAP_PROFILES"]

    private func recordings(in folder: String) throws -> [[HostProfile]] {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        let profiles = try files.filter { $0.hasSuffix(".vhost") }.map { file in
            let bytes = try #require(FileManager.default.contents(atPath: folder + "/" + file))
            return try HostProfile(parsing: Array(bytes), file: file)
        }
        return Dictionary(grouping: profiles) { $0.name.drop { $0 != "-" } }.values
            .sorted { $0[0].name < $1[0].name }
    }

    @Test(.enabled(if: folder != nil)) func recordingsOfAFolder() throws {
        let machines = try recordings(in: try #require(Self.folder))
        for withOthers in [false, true] {
            var (table, total): ([String: Score], Score) = ([:], Score())
            for (from, to, others) in machines.flatMap(pairs) {
                let score = try score(from, to, like: withOthers ? others : [])
                let kernels = [from, to].map { $0.name.prefix { $0 != "-" } }
                table["\(kernels[0]) to \(kernels[1])", default: Score()] += score
                total += score
            }
            print(
                "| \(withOthers ? "with other recordings" : "by rules alone") | registers | missed |"
            )
            for (pair, score) in table.sorted(by: { $0.key < $1.key }) + [
                (key: "all", value: total)
            ] {
                print("| \(pair) | \(score.registers) | \(score.misses.count) |")
            }
            let causes = Dictionary(grouping: total.misses) { $0.prefix { $0 != " " } }
            for (register, misses) in causes.sorted(by: { $0.value.count > $1.value.count }) {
                print("missed \(misses.count) times: \(register), as in \(misses[0])")
            }
        }
    }
}
