internal import Registers
public import VCPUModel

/// Makes a vCPU take an exception at EL1: what the CPU does on one (Arm ARM, `AArch64.TakeException` and
/// `AArch32.EnterMode`; for KVM `arch/arm64/kvm/hyp/exception.c`).
struct ExceptionEntry {
    private typealias Field = RegisterField

    private let cpuState: any RegisterBank
    private let pstate: UInt64

    init(in cpuState: any RegisterBank) throws(EditError) {
        self.cpuState = cpuState
        pstate = try EditError.reading(.pstate, in: cpuState).lowBits
        try checkExceptionLevel()
    }

    /// EL1 of this vCPU is the level that handles the exception.
    private func checkExceptionLevel() throws(EditError) {
        let isAtEL2 = [Mode.el2t, Mode.el2h].contains(State.m.extract(from: pstate))
        guard !isAtEL2 else {
            throw .impossible(
                "the vCPU is at EL2, where an exception of EL1 cannot be taken: let it run on to EL1"
            )
        }
        guard !isInAArch32State || AArch32Mode(pstate: pstate) != nil else {
            throw .impossible(
                "PSTATE is in Hyp or Monitor mode, or in none, where no exception of EL1 is taken")
        }
        // HCR_EL2.TGE makes exceptions of EL0 go to EL2.
        guard !features.contains(.hasEL2) || !has(Field.HCREL2.tge, in: .hcrEL2) else {
            throw .impossible(
                "the guest's HCR_EL2.TGE is set, so EL2 takes the exceptions of EL0: let it run on")
        }
    }

    /// EL2 of a guest with nested virtualization can take debug exceptions and external aborts itself.
    private func checkRouting(of exception: InjectedException) throws(EditError) {
        guard features.contains(.hasEL2), let control = routing(of: exception) else { return }
        throw .impossible(
            "the guest's \(control) is set, so its EL2 takes this exception: let it run on")
    }

    /// The control that sends the exception to EL2, where it is set.
    private func routing(of exception: InjectedException) -> String? {
        switch exception {
        case .breakpoint: has(Field.MDCREL2.tde, in: .mdcrEL2) ? "MDCR_EL2.TDE" : nil
        case .dataAbort: has(Field.HCREL2.tea, in: .hcrEL2) ? "HCR_EL2.TEA" : nil
        case .serror: nil
        }
    }

    private var features: VCPUFeatures {
        ((try? cpuState.read(.vcpuInit)).flatMap { VCPUInit($0) })?.features ?? []
    }

    /// Whether EL1 is AArch32.
    private var isAArch32: Bool {
        // In User mode only the init feature tells what EL1 is.
        features.contains(.el1In32Bit) || AArch32Mode(pstate: pstate).map { $0 != .user } ?? false
    }

    func take(_ exception: InjectedException) throws(EditError) {
        try checkRouting(of: exception)
        switch exception {
        case .serror(let syndrome): try pendSError(syndrome)
        case .breakpoint(let comment):
            if isAArch32 { return try enterAArch32(.breakpoint) }
            try enterAArch64(syndrome: breakpointSyndrome(comment), address: nil, isAbort: false)
        case .dataAbort(let address, let isWrite):
            if isAArch32 { return try abortAArch32(address: address, isWrite: isWrite) }
            try enterAArch64(
                syndrome: dataAbortSyndrome(hasAddress: address != nil, isWrite: isWrite),
                address: address, isAbort: true)
        }
    }

    // MARK: Registers

    private func read(_ id: RegisterID) throws(EditError) -> UInt64 {
        try EditError.reading(id, in: cpuState).lowBits
    }

    private func write(_ bits: UInt64, to id: RegisterID) throws(EditError) {
        try EditError.writing(RegisterValue(bits, size: id.size ?? 8), to: id, in: cpuState)
    }

    /// Whether a field is not 0; false where the vCPU does not have the register.
    private func has(_ field: Field, in id: RegisterID) -> Bool {
        (try? cpuState.read(id)).map { field.touches($0.lowBits) } ?? false
    }

    // MARK: SError

    /// With RAS an SError always has a syndrome; without one KVM makes it IMPLEMENTATION DEFINED
    /// (`kvm_inject_vabt`, `arch/arm64/kvm/inject_fault.c`), and so does this.
    private func pendSError(_ syndrome: UInt64?) throws(EditError) {
        let hasRAS = hasRAS
        if let syndrome {
            guard syndrome & ~VCPUEvents.syndromeMask == 0 else {
                throw .impossible(
                    "an SError's syndrome has bits 24:0, found \(RegisterValue(syndrome))")
            }
            guard hasRAS else { throw .impossible(withoutRAS) }
        }
        let events = VCPUEvents(
            isPending: true, hasSyndrome: hasRAS,
            syndrome: syndrome ?? (hasRAS ? Self.implementationDefined : 0))
        try EditError.writing(events.value, to: .vcpuEvents, in: cpuState)
    }

    /// Where the vCPU shows both views of the RAS extension, the one of AArch64 decides; QEMU's own
    /// emulation of a CPU without AArch64 has the other one only.
    private var hasRAS: Bool {
        rasFields.first.map { has($0.field, in: $0.id) } ?? false
    }

    /// What tells of the RAS extension, in the registers that the vCPU has.
    private var rasFields: [(id: RegisterID, field: Field)] {
        [(.idAA64PFR0EL1, Field.IDAA64PFR0EL1.ras), (.idPFR0EL1, Field.IDPFR0EL1.ras)]
            .filter { (try? cpuState.read($0.id)) != nil }
    }

    private var withoutRAS: String {
        let why =
            rasFields.first.map { "\($0.id).\($0.field.name) is 0" }
            ?? "the vCPU has neither ID_AA64PFR0_EL1 nor ID_PFR0_EL1, which would tell of it"
        return why
            + ": only a vCPU with the RAS extension takes an SError with a syndrome; leave it out"
    }

    /// IDS, bit 24 of an SError's syndrome.
    private static let implementationDefined: UInt64 = 1 << 24
}

// MARK: - AArch64

extension ExceptionEntry {
    /// IL is set for a 32-bit instruction, and for no instruction at all.
    private typealias Syndrome = RegisterField.ESREL1
    private typealias State = RegisterField.PSTATE
    private typealias Mode = RegisterField.PSTATE.M
    private typealias AArch32State = RegisterField.CPSR

    /// BRK, or BKPT of an AArch32 program at EL0.
    private func breakpointSyndrome(_ comment: UInt16) -> UInt64 {
        guard AArch32Mode(pstate: pstate) != nil else {
            return Syndrome.ec.placing(Syndrome.EC.brk64) | Syndrome.il.mask | UInt64(comment)
        }
        let isThumb = AArch32State.t.touches(pstate)
        return Syndrome.ec.placing(Syndrome.EC.bkpt32) | (isThumb ? 0 : Syndrome.il.mask)
            | UInt64(comment)
    }

    /// A data abort with DFSC 0b010000, synchronous external abort, not on a table walk; FnV, bit 10,
    /// says that FAR_EL1 is not valid, and WnR is bit 6.
    private func dataAbortSyndrome(hasAddress: Bool, isWrite: Bool) -> UInt64 {
        let exceptionClass = isAtEL1 ? Syndrome.EC.dabtCur : Syndrome.EC.dabtLow
        return Syndrome.ec.placing(exceptionClass) | Syndrome.il.mask | (hasAddress ? 0 : 1 << 10)
            | (isWrite ? 1 << 6 : 0) | 0x10
    }

    private var isAtEL1: Bool {
        [Mode.el1t, Mode.el1h].contains(State.m.extract(from: pstate))
    }

    private var isInAArch32State: Bool { State.m.extract(from: pstate) >= Mode.aa32Usr }

    /// - Parameters:
    ///   - address: for FAR_EL1; nil leaves it, as the architecture makes it UNKNOWN.
    ///   - isAbort: whether SCTLR2_EL1.EASE sends it to the SError vector.
    private func enterAArch64(
        syndrome: UInt64, address: UInt64?, isAbort: Bool
    ) throws(EditError) {
        try write(syndrome, to: .esrEL1)
        if let address { try write(address, to: .farEL1) }
        try write(read(.pc), to: .elrEL1)
        try write(pstate, to: .spsrEL1)
        try write(newPSTATE(), to: .pstate)
        let usesSErrorVector = isAbort && has(Field.SCTLR2EL1.ease, in: .sctlr2EL1)
        let vector = vectorOffset + (usesSErrorVector ? 0x180 : 0)
        // VBAR_EL1 bits 10:0 are RES0.
        try write(read(.vbarEL1) & ~0x7ff &+ vector, to: .pc)
    }

    /// The group of vectors: from EL1 with SP_EL0 or SP_EL1, from EL0 in AArch64 or AArch32.
    private var vectorOffset: UInt64 {
        if isAtEL1 { return State.m.extract(from: pstate) == Mode.el1t ? 0 : 0x200 }
        return isInAArch32State ? 0x600 : 0x400
    }

    /// PSTATE on entry to EL1h; bits that are not set here become 0.
    private func newPSTATE() -> UInt64 {
        let kept = Self.mask(of: [State.n, State.z, State.c, State.v, State.dit])
        let exceptionsMasked = Self.mask(of: [State.d, State.a, State.i, State.f])
        let set = optionalPSTATE().filter(\.isSet).map(\.field)
        return pstate & kept | exceptionsMasked | Mode.el1h | Self.mask(of: set)
    }

    private static func mask(of fields: [RegisterField]) -> UInt64 {
        fields.reduce(0) { $0 | $1.mask }
    }

    /// The bits that depend on the CPU's features, and what they become.
    private func optionalPSTATE() -> [(field: RegisterField, isSet: Bool)] {
        typealias Features = Field.IDAA64PFR1EL1
        typealias Control = Field.SCTLREL1
        let keepsEXLOCK = isAtEL1 && has(Field.GCSCREL1.exlocken, in: .gcscrEL1)
        let isPANSet = State.pan.touches(pstate) || !has(Control.span, in: .sctlrEL1)
        let isSSBSSet = has(Control.dssbs, in: .sctlrEL1)
        let isALLINTSet = !has(Control.spintmask, in: .sctlrEL1)
        return [
            (State.pan, has(Field.IDAA64MMFR1EL1.pan, in: .idAA64MMFR1EL1) && isPANSet),
            (State.ssbs, has(Features.ssbs, in: .idAA64PFR1EL1) && isSSBSSet),
            (State.tco, has(Features.mte, in: .idAA64PFR1EL1)),
            (State.allint, has(Features.nmi, in: .idAA64PFR1EL1) && isALLINTSet),
            (State.pm, has(Field.IDAA64DFR1EL1.ebep, in: .idAA64DFR1EL1)),
            (State.exlock, has(Features.gcs, in: .idAA64PFR1EL1) && keepsEXLOCK),
        ]
    }
}

// MARK: - AArch32

extension ExceptionEntry {
    /// The two exceptions of Abort mode.
    private enum Abort {
        case breakpoint, data

        /// The offset from the vector base.
        var vector: UInt64 { self == .breakpoint ? 0xc : 0x10 }

        /// How far LR_abt is from the instruction.
        var linkOffset: UInt64 { self == .breakpoint ? 4 : 8 }
    }

    /// A prefetch abort with IFSR "debug event"; IFAR is UNKNOWN, so it stays.
    private func enterAArch32(_ abort: Abort) throws(EditError) {
        if abort == .breakpoint {
            let status: UInt64 = try usesLongDescriptors() ? 1 << 9 | 0x22 : 0x2
            try write(status, to: .ifsr32EL2)
            // DBGDSCRext.MOE, bits 5:2, which KVM keeps in MDSCR_EL1: 3 is a BKPT instruction.
            try write(read(.mdscrEL1) & ~(0xf << 2) | 3 << 2, to: .mdscrEL1)
        }
        try write(
            (read(.pc) &+ abort.linkOffset) & 0xffff_ffff,
            to: AArch32Mode.abort.register(14))
        try write(Self.savedForm(of: pstate), to: .spsrAbt)
        try write(newCPSR(), to: .pstate)
        let base = has(.highVectors) ? 0xffff_0000 : try read(.vbarEL1) & ~0x1f
        try write((base &+ abort.vector) & 0xffff_ffff, to: .pc)
    }

    private func abortAArch32(address: UInt64?, isWrite: Bool) throws(EditError) {
        if let address, address >> 32 != 0 {
            throw .impossible(
                "an AArch32 guest has 32-bit addresses, found \(RegisterValue(address))")
        }
        // DFSR, which is the low half of ESR_EL1: synchronous external abort; FnV, bit 16; WnR, bit 11.
        let status: UInt64 = try usesLongDescriptors() ? 1 << 9 | 0x10 : 0x8
        let flags: UInt64 = (address == nil ? 1 << 16 : 0) | (isWrite ? 1 << 11 : 0)
        let upper: UInt64 = 0xffff_ffff << 32
        try write(read(.esrEL1) & upper | status | flags, to: .esrEL1)
        // DFAR is the low half of FAR_EL1; IFAR, the upper one, stays.
        if let address { try write(read(.farEL1) & upper | address, to: .farEL1) }
        try enterAArch32(.data)
    }

    /// TTBCR.EAE, bit 31.
    private func usesLongDescriptors() throws(EditError) -> Bool {
        try read(.tcrEL1) & 1 << 31 != 0
    }

    /// Whether a bit of SCTLR, the AArch32 form of SCTLR_EL1, is set.
    private func has(_ bit: SystemControlBit) -> Bool {
        let control = (try? cpuState.read(.sctlrEL1))?.lowBits ?? 0
        return control >> bit.rawValue & 1 != 0
    }

    /// Bits of SCTLR (Arm ARM G8.2.127).
    private enum SystemControlBit: UInt64 {
        /// The vectors are at 0xffff0000.
        case highVectors = 13
        /// Exceptions leave PAN as it is.
        case keepsPAN = 23
        /// Exceptions are taken in big-endian state.
        case isBigEndian = 25
        /// Exceptions are taken in Thumb state.
        case isThumb = 30
        /// What SSBS becomes on an exception.
        case defaultSSBS = 31
    }

    /// CPSR on entry to Abort mode; IT, IL, J and SS become 0.
    private func newCPSR() -> UInt64 {
        typealias State = AArch32State
        let kept = Self.mask(
            of: [
                State.n, State.z, State.c, State.v, State.q, State.dit, State.pan, State.ge,
                State.f,
            ])
        let abortsAndInterruptsMasked = Self.mask(of: [State.a, State.i])
        var new = pstate & kept | abortsAndInterruptsMasked | AArch32Mode.abort.rawValue
        let isPANSet = has(Field.IDMMFR3EL1.pan, in: .idMMFR3EL1) && !has(.keepsPAN)
        let isSSBSSet =
            has(Field.IDPFR2EL1.ssbs, in: .idPFR2EL1) && has(.defaultSSBS)
        if isPANSet { new |= State.pan.mask }
        if isSSBSSet { new |= State.ssbs.mask }
        if has(.isBigEndian) { new |= State.e.mask }
        if has(.isThumb) { new |= State.t.mask }
        return new
    }

    /// SPSR has DIT in bit 21; PSTATE has it in bit 24, and SS in bit 21
    /// (`host_spsr_to_spsr32`, `arch/arm64/include/asm/kvm_emulate.h`).
    private static func savedForm(of pstate: UInt64) -> UInt64 {
        let dit = State.dit.extract(from: pstate)
        return pstate & ~(State.dit.mask | State.ss.mask) | State.ss.placing(dit)
    }
}

extension VCPUEdit {
    /// Makes the vCPU take an exception at EL1 when it runs next; an SError when it unmasks SErrors.
    /// - Throws: where the vCPU cannot take it now, lacks a register for it, or cannot be read;
    ///   nothing is changed then.
    public static func inject(
        _ exception: InjectedException, into bank: any RegisterBank
    ) throws(EditError) -> VCPUEdit {
        try VCPUEdit(of: bank) { (cpuState) throws(EditError) in
            try ExceptionEntry(in: cpuState).take(exception)
        }
    }
}
