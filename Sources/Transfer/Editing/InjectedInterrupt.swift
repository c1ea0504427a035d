internal import Registers
public import VCPUModel

/// An interrupt that is made pending as whoever raises it does: a device its line, software an SGI.
public struct InjectedInterrupt: Hashable, Sendable {
    /// The INTID.
    public let number: UInt16
    /// By whom it is raised.
    public let kind: Interrupt.Kind

    /// An interrupt by its INTID; nil for an INTID that is none of this kind (`Interrupt.Kind.numbers`).
    public init?(_ kind: Interrupt.Kind, _ number: UInt64) {
        guard let intid = UInt16(exactly: number), kind.numbers ~= intid else { return nil }
        self.number = intid
        self.kind = kind
    }

    /// Whether it is in registers that the VM has once.
    public var isOfVM: Bool { kind == .spi }
}

extension VCPUEdit {
    /// Makes an interrupt pending: where it is triggered by its level, its line becomes high; else it is latched.
    /// - Parameters:
    ///   - bank: the vCPU that it is for; for an SPI, the VM.
    ///   - vm: the VM, where it has state of its own.
    /// - Throws: where there is no such interrupt, KVM itself raises it, or a register cannot be read; nothing is changed then.
    public static func inject(
        _ interrupt: InjectedInterrupt, into bank: any RegisterBank, of vm: (any RegisterBank)?
    ) throws(EditError) -> VCPUEdit {
        let controller = try InterruptRegisters(of: interrupt.number, in: bank)
        try controller.checkIsRaisedByOthers(bank, vm)
        var edit = DeviceEdit(in: bank)
        if interrupt.kind == .sgi {
            try controller.send(&edit)
        } else {
            try controller.raise(&edit)
        }
        return VCPUEdit(edit.made())
    }
}

/// Where an interrupt controller holds what there is to say of one interrupt.
private struct InterruptRegisters {
    private typealias Place = (id: RegisterID, field: RegisterField)

    private let number: UInt16
    private let bank: any RegisterBank
    private let ids: [RegisterID]
    private let latch: Place

    init(of number: UInt16, in bank: any RegisterBank) throws(EditError) {
        ids = try EditError.listing(bank)
        guard
            let latch = Self.place(of: number, in: ids, where: { $0.interruptProperty == .pending })
        else {
            throw .impossible(
                "INTID \(number) is not there: no interrupt controller was saved, or one with fewer interrupts "
                    + "(GIC_NR_IRQS)")
        }
        self.number = number
        self.bank = bank
        self.latch = latch
    }

    private static func place(
        of number: UInt16, in ids: [RegisterID], where isWanted: (RegisterID) -> Bool
    ) -> Place? {
        for id in ids where isWanted(id) {
            let fields = RegisterDictionary.entry(for: id)?.fields ?? []
            if let field = fields.first(where: { $0.interrupt == number }) { return (id, field) }
        }
        return nil
    }

    private func place(_ property: InterruptProperty) -> Place? {
        Self.place(of: number, in: ids) { $0.interruptProperty == property }
    }

    /// KVM computes the lines of its timers, the PMU and maintenance anew at the next run.
    func checkIsRaisedByOthers(
        _ vcpu: any RegisterBank, _ vm: (any RegisterBank)?
    ) throws(EditError) {
        guard Interrupt.Kind.ppi.numbers ~= number else { return }
        let timers = RegisterID.timerInterrupts.compactMap { try? vm?.read($0).lowBits }
        let others = [try? vm?.read(.gicMaintenanceIrq).lowBits, try? vcpu.read(.pmuIrq).lowBits]
        let usual = RegisterDictionary.volatileBits(of: .gicLineLevel0)
        let isTimer =
            timers.isEmpty ? usual >> UInt64(number) & 1 != 0 : timers.contains(UInt64(number))
        guard !isTimer, !others.contains(UInt64(number)) else {
            throw .impossible(
                "the line of INTID \(number) is KVM's, which computes it again when the vCPU runs: change the timer "
                    + "(CNTV_CTL_EL0, CNTV_CVAL_EL0) or the PMU (PMOVSSET_EL0) that raises it")
        }
    }

    /// Raises the line (`kvm_vgic_inject_irq`, `arch/arm64/kvm/vgic/vgic.c`); a GICv2 has the latch alone.
    func raise(_ edit: inout DeviceEdit) throws(EditError) {
        var isLevel = false
        if let (id, field) = place(.trigger) {
            isLevel = field.extract(from: try EditError.reading(id, in: bank)) & 2 == 0
        }
        try set(isLevel ? place(.level) ?? latch : latch, to: 1, in: &edit)
    }

    /// Sends the vCPU an SGI: of a GICv2, which keeps who has sent it, from itself, or from CPU 0 where nothing tells which it
    /// is, as in QEMU's streams.
    func send(_ edit: inout DeviceEdit) throws(EditError) {
        try set(latch, to: 1, in: &edit)
        guard let sources = Self.place(of: number, in: ids, where: \.isSourceOfSGIs) else {
            return
        }
        var own: UInt64 = 0
        if let (id, field) = place(.interfaces) {
            own = field.extract(from: try EditError.reading(id, in: bank))
        }
        try set(sources, to: own == 0 ? 1 : own, in: &edit)
    }

    private func set(
        _ place: Place, to bits: UInt64, in edit: inout DeviceEdit
    ) throws(EditError) {
        try edit.change(place.id) { held in
            place.field.insert(place.field.extract(from: held) | bits, into: held)
        }
    }
}
