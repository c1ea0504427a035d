internal import LinuxSystem
public import Registers
internal import VCPUModel

/// State that QEMU loses when it saves or loads a stream, or that a snapshot has no register for.
public enum StreamWarning: Hashable, Sendable {
    /// Vectors longer than 1024 bits: QEMU sends the low 1024 bits of Z0 to Z31
    /// (`vmstate_zreg_hi_reg`, `target/arm/machine.c`).
    case longVectors(vcpu: UInt32)
    /// SME's ZA or ZT0 are in use; KVM has no registers for them.
    case matrixState(vcpu: UInt32)
    /// An AArch32 CPU with EL3: QEMU looks its Secure bank up by ids that are the Non-secure one's
    /// (`kvm_to_cpreg_id`, `target/arm/cpregs.h`), when it saves and when it loads.
    case secureBank(vcpu: UInt32)
    /// EL3's stack pointer, which no register id stands for.
    case stackPointerEL3(vcpu: UInt32)
    /// Monitor mode: no KVM register has its own SP and LR.
    case monitorMode(vcpu: UInt32)
    /// Entries whose ids no QEMU list can have; `first` is the lowest id.
    ///
    /// A bank leaves them out.
    case strangeIDs(vcpu: UInt32, count: Int, first: RegisterID)

    /// The number of the vCPU that loses something.
    public var vcpu: UInt32 {
        switch self {
        case .longVectors(let vcpu), .matrixState(let vcpu), .secureBank(let vcpu),
            .stackPointerEL3(let vcpu), .monitorMode(let vcpu), .strangeIDs(let vcpu, _, _):
            vcpu
        }
    }
}

extension StreamWarning: CustomStringConvertible {
    /// What is lost or unusual, as a sentence.
    public var description: String {
        "vCPU \(vcpu): " + text
    }

    private var text: String {
        switch self {
        case .longVectors:
            "its SVE vectors can be longer than 1024 bits, and QEMU saves only the low 1024 bits of "
                + "Z0 to Z31: what was above is lost"
        case .matrixState: "it uses SME's ZA or ZT0, which a snapshot cannot hold"
        case .secureBank:
            "it has a Secure bank, in whose place QEMU saves the Non-secure registers: what the bank "
                + "held is lost"
        case .stackPointerEL3: "SP_EL3 is in use, which a snapshot cannot hold"
        case .monitorMode:
            "it is in Monitor mode, whose SP and LR a snapshot cannot hold"
        case .strangeIDs(_, let count, let first):
            "its list has \(count == 1 ? "an id" : "\(count) ids, the first") \(first.hex), that no list of QEMU's "
                + "has: what is there is left out, and the stream may be damaged"
        }
    }
}

extension QEMUStream {
    /// What is known to be lost, for every vCPU.
    public var warnings: [StreamWarning] {
        cpus.flatMap { cpu in
            var result: [StreamWarning] = []
            if cpu.hasLongVectors { result.append(.longVectors(vcpu: cpu.instance)) }
            if cpu.subsection("cpu/sme") != nil || cpu.subsection("cpu/zt0") != nil {
                result.append(.matrixState(vcpu: cpu.instance))
            }
            if cpu.hasSecureBank { result.append(.secureBank(vcpu: cpu.instance)) }
            if cpu.usesStackPointerEL3 {
                result.append(.stackPointerEL3(vcpu: cpu.instance))
            }
            if cpu.isInMonitorMode { result.append(.monitorMode(vcpu: cpu.instance)) }
            let strange = cpu.entries.map(\.id).filter { !$0.isInListOfQEMU }
            if let first = strange.first {
                result.append(
                    .strangeIDs(vcpu: cpu.instance, count: strange.count, first: first))
            }
            return result
        }
    }
}

extension RegisterID {
    /// Whether it is of 4 or 8 bytes and KVM's or an AArch32 coprocessor's, as those of all lists are.
    var isInListOfQEMU: Bool {
        (size == 4 || size == 8) && architecture != .own
    }
}

extension CPUSection {
    /// Whether EL3 of the CPU is AArch32's, whose registers are banked: then it lists SCR_EL3 and no ID
    /// register of AArch64.
    fileprivate var hasSecureBank: Bool {
        let ids = Set(entries.map(\.id))
        return ids.contains(.scrEL3) && !ids.contains(.idAA64ISAR1EL1)
    }

    /// In AArch64 state SP_EL3 is X31 while EL3 uses it.
    fileprivate var usesStackPointerEL3: Bool {
        let isInUse = !isAArch32 && programState & 0xf == 0xd
        return isInUse || number(at: Field.stackPointers + 8 * 3, 8) != 0
    }

    /// Whether ZCR_EL1 asks for more than 1024 bits, or a predicate has bits beyond those of such
    /// vectors.
    ///
    /// The stream does not say how long they are.
    fileprivate var hasLongVectors: Bool {
        guard let sve = subsection("cpu/sve") else { return false }
        let predicates = sve.fields.lowerBound + 112 * 32
        let hasLongPredicate = (0...16).contains { index in
            (2..<4).contains { number(at: predicates + 32 * index + 8 * $0, 8) != 0 }
        }
        // LEN, bits 3:0, is one less than the length in units of 128 bits.
        let length = entries.first { $0.id == .zcrEL1 }?.value ?? 0
        return hasLongPredicate || length & 0xf > 7
    }
}
