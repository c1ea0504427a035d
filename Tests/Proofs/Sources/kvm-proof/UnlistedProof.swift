import GuestPrograms
import VCPUSnap

/// What the proofs of the policy `safe` say of KVM, seen by a guest: it reads 0 where KVM does not list an ID
/// register or PMMIR_EL1, and the firmware's mitigations can be called at every level.
struct UnlistedProof: ~Copyable {
    private let machine: GuestMachine
    private let listed: RegisterList
    /// Whether the guest reads PMMIR_EL1, which it has not if KVM lists it with the PMU, or the CPU's PMU is older.
    private let readsPMMIR: Bool

    private static let pmmir = RegisterID(parsing: "PMMIR_EL1")
    private static let debugFeatures = RegisterID(parsing: "ID_AA64DFR0_EL1")

    init() throws {
        let system = try KVMSystem()
        let other = try ScratchVM(on: system, vcpuCount: 1)
        try other.banks[0].initialize(with: other.abilities.defaultInit)
        let ofPMU = try Capture(of: other.banks[0]).registers
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
        self.machine = machine
    }

    /// What the guest wrote down.
    private borrowing func word(_ number: Int) -> UInt64 { machine.word(at: number * 8) }

    borrowing func run() -> Bool {
        let registers = areRegistersRight()
        return areMitigationsRight() && registers
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
