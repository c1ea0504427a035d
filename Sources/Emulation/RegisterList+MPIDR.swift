internal import Registers
internal import VCPUModel

extension RegisterList {
    /// Gives MPIDR_EL1, where it is listed, the affinity KVM gives a vCPU of this number: four bits
    /// of Aff0, so that a GICv3 SGI reaches every one, then Aff1 and Aff2 (`reset_mpidr`,
    /// `arch/arm64/kvm/sys_regs.c`).
    mutating func renumber(_ index: UInt32) {
        guard contains(.multiprocessorAffinity) else { return }
        let number = UInt64(index)
        let affinity = number & 0xf | (number >> 4 & 0xff) << 8 | (number >> 12 & 0xff) << 16
        set(RegisterValue(1 << 31 | affinity), for: .multiprocessorAffinity)
    }
}

extension RegisterID {
    /// MPIDR_EL1.
    fileprivate static let multiprocessorAffinity = RegisterID(rawValue: 0x6030_0000_0013_c005)
}
