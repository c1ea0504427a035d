/// ICC_CTLR_EL1 of a vCPU with a GICv3.
package struct CPUInterfaceControl: Hashable, Sendable {
    /// The register's value.
    package let bits: UInt64

    /// Takes apart a value of ICC_CTLR_EL1.
    package init(_ bits: UInt64) { self.bits = bits }

    /// How many bits of a priority the CPU interface has: 1 to 8.
    package var priorityBits: UInt64 {
        RegisterField.ICCCTLREL1.priBits.extract(from: bits) + 1
    }

    /// Whether KVM takes it on a vCPU that holds another value.
    ///
    /// One that it would refuse is not to be tried: PRIbits and IDbits of a refused value are kept all the same
    /// (`set_gic_ctlr`, `arch/arm64/kvm/vgic-sys-reg-v3.c`).
    package func isTaken(over held: CPUInterfaceControl) -> Bool {
        fieldsRefused(over: held).isEmpty
    }

    /// The fields because of which KVM refuses it there.
    package func fieldsRefused(over held: CPUInterfaceControl) -> [RegisterField] {
        let bounded = [RegisterField.ICCCTLREL1.priBits, RegisterField.ICCCTLREL1.idBits]
        let fixed = [RegisterField.ICCCTLREL1.seis, RegisterField.ICCCTLREL1.a3V]
        return bounded.filter { $0.extract(from: bits) > $0.extract(from: held.bits) }
            + fixed.filter { $0.extract(from: bits) != $0.extract(from: held.bits) }
    }
}
