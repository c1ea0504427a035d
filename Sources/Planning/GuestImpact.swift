internal import Emulation
public import Registers
internal import VCPUModel

/// What the guest would notice of the loss of a register.
public struct GuestImpact: Hashable, Sendable {
    /// Whether the register holds something other than its reset value; nil where that is not known or says nothing
    /// (ID registers).
    public var isChangedFromReset: Bool?
    /// The fields by which the guest itself controls what the register belongs to, with their values; 0 is off.
    public var controls: [FieldValue]

    /// Whether the guest has any of it switched on; nil where there is no control.
    public var isInUse: Bool? {
        controls.isEmpty ? nil : controls.contains { $0.value != 0 }
    }

    /// Whether there is nothing to say.
    public var isEmpty: Bool { isChangedFromReset == nil && controls.isEmpty }

    /// `changed since reset; in use, CPACR_EL1.ZEN is 0x3`.
    public var text: String {
        let change = isChangedFromReset.map { $0 ? "changed since reset" : "never changed" }
        let values = controls.map { "\($0.name) is \(RegisterValue($0.value))" }
        let use = isInUse.map { isInUse in
            (isInUse ? "in use, " : "not in use, ") + values.joined(separator: ", ")
        }
        return [change, use].compactMap(\.self).joined(separator: "; ")
    }
}

/// A field of a register, and a value that it has or should have had.
public struct FieldValue: Hashable, Sendable {
    /// The field's name, without its register's where that is told beside it: `S1PIE`, `CPACR_EL1.ZEN`.
    public var name: String
    /// In the field's own bits, shifted down to bit 0.
    public var value: UInt64
}

/// What can be done about a register's loss.
public enum Remedy: Hashable, Sendable {
    /// Drop it: the guest cannot see it, and this is the proof.
    case dropSafely(String)
    /// Start the guest with these values in fields of the ID register of this name.
    case lowerFields(String, [FieldValue])
    /// Start the guest without the hypercall services of these bits in the firmware register of this name.
    case restrictBitmap(String, bits: UInt64)
    /// Start the guest with an older PSCI.
    case lowerPSCIVersion(to: String)
    /// Give the destination this kernel or a newer one.
    case upgradeKernel(String)
    /// Use a VMM that enables this capability on the VM before it makes vCPUs.
    /// - Parameter onNewerKernel: whether the destination's kernel does not have it.
    case enableCapability(KVMCapability, onNewerKernel: Bool)
    /// Move to a host that has this.
    case otherHost(String)
    /// Where the destination has CPUs of several types, run the vCPUs on those of this type.
    case pinVCPUs(String)
    /// Move to a host or kernel that makes this many vCPUs for a VM.
    case moreVCPUs(Int)
    /// Pardon the difference by this rule of a policy.
    case policy(String)
    /// Save the guest again: KVM could not have made the vCPUs that the snapshot has.
    case saveAgain

    /// The stable name, as in JSON.
    public var name: String {
        switch self {
        case .dropSafely: "drop-safely"
        case .lowerFields: "lower-fields"
        case .restrictBitmap: "restrict-bitmap"
        case .lowerPSCIVersion: "lower-psci-version"
        case .upgradeKernel: "upgrade-kernel"
        case .enableCapability: "enable-capability"
        case .otherHost: "other-host"
        case .pinVCPUs: "pin-vcpus"
        case .moreVCPUs: "more-vcpus"
        case .policy: "policy"
        case .saveAgain: "save-again"
        }
    }

    /// What to do, in words for a report, with the command-line option for it where there is one.
    public var text: String {
        switch self {
        case .dropSafely(let proof): "drop it safely (--policy safe): \(proof)"
        case .lowerFields(let register, let fields):
            "before the guest's first run set in \(register) (vcpusnap baseline) "
                + fields.map { "\($0.name) to \(RegisterValue($0.value))" }.joined(separator: ", ")
        case .restrictBitmap(let register, let bits):
            "before the guest's first run clear the bits \(RegisterValue(bits)) of \(register)"
        case .lowerPSCIVersion(let version):
            "before the guest's first run set PSCI_VERSION to \(version)"
        case .upgradeKernel(let version): Self.kernel(version)
        case .enableCapability(let capability, let onNewerKernel):
            (onNewerKernel ? Self.kernel(capability.since?.description ?? "") + ", and use" : "use")
                + " a VMM that enables \(capability.name) before it makes vCPUs"
                + (capability.enabledBy.map { ": \($0)" } ?? "")
        case .otherHost(let what): "choose a host with \(what)"
        case .pinVCPUs(let cpu):
            "if the destination has CPUs of several types, pin the vCPUs and whoever makes them to those that "
                + "are \(cpu)"
        case .moreVCPUs(let count):
            "choose a host or a kernel that makes \(count) vCPUs for a VM (\(HostProfile.maximumVCPUsName))"
        case .policy(let rule):
            "if the guest does not depend on it: a policy with the rule \(rule) (--write-policy FILE "
                + "writes one)"
        case .saveAgain: "save the guest again, with all its vCPUs and their registers"
        }
    }

    private static func kernel(_ version: String) -> String {
        "give the destination Linux \(version) or newer"
    }
}
