internal import CFormatData

/// A version of PSCI as `RegisterID.psciVersion` has it: the major one from bit 16 on, the minor one below.
public struct PSCIVersion: RawRepresentable, Hashable, Sendable {
    /// The value of the KVM register: 0x10001 is PSCI 1.1.
    public let rawValue: UInt64

    /// Takes any value, whether or not KVM knows the version.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Those that the newest examined kernel takes, ascending.
    public static let all = Tables.psciVersions.map { PSCIVersion(rawValue: UInt64($0.version)) }

    /// The first kernel known to take it; nil where the oldest examined one does, or none.
    public var since: KernelVersion? {
        Tables.psciVersions.first { $0.version == rawValue }.flatMap {
            KernelVersion(packed: $0.since)
        }
    }

    /// Whether a kernel takes it.
    /// - Parameter kernel: nil for the newest.
    public func isKnown(to kernel: KernelVersion?) -> Bool {
        Self.all.contains(self) && KernelVersion.has(kernel, since: since)
    }
}

extension PSCIVersion: CustomStringConvertible {
    /// `1.1`.
    public var description: String { "\(rawValue >> 16).\(rawValue & 0xffff)" }
}
