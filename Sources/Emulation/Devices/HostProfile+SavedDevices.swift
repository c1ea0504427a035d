internal import Registers
internal import VCPUModel

extension HostProfile {
    /// Takes over what a snapshot tells of its host's devices: that KVM makes those of the VM, and what is the host's in
    /// them and in its vCPUs' attributes.
    mutating func addDevices(of snapshot: Snapshot) {
        let vm = snapshot.vm
        if let model = vm[.gicModel].flatMap({ GICModel(bits: $0.lowBits) }) {
            devices.insert(model.deviceName)
            let hasTranslator = RegisterID.address(ofITS: 0).map { vm.contains($0) } ?? false
            if hasTranslator { devices.insert(GICModel.translationServiceName) }
        }
        for list in [vm, snapshot.vcpus.first?.registers ?? RegisterList()] {
            for (id, saved) in list where id.isAttributeOfHost {
                attributes.set(Self.fresh(id, saved), for: id)
            }
        }
        // The guest may have kept the revision of a kernel that it was started on.
        let identities = [vm[.gicdIidr], attributes[.gicdIidr]].compactMap(\.self)
        gicRevisions = Set(identities.map { UInt8($0.lowBits >> 12 & 0xf) })
    }

    /// What a fresh VM has, as far as that follows from what a guest has.
    private static func fresh(_ id: RegisterID, _ saved: RegisterValue) -> RegisterValue {
        let entry = RegisterDictionary.entry(for: id)
        switch id {
        // None was given.
        case .pvtimeIpa: return saved.replacingLowBits(with: .max)
        case .gicdIidr: return saved.replacingLowBits(with: entry?.deviceReset ?? saved.lowBits)
        case .gicdTyper2, .gicMaintenanceIrq: return saved
        default:
            // Of a vCPU's descriptor the interrupts of the timers are left: they are mostly the host's.
            return id.deviceAttribute?.device == .vcpu
                ? saved : saved.masked(by: ~(entry?.storedBits ?? 0))
        }
    }
}
