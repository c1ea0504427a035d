internal import LinuxSystem
public import Registers
public import VCPUModel

/// A vCPU of a migration stream as a bank: its "cpu" section by KVM's ids.
///
/// What KVM keeps outside its list is here too, as far as the stream tells it: the power state, a pending SError, the
/// init features that its registers show, and the vCPU's part of the interrupt controller, which is not changed.
public final class QEMUVCPUBank: RegisterBank {
    /// The section with everything written so far, ready to be put into the stream (`QEMUStream.patch`).
    public private(set) var section: CPUSection
    private let origin: StreamOrigin
    private var places: RegisterPlaces
    private let interrupts: InterruptBank

    /// A bank of its own copy of the section.
    /// - Parameters:
    ///   - origin: of the stream. It decides which values QEMU would take.
    ///   - interrupts: what the vCPU has of the stream's interrupt controller.
    public init(
        _ section: CPUSection, origin: StreamOrigin, interrupts: RegisterList = RegisterList()
    ) {
        self.section = section
        self.origin = origin
        self.interrupts = InterruptBank(interrupts)
        places = RegisterPlaces(section, origin: origin)
    }

    /// All ids that the section has or decides, in ascending order.
    ///
    /// Of a vCPU with SVE the Z registers are listed and the V registers, which are parts of them, are not.
    public func list() -> [RegisterID] {
        let listed = places.places.keys.filter { !places.unlisted.contains($0) }
        return (listed + outsidePlaces + interrupts.list()).sorted()
    }

    /// The value in the section, or what follows from it for a register that has no place there.
    /// - Throws: errno `ENOENT` when the section has no such register.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        if let place = places.places[id]?.first { return place.read(section) }
        if interrupts.has(id) { return try interrupts.read(id) }
        guard outsidePlaces.contains(id), let value = computed(id) else {
            throw RegisterBankError(.read, id, .noEntry, explanation: Self.notThere)
        }
        return value
    }

    /// Writes the section, at every place where it has the register.
    /// - Throws: errno `ENOENT` when the section has no such register; `EINVAL` for a value of another size, for one
    ///   that QEMU's emulation would not load, and for what the stream cannot hold.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        try value.checkSize(for: id)
        if interrupts.has(id) { return try interrupts.write(value, to: id) }
        guard let own = places.places[id] else { return try writeOutsidePlaces(value, to: id) }
        if let reason = whyNotLoaded(value, id), own[0].read(section) != value {
            throw RegisterBankError(.write, id, .invalidArgument, explanation: reason)
        }
        for place in own { place.write(value, to: &section) }
        // Other registers stand elsewhere in another mode.
        if id == .pstate { places = RegisterPlaces(section, origin: origin) }
    }

    private static let notThere = "the stream's cpu section has no such register"

    /// QEMU's emulation reads back what it loads, and gives up where that is something else.
    private func whyNotLoaded(_ value: RegisterValue, _ id: RegisterID) -> String? {
        guard origin != .kvm, let entry = RegisterDictionary.entry(for: id) else { return nil }
        if entry.isQEMUConstant {
            return "QEMU's CPU model fixes it, and a stream with another value does not load"
        }
        guard value.lowBits & entry.bitsQEMUDrops != 0 else { return nil }
        return "QEMU drops reserved bits, and a stream that has them does not load"
    }
}

// MARK: - What has no place of its own

extension QEMUVCPUBank {
    private var outsidePlaces: [RegisterID] {
        var ids: [RegisterID] = [.mpState, .vcpuEvents, .vcpuInit]
        if section.subsection("cpu/vfp") != nil, places.places[.fpcr] == nil {
            ids += [.fpcr, .fpsr]
        }
        if section.subsection("cpu/sve") != nil { ids.append(.vcpuFinalized) }
        return ids
    }

    private func computed(_ id: RegisterID) -> RegisterValue? {
        switch id {
        case .mpState: RegisterValue(isPoweredOff ? Self.stopped : Self.runnable, size: 4)
        case .vcpuEvents: events.value
        case .fpcr: RegisterValue(statusAndControl & Self.controlMask, size: 4)
        case .fpsr: RegisterValue(statusAndControl & Self.statusMask, size: 4)
        case .vcpuInit: VCPUInit(features: features).value
        case .vcpuFinalized: VCPUFeatures.sve.finalizedValue
        default: nil
        }
    }

    private func writeOutsidePlaces(
        _ value: RegisterValue, to id: RegisterID
    ) throws(RegisterBankError) {
        guard outsidePlaces.contains(id) else {
            throw RegisterBankError(.write, id, .noEntry, explanation: Self.notThere)
        }
        switch id {
        case .mpState: try setRunState(value)
        case .vcpuEvents: try setEvents(value)
        case .fpcr: setStatusAndControl(value.lowBits, mask: Self.controlMask)
        case .fpsr: setStatusAndControl(value.lowBits, mask: Self.statusMask)
        default:
            guard value == computed(id) else {
                throw RegisterBankError(
                    .write, id, .invalidArgument,
                    explanation: "QEMU's command line decides it, not the stream")
            }
        }
    }

    // MARK: Power state

    /// `KVM_MP_STATE_RUNNABLE` and `KVM_MP_STATE_STOPPED`.
    private static let runnable: UInt64 = 0
    private static let stopped: UInt64 = 5

    private var powerStateOffset: Int { section.tailOffset + CPUSection.Field.powerState }

    private var isPoweredOff: Bool { section.number(at: powerStateOffset, 1) != 0 }

    private func setRunState(_ value: RegisterValue) throws(RegisterBankError) {
        guard [Self.runnable, Self.stopped].contains(value.lowBits) else {
            throw RegisterBankError(
                .write, .mpState, .invalidArgument, explanation: "a stream has only on and off")
        }
        section.set(value.lowBits == Self.stopped ? 1 : 0, at: powerStateOffset, 1)
    }

    // MARK: Pending SError

    private var events: VCPUEvents {
        guard let fields = section.subsection("cpu/serror")?.fields.lowerBound else { return .none }
        let hasSyndrome = section.number(at: fields + 1, 1) != 0
        return VCPUEvents(
            isPending: section.number(at: fields, 1) != 0, hasSyndrome: hasSyndrome,
            syndrome: hasSyndrome ? section.number(at: fields + 2, 8) : 0)
    }

    private func setEvents(_ value: RegisterValue) throws(RegisterBankError) {
        guard value != events.value else { return }
        guard let fields = section.subsection("cpu/serror")?.fields.lowerBound else {
            throw RegisterBankError(
                .write, .vcpuEvents, .invalidArgument,
                explanation: "the stream has no cpu/serror subsection to hold a pending SError")
        }
        let events = VCPUEvents(value)
        section.set(events.isPending ? 1 : 0, at: fields, 1)
        section.set(events.hasSyndrome ? 1 : 0, at: fields + 1, 1)
        section.set(events.syndrome, at: fields + 2, 8)
    }

    // MARK: FPSCR

    /// FPSCR's bits that are FPCR's and FPSR's (`FPSCR_FPCR_MASK`, `FPSCR_FPSR_MASK`,
    /// `target/arm/cpu.h`).
    static let controlMask: UInt64 = 0x07ff_9f00
    static let statusMask: UInt64 = 0xf800_009f

    /// The last field of cpu/vfp.
    private var statusAndControlOffset: Int? {
        section.subsection("cpu/vfp").map { $0.fields.upperBound - 4 }
    }

    private var statusAndControl: UInt64 {
        statusAndControlOffset.map { section.number(at: $0, 4) } ?? 0
    }

    private func setStatusAndControl(_ bits: UInt64, mask: UInt64) {
        guard let offset = statusAndControlOffset else { return }
        section.set(statusAndControl & ~mask | bits & mask, at: offset, 4)
    }

    // MARK: Features

    /// The features QEMU must have made the vCPU with, for its list to be as it is; of a vCPU that QEMU
    /// emulated, those a vCPU of KVM would need.
    private var features: VCPUFeatures {
        var features = VCPUFeatures(shownBy: valueInPlace).union(.psci02)
        // QEMU's own lists have registers of EL2 without EL2 too.
        if origin != .kvm { features.remove(.hasEL2) }
        if section.subsection("cpu/sve") != nil { features.insert(.sve) }
        return features
    }

    private func valueInPlace(_ id: RegisterID) -> UInt64? {
        places.places[id]?.first?.read(section).lowBits
    }
}
