internal import Emulation
internal import LinuxSystem
internal import QEMUStream
internal import Registers

/// Something of the machine for which QEMU does not load a stream, or does not write one, whatever its vCPUs hold.
public enum LoadBlocker: Hashable, Sendable {
    /// The version does not have the machine type: it came later, or is gone.
    case absentMachine(String)
    /// The destination has another machine type.
    case otherMachine(String, there: String)
    /// The machine type has to be named: the version's own is another.
    case machineToName(String)
    /// The destination does not have a device of that name and instance, which the stream has before its vCPUs or behind.
    case absentDevice(String, UInt32, isBehindVCPUs: Bool)
    /// A KVM guest with EL2: QEMU refuses to migrate or save it.
    case nestedVirtualization
    /// The guest's memory has tags (MTE).
    case memoryTags(underKVM: Bool)
    /// The interrupt controller is a GICv5, whose state QEMU does not save.
    case gicv5
    /// KVM of the destination does not make the stream's interrupt controller, or its ITS: the device's name in profiles.
    case absentController(String)
    /// KVM refuses a value of the interrupt controller, and QEMU aborts.
    case refusedInterrupts(InterruptRefusal)

    /// The stable name, as in JSON.
    public var name: String {
        switch self {
        case .absentMachine: "absent-machine"
        case .otherMachine: "other-machine"
        case .machineToName: "machine-to-name"
        case .absentDevice: "absent-device"
        case .nestedVirtualization: "nested-virtualization"
        case .memoryTags: "memory-tags"
        case .gicv5: "gicv5"
        case .absentController: "absent-controller"
        case .refusedInterrupts: "refused-interrupts"
        }
    }

    /// Whether QEMU comes to it only when it has loaded the vCPUs.
    var isBehindVCPUs: Bool {
        if case .absentDevice(_, _, let isBehind) = self { isBehind } else { false }
    }

    /// Whether no such load succeeds.
    public var isFatal: Bool {
        switch self {
        case .absentMachine, .otherMachine, .absentDevice, .absentController,
            .refusedInterrupts:
            true
        case .machineToName, .nestedVirtualization, .memoryTags, .gicv5: false
        }
    }

    /// Whether another version can have what is in the way: the machine type.
    var isOfVersion: Bool {
        switch self {
        case .absentMachine, .otherMachine, .machineToName: true
        default: false
        }
    }
}

extension LoadBlocker {
    /// What a stream shows.
    /// - Parameters:
    ///   - version: nil where any is meant, so that the machine type stands in no way.
    ///   - destination: the stream of the machine that it goes to; nil where that is not known.
    ///   - profile: the host that it goes to; nil where that is not known, or QEMU emulates the vCPUs.
    static func all(
        of stream: QEMUStream, by version: QEMUVersion?, to destination: QEMUStream? = nil,
        on profile: HostProfile? = nil
    ) -> [LoadBlocker] {
        let machine = version.flatMap { machineBlocker(of: stream, by: $0, to: destination) }
        let interrupts = profile.flatMap { InterruptLoad.blocker(of: stream, on: $0) }
        return [machine].compactMap(\.self) + absentDevices(of: stream, in: destination)
            + [interrupts].compactMap(\.self) + featureBlockers(of: stream)
    }

    private static func machineBlocker(
        of stream: QEMUStream, by version: QEMUVersion, to destination: QEMUStream?
    ) -> LoadBlocker? {
        guard let machine = stream.machineType else { return nil }
        if let there = destination?.machineType {
            return there == machine ? nil : .otherMachine(machine, there: there)
        }
        guard let own = QEMUVersion(ofMachine: machine) else { return nil }
        if !version.hasMachine(of: own) { return .absentMachine(machine) }
        return own == version || destination != nil ? nil : .machineToName(machine)
    }

    private static func absentDevices(
        of stream: QEMUStream, in destination: QEMUStream?
    ) -> [LoadBlocker] {
        guard let there = destination?.devices else { return [] }
        var known: [String: Set<UInt32>] = [:]
        for (name, instance) in there { known[name, default: []].insert(instance) }
        let devices = stream.devices ?? []
        let firstVCPU = devices.firstIndex { $0.name == "cpu" } ?? devices.endIndex
        return devices.indices.compactMap { index in
            let (name, instance) = devices[index]
            guard known[name]?.contains(instance) != true else { return nil }
            return .absentDevice(name, instance, isBehindVCPUs: index > firstVCPU)
        }
    }

    private static func featureBlockers(of stream: QEMUStream) -> [LoadBlocker] {
        let entries = stream.cpus.first?.entries ?? []
        let ids = Set(entries.map(\.id))
        let isOfKVM = stream.origin.canBeOfKVM
        let features = entries.first { $0.id == .idAA64PFR2EL1 }?.value ?? 0
        let hasGICv5 = RegisterField.IDAA64PFR2EL1.gcie.touches(features)
        let blockers: [LoadBlocker?] = [
            isOfKVM && ids.contains(.hcrEL2) ? .nestedVirtualization : nil,
            ids.contains(.rgsrEL1) ? .memoryTags(underKVM: isOfKVM) : nil,
            hasGICv5 ? .gicv5 : nil,
        ]
        return blockers.compactMap(\.self)
    }

    /// What QEMU prints when it ends because of it; empty where it does not.
    func lines(by version: QEMUVersion) -> [String] {
        let end = "load of migration failed: Invalid argument"
        switch self {
        case .absentMachine(let name):
            let what = version >= QEMUVersion(10, 0) ? ": \"\(name)\"" : ""
            return [
                "unsupported machine type\(what)", "Use -machine help to list supported machines",
            ]
        case .otherMachine(let name, let there):
            let what = "Machine type received is '\(name)' and local is '\(there)'"
            guard version.hidesErrorNumbers else { return [what, end] }
            let hook = "post load hook failed for: configuration, version_id: 1, minimum_version: 0"
            return ["\(end): \(hook): \(what)"]
        case .absentDevice(let name, let instance, _):
            let what =
                "section or instance '\(name)' \(instance). Make sure that your current VM setup "
                + "matches your saved VM setup, including any hotplugged devices"
            return version.hidesErrorNumbers
                ? ["\(end): Unknown \(what)"] : ["Unknown savevm \(what)", end]
        case .refusedInterrupts(let refusal):
            // Before it stands "Unexpected error in kvm_device_access()" with the file and the line.
            return [refusal.line]
        case .machineToName, .nestedVirtualization, .memoryTags, .gicv5, .absentController:
            return []
        }
    }
}

extension InterruptRefusal {
    /// `kvm_device_access`, `accel/kvm/kvm-all.c`.
    fileprivate var line: String {
        let digits = String(attribute, radix: 16)
        let number = String(repeating: "0", count: 16 - digits.count) + digits
        let group = id.deviceAttribute?.group ?? 0
        return "KVM_SET_DEVICE_ATTR failed: Group \(group) attr 0x\(number): \(errno.sentence)"
    }
}

extension QEMUVersion {
    /// The version of `virt-10.0`; nil for another machine type.
    init?(ofMachine name: String) {
        let parts = name.split(separator: "-")
        guard parts.count == 2, parts[0] == "virt" else { return nil }
        self.init(parsing: parts[1])
    }

    /// The first that does not have this version's machine type any more: since 10.1 those of six years before are
    /// gone (`MACHINE_VER_DELETION`).
    var firstWithoutOwnMachine: QEMUVersion {
        max(QEMUVersion(10, 1), QEMUVersion(major + 6, minor))
    }

    fileprivate func hasMachine(of other: QEMUVersion) -> Bool {
        other <= self && self < other.firstWithoutOwnMachine
    }
}
