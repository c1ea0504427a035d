internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// State that QEMU loses when it saves or loads a stream, or that a snapshot has no register for.
public enum StreamWarning: Hashable, Sendable {
    /// Vectors longer than 1024 bits: QEMU sends the low 1024 bits of Z0 to Z31
    /// (`vmstate_zreg_hi_reg`, `target/arm/machine.c`).
    case longVectors(vcpu: UInt32)
    /// SME's ZA or ZT0 are in use; KVM has no registers for them.
    case matrixState(vcpu: UInt32)
    /// Registers of the Secure bank, which QEMU loads into their Non-secure twins
    /// (`kvm_to_cpreg_id`, `target/arm/cpregs.h`).
    case secureBank(vcpu: UInt32, count: Int)
    /// EL3's stack pointer, which no register id stands for.
    case stackPointerEL3(vcpu: UInt32)
    /// Monitor mode: its own SP and LR are in no register of KVM's.
    case monitorMode(vcpu: UInt32)

    public var vcpu: UInt32 {
        switch self {
        case .longVectors(let vcpu), .matrixState(let vcpu), .secureBank(let vcpu, _),
            .stackPointerEL3(let vcpu), .monitorMode(let vcpu):
            vcpu
        }
    }
}

extension StreamWarning: CustomStringConvertible {
    public var description: String {
        "vCPU \(vcpu): " + text
    }

    private var text: String {
        switch self {
        case .longVectors:
            "its SVE vectors can be longer than 1024 bits, and QEMU saves only the low 1024 bits of "
                + "Z0 to Z31: what was above is lost"
        case .matrixState: "it uses SME's ZA or ZT0, which a snapshot cannot hold"
        case .secureBank(_, let count):
            "\(count) AArch32 registers of the Secure bank: QEMU loads them into their Non-secure "
                + "twins, so what they hold is lost when the stream is loaded"
        case .stackPointerEL3: "SP_EL3 is in use, which a snapshot cannot hold"
        case .monitorMode:
            "it is in Monitor mode, whose SP and LR a snapshot cannot hold"
        }
    }
}

extension QEMUStream {
    /// What is known to be lost, of every vCPU.
    public var warnings: [StreamWarning] {
        cpus.flatMap { cpu in
            let secure = cpu.entries.filter { !$0.id.survivesCPRegisterKey && $0.id.isAArch32 }
            var result: [StreamWarning] = []
            if cpu.hasLongVectors { result.append(.longVectors(vcpu: cpu.instance)) }
            if cpu.subsection("cpu/sme") != nil || cpu.subsection("cpu/zt0") != nil {
                result.append(.matrixState(vcpu: cpu.instance))
            }
            if !secure.isEmpty {
                result.append(.secureBank(vcpu: cpu.instance, count: secure.count))
            }
            if cpu.usesStackPointerEL3 {
                result.append(.stackPointerEL3(vcpu: cpu.instance))
            }
            if cpu.isInMonitorMode { result.append(.monitorMode(vcpu: cpu.instance)) }
            return result
        }
    }
}

extension RegisterID {
    fileprivate var isAArch32: Bool { architecture == .arm }
}

extension CPUSection {
    /// In AArch64 state SP_EL3 is X31 while EL3 uses it.
    fileprivate var usesStackPointerEL3: Bool {
        let isInUse = !isAArch32 && programState & 0xf == 0xd
        return isInUse || number(at: Field.stackPointers + 8 * 3, 8) != 0
    }

    /// Whether ZCR_EL1 asks for more than 1024 bits, or a predicate has bits beyond those of such
    /// vectors. The stream does not say how long they are.
    fileprivate var hasLongVectors: Bool {
        guard let sve = subsection("cpu/sve") else { return false }
        let predicates = sve.fields.lowerBound + 112 * 32
        let hasLongPredicate = (0...16).contains { index in
            (2..<4).contains { number(at: predicates + 32 * index + 8 * $0, 8) != 0 }
        }
        let length = entries.first { $0.id == Self.vectorControl }?.value ?? 0
        return hasLongPredicate || length & 0xf > 7
    }

    /// ZCR_EL1; LEN, bits 3:0, is one less than the length in units of 128 bits.
    private static let vectorControl = RegisterID(rawValue: 0x6030_0000_0013_c090)
}
