internal import Registers

/// The value of `RegisterID.vcpuEvents`: the part of `struct kvm_vcpu_events` that arm64 uses.
public struct VCPUEvents: Hashable, Sendable {
    /// Whether an SError waits for the guest.
    public var isPending: Bool
    /// Whether it comes with a syndrome, which takes the RAS extension.
    public var hasSyndrome: Bool
    /// The syndrome: `syndromeMask` are the bits KVM takes.
    public var syndrome: UInt64
    /// Whether reserved bytes are not zero, which KVM refuses.
    public private(set) var hasReservedBits = false

    /// The instruction specific syndrome, ESR_ELx bits 24:0.
    public static let syndromeMask: UInt64 = 0x1ff_ffff

    /// No SError waits.
    public static let none = VCPUEvents(isPending: false, hasSyndrome: false, syndrome: 0)

    /// Events with the reserved bytes zero.
    public init(isPending: Bool, hasSyndrome: Bool, syndrome: UInt64) {
        self.isPending = isPending
        self.hasSyndrome = hasSyndrome
        self.syndrome = syndrome
    }

    /// Takes apart a value of `RegisterID.vcpuEvents`; `ext_dabt_pending` is ignored.
    /// - Precondition: the value has the register's size, 16 bytes.
    public init(_ value: RegisterValue) {
        let bytes = value.littleEndianBytes
        isPending = bytes[0] != 0
        hasSyndrome = bytes[1] != 0
        // Byte 2, ext_dabt_pending, makes KVM inject an abort at once and reads as zero ever after.
        // Injecting is the guest's business: nothing runs here.
        hasReservedBits = bytes[3..<8].contains { $0 != 0 }
        syndrome = bytes[8..<16].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The value of `RegisterID.vcpuEvents`, 16 bytes; reserved bytes and `ext_dabt_pending` are zero in it.
    public var value: RegisterValue {
        let head = [UInt8(isPending ? 1 : 0), UInt8(hasSyndrome ? 1 : 0), 0, 0, 0, 0, 0, 0]
        return RegisterValue(littleEndian: head + RegisterValue(syndrome).littleEndianBytes)
            ?? RegisterValue(0)
    }
}
