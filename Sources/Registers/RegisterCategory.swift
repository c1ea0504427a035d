/// What a register is for, to group reports by.
public enum RegisterCategory: String, CaseIterable, Comparable, Sendable {
    case vcpu = "vCPU"
    case firmware = "firmware"
    case identification = "identification"
    case general = "general"
    case vector = "FP/SIMD and SVE"
    case keys = "pointer authentication keys"
    case system = "system control"
    case debug = "debug"
    case performance = "performance monitors"
    case timers = "timers"
    case other = "other"

    public static func < (left: RegisterCategory, right: RegisterCategory) -> Bool {
        left.order < right.order
    }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    public init(of id: RegisterID) {
        switch id.group {
        case .vcpu: self = .vcpu
        case .firmware, .firmwareFeatures: self = .firmware
        case .demultiplexed: self = .identification
        case .core: self = Self.coreCategory(id)
        case .sve, .vfp: self = .vector
        case .system(let encoding): self = Self.systemCategory(id, encoding)
        case .coprocessor: self = .system
        case .unknown: self = .other
        }
    }

    private static func coreCategory(_ id: RegisterID) -> RegisterCategory {
        let isFloatingPoint = id.size == 16 || id.size == 4
        return isFloatingPoint ? .vector : .general
    }

    private static func systemCategory(
        _ id: RegisterID, _ encoding: RegisterID.SystemRegisterEncoding
    ) -> RegisterCategory {
        let entry = RegisterDictionary.entry(for: id)
        if entry?.isFeatureIDRegister == true || entry?.isImplementationID == true {
            return .identification
        }
        if entry?.isTimer == true || entry?.isCounter == true { return .timers }
        if entry?.isPMU == true { return .performance }
        if entry?.isSecret == true { return .keys }
        // Op0 2 is the space of debug and trace registers (Arm ARM D18.2).
        return encoding.op0 == 2 ? .debug : .system
    }
}
