public import Registers

/// How much of the list a move to KVM writes (`KVM_PUT_RUNTIME_STATE`, `KVM_PUT_RESET_STATE` and
/// `KVM_PUT_FULL_STATE`, QEMU's `include/system/kvm.h`).
public enum SyncLevel: Int, CaseIterable, Comparable, Sendable {
    /// While the VM is in use: what code of the VMM may have changed.
    case runtime = 1
    /// After a reset of the guest.
    case reset = 2
    /// Before the guest runs for the first time, or after a migration.
    case full = 3

    /// Whether the left one writes less.
    public static func < (left: SyncLevel, right: SyncLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension RegisterID {
    /// The lowest level that writes the register (`kvm_arm_cpreg_level`, `target/arm/kvm.c`).
    ///
    /// A counter runs on while its value waits in the list; writing it at each sync would set the whole
    /// VM's time back, so only `full` does.
    public var syncLevel: SyncLevel {
        RegisterDictionary.entry(for: self)?.isCounter == true ? .full : .runtime
    }
}
