internal import Registers

/// The registers that QEMU keeps in fields of its CPU state instead of the list, in the order in which
/// it gets and puts them (`kvm_arch_get_registers` and `kvm_arch_put_registers`, `target/arm/kvm.c`).
enum FixedRegisters {
    /// Those of a vCPU that lists these ids.
    static func inOrder(of listed: Set<RegisterID>) -> [RegisterID] {
        (general + vectors + [.fpsr, .fpcr]).filter(listed.contains)
    }

    private static let general: [RegisterID] =
        (0...30).map(RegisterID.x)
        + [.spEL0, .spEL1, .pstate, .pc, .elrEL1]
        + (0...4).map(RegisterID.spsr)

    /// A vCPU has Z, P and FFR, or V.
    private static let vectors: [RegisterID] =
        (0..<32).map(RegisterID.z) + (0...16).map(RegisterID.p) + (0..<32).map(RegisterID.v)
}
