/// An exception that a debugger or a handler of memory errors makes a guest take at EL1.
public enum InjectedException: Hashable, Sendable {
    /// The exception of a breakpoint instruction at the program counter: BRK, or BKPT in AArch32.
    /// - Parameter comment: the instruction's immediate; AArch32's prefetch abort does not carry it.
    case breakpoint(comment: UInt16)
    /// A synchronous external data abort by the instruction at the program counter, as for memory that
    /// the host has lost (QEMU's `kvm_inject_arm_sea`, `target/arm/kvm.c`).
    /// - Parameters:
    ///   - address: the virtual address that was accessed; nil says that it is not known.
    ///   - isWrite: whether the access was a store.
    case dataAbort(address: UInt64?, isWrite: Bool)
    /// A virtual SError, pending until the guest unmasks it (`KVM_SET_VCPU_EVENTS`).
    /// - Parameter syndrome: the ISS, bits 24:0, which takes the RAS extension; nil is IMPLEMENTATION
    ///   DEFINED with RAS, and none without.
    case serror(syndrome: UInt64?)
}
