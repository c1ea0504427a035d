internal import TextFormats
internal import VCPUModel

/// PSTATE in the form of SPSR: M, bits 4:0, is the mode.
struct ProgramState {
    private let mode: UInt64

    init(_ bits: UInt64) {
        mode = bits & 0x1f
    }

    /// Whether a vCPU can be in this mode (`set_core_reg`, `arch/arm64/kvm/guest.c`).
    func check(_ host: HostFacts) throws(Refusal) {
        guard isPossible(host) else {
            throw Refusal("mode \(mode.hex) is not one this vCPU can be in")
        }
    }

    private func isPossible(_ host: HostFacts) -> Bool {
        let isEL1In32Bit = host.features.contains(.el1In32Bit)
        return switch mode {
        case 0x0, 0x4, 0x5: !isEL1In32Bit  // EL0t, EL1t, EL1h
        case 0x8, 0x9: host.features.contains(.hasEL2)  // EL2t, EL2h
        case 0x10: host.hasAArch32AtEL0  // usr
        case 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f: isEL1In32Bit  // fiq irq svc abt und sys
        default: false
        }
    }

    /// How many X registers, from X0, are 32 bits wide: none in AArch64, the 15 of User and System
    /// mode, or all of them.
    var narrowRegisters: Int {
        switch mode {
        case ..<0x10: 0
        case 0x10, 0x1f: 15
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
