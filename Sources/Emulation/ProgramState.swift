internal import Registers
internal import TextFormats
internal import VCPUModel

/// PSTATE in the form of SPSR: M, bits 4:0, is the mode.
struct ProgramState {
    private typealias Mode = RegisterField.PSTATE.M

    private let mode: UInt64

    init(_ bits: UInt64) {
        mode = RegisterField.PSTATE.m.extract(from: bits)
    }

    /// Whether a vCPU can be in this mode (`set_core_reg`, `arch/arm64/kvm/guest.c`).
    func check(_ host: HostFacts) throws(Refusal) {
        guard isPossible(host) else {
            throw Refusal("mode \(mode.hex) is not one this vCPU can be in")
        }
    }

    private func isPossible(_ host: HostFacts) -> Bool {
        let isEL1In32Bit = host.features.contains(.el1In32Bit)
        return switch (mode, AArch32Mode(rawValue: mode)) {
        case (Mode.el0t, _), (Mode.el1t, _), (Mode.el1h, _): !isEL1In32Bit
        case (Mode.el2t, _), (Mode.el2h, _): host.features.contains(.hasEL2)
        case (_, .user): host.hasAArch32AtEL0
        case (_, let aarch32): aarch32 != nil && isEL1In32Bit
        }
    }

    /// How many X registers, from X0, are 32 bits wide: none in AArch64, the 15 of User and System
    /// mode, or all of them.
    var narrowRegisters: Int {
        switch mode {
        case ..<Mode.aa32Usr: 0
        case Mode.aa32Usr, Mode.aa32Sys: 15
        default: 31
        }
    }
}

extension CPUState {
    /// Narrows X registers and PC to 32 bits while PSTATE says AArch32, as KVM does after each write
    /// of a core register.
    mutating func narrow() {
        let count = ProgramState(pstate).narrowRegisters
        guard count > 0 else { return }
        for index in 0..<count { self[x: index] &= 0xffff_ffff }
        programCounter &= 0xffff_ffff
    }
}
