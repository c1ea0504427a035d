internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// The devices of an emulated VM, and the attributes of its vCPUs' descriptors: a GIC with its ITSs, made and initialized
/// as the bank of a KVM VM does it.
///
/// What each attribute does is `InterruptRules`.
final class EmulatedDevices {
    let profile: HostProfile
    /// How many vCPUs the VM has.
    let vcpuCount: Int
    private(set) var model: GICModel?
    /// How many ITSs there are.
    private(set) var translatorCount = 0
    private(set) var isInitialized = false
    /// Whether the VM's state and that of devices belongs to what is saved.
    private(set) var areAskedFor = false
    /// A GICv2's groups can be written once its IIDR was (`vgic_mmio_uaccess_write_v2_misc`).
    var hasWritableGroups = false
    /// Each VM register has number 0, and each register of a vCPU that vCPU's.
    private var values: [Place: UInt64] = [:]

    private struct Place: Hashable {
        var id: RegisterID
        var vcpu: UInt32
    }

    init(_ profile: HostProfile, vcpuCount: Int) {
        self.profile = profile
        self.vcpuCount = vcpuCount
    }

    /// From here on they are saved, too.
    func ask() { areAskedFor = true }

    // MARK: Making them

    func make(_ model: GICModel) throws(Refusal) {
        guard self.model == nil else { throw Refusal("the VM has an interrupt controller") }
        guard profile.devices.contains(model.deviceName) else { throw noDevice }
        guard vcpuCount <= model.maximumVCPUs else {
            throw Refusal(
                "it has at most \(model.maximumVCPUs) vCPUs", errno: .argumentListTooLong)
        }
        self.model = model
    }

    func makeTranslator() throws(Refusal) {
        guard profile.devices.contains(GICModel.translationServiceName) else { throw noDevice }
        translatorCount += 1
        // `vgic_its_create`: shareable, and cacheable by inner domains.
        self[.gicrPropbaser] = RegisterDictionary.entry(for: .gicrPropbaser)?.deviceReset
    }

    /// What KVM answers for a device that it does not make; a profile of before that was recorded does not say it.
    private var noDevice: Refusal {
        Refusal(
            profile.devices.isEmpty
                ? "the host's profile does not say which devices its KVM makes: record it again (vcpusnap host)"
                : "this host's KVM makes no such device", errno: .noDevice)
    }

    /// Fixes the set-up (`vgic_init`).
    func initialize() {
        guard model != nil, !isInitialized else { return }
        isInitialized = true
        if self[.gicNrIrqs] == nil { self[.gicNrIrqs] = Self.defaultInterruptCount }
    }

    /// `VGIC_NR_IRQS_LEGACY`.
    private static let defaultInterruptCount: UInt64 = 256

    // MARK: What they hold

    /// What was written to a register, by the vCPU that has it; nil for one that has its reset value.
    subscript(id: RegisterID, vcpu: UInt32 = 0) -> UInt64? {
        get { values[Place(id: id, vcpu: vcpu)] }
        set { values[Place(id: id, vcpu: vcpu)] = newValue }
    }

    /// The regions of redistributors that were given, with the number of vCPUs that each has room for; 0 for all.
    private(set) var regions: [(base: UInt64, count: UInt64)] = []

    func add(_ region: (base: UInt64, count: UInt64)) { regions.append(region) }

    /// INTIDs below this are there.
    var interruptCount: UInt64 { self[.gicNrIrqs] ?? 32 }
}

extension GICModel {
    /// What a profile calls it: `KVM_DEV_TYPE_ARM_*`.
    package var deviceName: String { self == .v2 ? "VGIC_V2" : "VGIC_V3" }

    /// What a profile calls an ITS.
    package static let translationServiceName = "VGIC_ITS"
}
