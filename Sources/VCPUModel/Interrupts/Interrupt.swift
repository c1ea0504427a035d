internal import Registers

/// What the registers of an interrupt controller say of one interrupt; nil for what they do not say.
public struct Interrupt: Hashable, Sendable {
    /// By whom it is raised.
    public enum Kind: String, Hashable, Sendable {
        /// Software, for a CPU.
        case sgi = "SGI"
        /// A device of one CPU.
        case ppi = "PPI"
        /// A device of the VM.
        case spi = "SPI"

        /// The INTIDs of such interrupts.
        public var numbers: ClosedRange<UInt16> {
            switch self {
            case .sgi: 0...15
            case .ppi: 16...31
            case .spi: 32...1019
            }
        }
    }

    /// Where it goes.
    public enum Target: Hashable, Sendable {
        /// The CPU of this affinity: Aff3 in bits 31:24, Aff0 in bits 7:0.
        case affinity(UInt32)
        /// Any CPU.
        case any
        /// The CPU interfaces of a GICv2, a bit each.
        case interfaces(UInt8)
    }

    /// The INTID.
    public let number: UInt16
    /// Whether it is enabled.
    public var isEnabled: Bool?
    /// Whether it is pending, other than by the level of its line.
    public var isPending: Bool?
    /// Whether a CPU is handling it.
    public var isActive: Bool?
    /// Its priority; a lower one is more urgent.
    public var priority: UInt8?
    /// Where it goes; nil also of an interrupt of one CPU.
    public var target: Target?
    /// Whether its line is high.
    public var isHigh: Bool?
    /// Whether it is triggered by an edge, and not by a level.
    public var isEdgeTriggered: Bool?
    /// Whether it is in Group 1, and not in Group 0.
    public var isInGroup1: Bool?

    init(_ number: UInt16) {
        self.number = number
    }

    /// By whom it is raised.
    public var kind: Kind { number < 16 ? .sgi : number < 32 ? .ppi : .spi }

    /// Whether the guest or a device has anything to do with it.
    public var isInUse: Bool {
        [isEnabled, isPending, isActive, isHigh].contains(true)
    }

    fileprivate mutating func set(_ property: InterruptProperty, to bits: UInt64) {
        switch property {
        case .group: isInGroup1 = bits != 0
        case .enabled: isEnabled = bits != 0
        case .pending: isPending = bits != 0
        case .active: isActive = bits != 0
        case .priority: priority = UInt8(truncatingIfNeeded: bits)
        case .interfaces:
            // A CPU's own interrupts go to that CPU.
            if kind == .spi { target = .interfaces(UInt8(truncatingIfNeeded: bits)) }
        case .trigger: isEdgeTriggered = bits & 2 != 0
        case .route: target = Self.target(ofRoute: bits)
        case .level: isHigh = bits != 0
        }
    }

    /// By GICD_IROUTER.
    private static func target(ofRoute bits: UInt64) -> Target {
        RegisterField.GICDIROUTER.irm.touches(bits) ? .any : .affinity(UInt32(affinityIn: bits))
    }
}

extension RegisterList {
    /// The interrupts of which the registers say anything, by INTID.
    public var interrupts: [Interrupt] {
        var found: [UInt16: Interrupt] = [:]
        for (id, value) in self {
            guard let property = id.interruptProperty else { continue }
            if case .route(let number) = property {
                found[number, default: Interrupt(number)].set(property, to: value.lowBits)
                continue
            }
            for field in RegisterDictionary.entry(for: id)?.fields ?? [] {
                guard let number = field.interrupt else { continue }
                found[number, default: Interrupt(number)]
                    .set(property, to: field.extract(from: value))
            }
        }
        return found.values.sorted { $0.number < $1.number }
    }
}

extension Snapshot {
    /// The vCPU with an affinity, Aff3 in bits 31:24, by its MPIDR_EL1; nil where none has it.
    public func vcpu(withAffinity affinity: UInt32) -> VCPUState? {
        vcpus.first { $0.affinity == affinity }
    }
}

extension VCPUState {
    /// Nil without MPIDR_EL1.
    fileprivate var affinity: UInt32? {
        guard let bits = registers[.mpidrEL1]?.lowBits else { return nil }
        return UInt32(affinityIn: bits)
    }
}
