import Glibc
import GuestPrograms
import VCPUSnap

/// What a guest sees of what the policy `safe` calls invisible, and what a write of PMSWINC_EL0 leaves.
///
/// It reads 0 where KVM does not list an ID register or PMMIR_EL1, the firmware's mitigations can be called at every level, and
/// hypercall services are there from the kernels on that `Formats/registers` dates them with.
struct UnlistedProof: ~Copyable {
    private let machine: GuestMachine
    private let listed: RegisterList
    /// Whether the guest reads PMMIR_EL1, which it has not if KVM lists it with the PMU, or the CPU's PMU is older.
    private let readsPMMIR: Bool
    private let kernel: KernelVersion
    /// What PMSWINC_EL0 held after a 7 was written to it.
    private let increment: UInt64

    private static let pmmir = RegisterID(parsing: "PMMIR_EL1")
    private static let debugFeatures = RegisterID(parsing: "ID_AA64DFR0_EL1")

    private static func runningKernel() throws -> KernelVersion {
        var names = utsname()
        uname(&names)
        let release = withUnsafeBytes(of: names.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard let kernel = KernelVersion(parsing: release) else {
            throw ProofError("no kernel is called \(release)")
        }
        return kernel
    }

    init() throws {
        let kernel = try Self.runningKernel()
        let system = try KVMSystem()
        let other = try ScratchVM(on: system, vcpuCount: 1)
        try other.banks[0].initialize(with: other.abilities.defaultInit)
        let ofPMU = try Capture(of: other.banks[0]).registers
        try other.banks[0].write(RegisterValue(7), to: .pmswincEL0)
        let increment = try other.banks[0].read(.pmswincEL0).lowBits
        // PMUVer, bits 11:8; 5 is PMUv3 for Armv8.4, 15 is no PMUv3.
        let version = (Self.debugFeatures.flatMap { ofPMU[$0]?.lowBits } ?? 0) >> 8 & 0xf
        let readsPMMIR = Self.pmmir.map { ofPMU[$0] == nil } ?? false && 5..<15 ~= version
        let machine = try GuestMachine(on: system)
        try machine.bank.initialize(with: GuestProgram.initialization(of: machine.abilities))
        try machine.start(guest_unlisted, argument: readsPMMIR ? 1 : 0, pstate: 0x3c5)
        let stop = try machine.run(atMost: 10_000_000)
        guard stop == .finished(0) else { throw ProofError("the guest ended otherwise: \(stop)") }
        // Only then KVM knows that the VM has no GIC, and says so in the ID registers.
        listed = try Capture(of: machine.bank).registers
        self.readsPMMIR = readsPMMIR
        (self.kernel, self.increment) = (kernel, increment)
        self.machine = machine
    }

    /// What the guest wrote down.
    private borrowing func word(_ number: Int) -> UInt64 { machine.word(at: number * 8) }

    borrowing func run() -> Bool {
        let answers = [
            areRegistersRight(), areMitigationsRight(), areServicesRight(), isIncrementRight(),
        ]
        return !answers.contains(false)
    }

    /// Each with the register that has its bit, and since when it is there where no register says so (`services.jsonl`).
    private static let services:
        [(name: String, id: RegisterID, bit: UInt64, since: KernelVersion)] =
            [
                ("TRNG", .stdBmap, 0, KernelVersion(5, 12)),
                ("the vendor's features", .vendorHypBmap, 0, KernelVersion(5, 13)),
                ("PTP", .vendorHypBmap, 1, KernelVersion(5, 13)),
            ]

    private borrowing func areServicesRight() -> Bool {
        var isRight = true
        for (number, service) in Self.services.enumerated() {
            let answer = Int32(truncatingIfNeeded: word(Int(GUEST_UNLISTED_SERVICES) + number))
            let bits = listed[service.id]?.lowBits
            print(service.name, "answers", answer, bits.map { "of \($0)" } ?? "without a bitmap")
            let isOffered = bits.map { $0 >> service.bit & 1 != 0 } ?? (kernel >= service.since)
            // Without the service the call is unknown, which is -1.
            isRight = isRight && (answer != -1) == isOffered
        }
        return isRight
    }

    private borrowing func isIncrementRight() -> Bool {
        print("PMSWINC_EL0 holds", increment, "after a 7 was written")
        let entry = RegisterDictionary.entry(for: .pmswincEL0)
        switch entry?.behavior(onKernel: kernel)?.behaviorClass {
        case .writable: return increment == 7
        case .writeIgnored: return increment == 0
        default: return false
        }
    }

    private borrowing func areRegistersRight() -> Bool {
        var seen: [(id: RegisterID?, value: UInt64)] = []
        for number in 0..<Int(GUEST_UNLISTED_PMMIR) {
            let name = "S3_0_C0_C\(number / 8 + 1)_\(number % 8)"
            seen.append(
                (RegisterID(parsing: name), word(Int(GUEST_UNLISTED_ID_REGISTERS) + number)))
        }
        if readsPMMIR { seen.append((Self.pmmir, word(Int(GUEST_UNLISTED_PMMIR)))) }
        var (counts, isRight) = ((listed: 0, unlisted: 0), true)
        for (id, value) in seen {
            guard let id else { return false }
            let own = listed[id]
            if own == nil { counts.unlisted += 1 } else { counts.listed += 1 }
            // What KVM lists has the listed value: so it is the register that was read.
            guard value != own?.lowBits ?? 0 else { continue }
            print(id, "reads as", RegisterValue(value), own.map { "and is listed as \($0)" } ?? "")
            isRight = false
        }
        print(
            "the guest read", counts.listed, "registers that KVM lists, and", counts.unlisted,
            "that it does not")
        return isRight && counts.listed > 0
    }

    /// What `SMCCC_ARCH_FEATURES` answers at each level (`kvm_smccc_call_handler`, `arch/arm64/kvm/hypercalls.c`); no
    /// level is without the register.
    private static let answers: [[UInt64: Int64]] = [
        [0: -1, 1: 0, 2: 1], [0: -1, 3: -2], [0: -1, 1: 0, 2: 1],
    ]

    private borrowing func areMitigationsRight() -> Bool {
        var isRight = true
        for number in 0..<3 {
            let name = "SMCCC_ARCH_WORKAROUND_\(number + 1)"
            let level = RegisterID(parsing: name).flatMap { listed[$0]?.lowBits }
            let place = Int(GUEST_UNLISTED_WORKAROUNDS) + number * 2
            // The answers are 32 bits in x0.
            let answers = [place, place + 1].map { Int64(Int32(truncatingIfNeeded: word($0))) }
            print(name, level.map { "\($0)" } ?? "is not listed", "- the firmware says", answers[0])
            print("  the call returns", answers[1])
            isRight = isRight && answers[0] == Self.answers[number][level ?? 0] && answers[1] == 0
        }
        return isRight
    }
}
