internal import CLinux
internal import Registers
internal import VCPUModel

/// A call that reads an attribute in a process, made ready before that stands still.
struct DeviceQuestion {
    /// Whose register the attribute is, or a part of.
    let unit: UnitID
    let id: RegisterID
    let attribute: DeviceAttribute
    let descriptor: Int
    /// Of the part's lowest bit in the register.
    let shift: UInt64
    /// How many bytes KVM writes.
    let size: Int
    /// KVM does not say of an INTID that there is none.
    let lowestINTID: UInt64

    /// All that it takes to read a register.
    ///
    /// The upper half of GICD_IROUTER reads as zero whatever was written (`vgic_mmio_read_irouter`,
    /// `arch/arm64/kvm/vgic/vgic-mmio-v3.c`), so it is not asked for.
    static func all(
        for id: RegisterID, of unit: UnitID, on descriptor: Int
    ) -> [DeviceQuestion] {
        let attributes = id.attributes
        let isRoute = if case .route = id.interruptProperty { true } else { false }
        let asked = attributes.prefix(isRoute ? 1 : attributes.count)
        return asked.enumerated().map { part, attribute in
            DeviceQuestion(
                unit: unit, id: id, attribute: attribute, descriptor: descriptor,
                shift: UInt64(part) << 5, size: attribute.valueSize ?? id.size ?? 0,
                lowestINTID: id.lowestINTID ?? 0)
        }
    }

    /// Adds the call that reads it.
    func add(to batch: inout CallBatch, _ key: VCPUKey, _ model: GICModel?) {
        batch.add(
            CLINUX_KVM_GET_DEVICE_ATTR, on: descriptor, group: attribute.group,
            attribute: key.attributeNumber(of: attribute, with: model),
            value: attribute.isAskedByValue ? attribute.preset : nil)
    }

    /// The bits of the register that a call has read.
    func bits(in answer: UInt64) -> UInt64 {
        (size < 8 ? answer & ~(.max << UInt64(size * 8)) : answer) << shift
    }
}
