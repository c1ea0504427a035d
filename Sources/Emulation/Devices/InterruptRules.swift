internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// What KVM makes of a read or write of one attribute, of an emulated VM that never ran.
struct InterruptRules {
    let devices: EmulatedDevices
    /// Whose register it is, or any vCPU for one that the VM has once.
    let vcpu: EmulatedCPU

    /// Where the state of the register is kept.
    private func owner(of id: RegisterID) -> UInt32 {
        if case .vm = id.group { return 0 }
        return vcpu.index
    }

    private func held(_ id: RegisterID) -> UInt64 {
        devices[id, owner(of: id)] ?? fresh(id)
    }

    private func hold(_ bits: UInt64, _ id: RegisterID) { devices[id, owner(of: id)] = bits }

    private var isV2: Bool { devices.model == .v2 }

    // MARK: What there is

    /// Whether KVM says that there is such an attribute (`KVM_HAS_DEVICE_ATTR`).
    func has(_ id: RegisterID) -> Bool {
        // The same place in a register of another size is not KVM's.
        guard let size = id.size, size <= 8, RegisterDictionary.entry(for: id) != nil else {
            return false
        }
        guard let attribute = id.deviceAttribute else { return false }
        if attribute.device == .vcpu { return hasOfDescriptor(id) }
        guard let model = devices.model else { return false }
        if !attribute.isSetUp { devices.initialize() }
        switch (attribute.gicGroup, attribute.device) {
        case (.addresses, .its(let number)): return Int(number) < devices.translatorCount
        case (.translation, .its(let number)):
            return Int(number) < devices.translatorCount
                && RegisterID.address(ofITS: number).flatMap { devices[$0] } != nil
                && GICModel.registers(ofITS: number).contains(id)
        case (.addresses, _): return (attribute.attribute < 2) == (model == .v2)
        case (.interruptCount, _): return true
        case (.maintenanceInterrupt, _), (.lineLevels, _):
            let known: RegisterID = attribute.gicGroup == .lineLevels ? .gicLineLevel0 : id
            return model == .v3 && devices.profile.attributes.contains(known) && isInRange(id)
        case (.systemRegisters, _): return model == .v3 && hasSystemRegister(id)
        default: return model.mayHave(id) && isInRange(id)
        }
    }

    private func hasOfDescriptor(_ id: RegisterID) -> Bool {
        if id == .pmuIrq { return vcpu.state.run.features.contains(.pmuV3) }
        return devices.profile.attributes.contains(id)
    }

    /// KVM says of active priorities that they are there which it then refuses.
    private func hasSystemRegister(_ id: RegisterID) -> Bool {
        if id.isOfEL2 {
            return vcpu.state.run.features.contains(.hasEL2)
                && devices.profile.attributes.contains(id)
        }
        return devices.profile.attributes.contains(id) || id.activePriorityWord != nil
    }

    /// Registers of INTIDs above GIC_NR_IRQS are not there.
    private func isInRange(_ id: RegisterID) -> Bool {
        if case .route(let number) = id.interruptProperty {
            return UInt64(number) < devices.interruptCount
        }
        let first = RegisterDictionary.entry(for: id)?.fields.compactMap(\.interrupt).min()
        return UInt64(first ?? 0) < devices.interruptCount
    }

    // MARK: Fresh values

    /// What it holds in a VM in which nothing was written.
    private func fresh(_ id: RegisterID) -> UInt64 {
        if let recorded = devices.profile.attributes[id]?.bits { return recorded }
        if isV2, let own = freshOfV2(id) { return own }
        switch id.interruptProperty {
        // SGIs have edges, and PPIs of KVM levels.
        case .trigger where id.isOfVCPU:
            return id.deviceAttribute.map { $0.attribute & 4 == 0 } == true ? 0xaaaa_aaaa : 0
        default: break
        }
        if id == .gicNrIrqs { return devices.interruptCount }
        if id == .gicrPropbaser { return 0 }
        guard id.deviceAttribute?.isSetUp != true else { return .max }
        return RegisterDictionary.entry(for: id)?.deviceReset ?? 0
    }

    private func freshOfV2(_ id: RegisterID) -> UInt64? {
        switch id.interruptProperty {
        case .group: 0
        case .interfaces where id.isOfVCPU:
            0x0101_0101 &* (1 << UInt64(vcpu.index & 7))
        default: id == .gicdCtlr ? 0 : nil
        }
    }

    /// A device is asked by the vCPU's MPIDR_EL1, which nobody can read before the vCPU is initialized.
    private func checkHasAffinity(_ id: RegisterID) throws(Refusal) {
        guard id.deviceAttribute?.device == .vcpu || vcpu.state.run.initialization != nil else {
            throw Refusal(RegisterBankError.notInitialized, errno: .notExecutable)
        }
    }

    private func absence(of id: RegisterID) -> Refusal {
        id.lacksController(devices.model) ? .noController : .noDeviceState
    }

    // MARK: Reading

    func read(_ id: RegisterID) throws(Refusal) -> UInt64 {
        try checkHasAffinity(id)
        guard has(id) else { throw absence(of: id) }
        guard id != .pmuIrq || devices[id, vcpu.index] != nil else {
            throw Refusal("no interrupt was given to the PMU", errno: .noDeviceOrAddress)
        }
        try checkPriorities(of: id)
        if let region = id.redistributorRegion { return try value(ofRegion: region) }
        switch id {
        case .gicdTyper: return distributorType
        case .gicrTyper: return redistributorType
        case .gicrCtlr:
            typealias Control = RegisterField.GICRCTLR
            let tellsWrites = RegisterField.GICDIIDR.revision.extract(from: held(.gicdIidr)) >= 3
            return held(id) & Control.enableLPIs.mask
                | (tellsWrites ? Control.ces.mask | Control.ir.mask : 0)
        case .iccBPR1EL1 where RegisterField.ICCCTLREL1.cbpr.touches(held(.iccCTLREL1)):
            return min(held(.iccBPR0EL1) & 7 + 1, 7)
        default: break
        }
        if id.interruptProperty == .level { return held(id) & levelTriggered(id) }
        if let unit = ITSRegister(id), unit.kind == .gitsCtlr { return translationControl(unit) }
        return held(id)
    }

    /// GICD_TYPER (`vgic_mmio_read_v3_misc`, `vgic_mmio_read_v2_misc`).
    private var distributorType: UInt64 {
        typealias Fields = RegisterField.GICDTYPER
        let lines = Fields.itLinesNumber.placing(devices.interruptCount / 32 - 1)
        guard !isV2 else {
            return lines | Fields.cpuNumber.placing(UInt64(max(devices.vcpuCount, 1) - 1))
        }
        let hasLPIs = devices.translatorCount > 0
        // One less than the bits of an INTID.
        return lines | Fields.idBits.placing(hasLPIs ? 15 : 9) | (hasLPIs ? Fields.lpis.mask : 0)
    }

    /// GICR_TYPER (`vgic_mmio_read_v3r_typer`).
    private var redistributorType: UInt64 {
        typealias Fields = RegisterField.GICRTYPER
        return Fields.affinityValue.placing(vcpu.affinityBits & 0xff_ffff)
            | Fields.processorNumber.placing(UInt64(vcpu.index)) | (isLast ? Fields.last.mask : 0)
            | (devices.translatorCount > 0 ? Fields.plpis.mask : 0)
    }

    /// Whether no other redistributor follows that of this vCPU (`vgic_mmio_vcpu_rdist_is_last`).
    private var isLast: Bool {
        var first: UInt64 = 0
        let (own, all) = (UInt64(vcpu.index), UInt64(devices.vcpuCount))
        for (base, count) in devices.regions {
            let room = count == 0 ? all : count
            let used = min(room, all - min(first, all))
            if own >= first, own < first + used {
                guard own == first + used - 1 else { return false }
                let end = base &+ count &* 0x2_0000
                return count == 0 || own != first + room - 1
                    || !devices.regions.contains { $0.base == end && first + used < all }
            }
            first += used
        }
        return false
    }

    /// A line of an interrupt that has edges reads as low (`vgic_read_irq_line_level_info`).
    private func levelTriggered(_ id: RegisterID) -> UInt64 {
        guard let first = id.deviceAttribute?.attribute, first >= 32 else { return .max }
        var mask: UInt64 = 0
        for half in 0..<UInt64(2) {
            let configuration = RegisterID.gicdIcfgr0.behind(by: first / 4 + half * 4)
            let bits = configuration.map { held($0) } ?? 0
            for number in 0..<UInt64(16) where bits >> (number * 2 + 1) & 1 == 0 {
                mask |= 1 << (half * 16 + number)
            }
        }
        return mask
    }

    // MARK: Writing

    func write(_ bits: UInt64, to id: RegisterID) throws(Refusal) {
        try checkHasAffinity(id)
        guard has(id) else { throw absence(of: id) }
        guard let attribute = id.deviceAttribute else { return }
        if attribute.device == .vcpu { return try writeOfDescriptor(bits, id) }
        switch attribute.gicGroup {
        case .addresses: try writeAddress(bits, id)
        case .interruptCount: try writeInterruptCount(bits)
        case .maintenanceInterrupt: try writeMaintenanceInterrupt(bits, id)
        case .systemRegisters: try writeSystemRegister(bits, id)
        case .translation:
            if let unit = ITSRegister(id) { try writeTranslation(bits, unit) }
        case .distributor where id == .gicdIidr: try writeIdentity(bits, id)
        case .distributor where id == .gicdTyper2: try writeType2(bits, id)
        default: writeRegister(bits, id)
        }
    }

    /// A register of the distributor, a redistributor or a GICv2's CPU interface: no value is refused.
    private func writeRegister(_ bits: UInt64, _ id: RegisterID) {
        var stored = RegisterDictionary.entry(for: id)?.storedBits ?? .max
        if isV2 { stored = storedByV2(id) ?? stored }
        if id == .gicrCtlr, devices.translatorCount == 0 { stored = 0 }
        if id.isLPIBase, RegisterField.GICRCTLR.enableLPIs.touches(held(.gicrCtlr)) { stored = 0 }
        let wanted = id.isLPIBase ? MemoryAttributes(of: id).made(of: bits) : bits
        hold(held(id) & ~stored | wanted & stored, id)
        if isV2 { followSGIs(id) }
    }

    private func storedByV2(_ id: RegisterID) -> UInt64? {
        switch id.interruptProperty {
        case .group: devices.hasWritableGroups ? nil : 0
        case .interfaces where !id.isOfVCPU:
            0x0101_0101 &* ((1 << UInt64(min(devices.vcpuCount, 8))) - 1)
        default:
            id == .gicdCtlr
                ? 1 : id.isFurtherActivePriority ? 0 : nil
        }
    }

    /// The pending SGIs of a GICv2 have the CPUs that sent them (`vgic_mmio_write_sgipends`, `vgic_mmio_write_spending`).
    private func followSGIs(_ id: RegisterID) {
        if id == .gicdIspendr0 {
            for number in 0..<UInt64(16) {
                guard let sources = RegisterID.sources(ofSGI: number) else { continue }
                let shift = number % 4 * 8
                let others = held(sources) & ~(0xff << shift)
                let isPending = held(id) >> number & 1 != 0
                let own = held(sources) >> shift & 0xff | 1 << UInt64(vcpu.index & 7)
                hold(others | (isPending ? own << shift : 0), sources)
            }
        } else if let first = id.firstSGIOfSources {
            for place in 0..<UInt64(4) {
                let bit: UInt64 = 1 << (first + place)
                let isPending = held(id) >> (place * 8) & 0xff != 0
                hold(held(.gicdIspendr0) & ~bit | (isPending ? bit : 0), .gicdIspendr0)
            }
        }
    }

    /// GICD_IIDR (`vgic_mmio_uaccess_write_v3_misc`).
    private func writeIdentity(_ bits: UInt64, _ id: RegisterID) throws(Refusal) {
        let revision = RegisterField.GICDIIDR.revision
        guard (bits ^ held(id)) & ~revision.mask == 0,
            devices.profile.gicRevisions.contains(
                UInt8(truncatingIfNeeded: revision.extract(from: bits)))
        else {
            throw Refusal("only Revision may differ, and the host has others")
        }
        hold(bits, id)
        devices.hasWritableGroups = true
    }

    private func writeType2(_ bits: UInt64, _ id: RegisterID) throws(Refusal) {
        guard bits != held(id) else { return }
        // Where it can be chosen, it is fixed by now.
        let since = RegisterDictionary.entry(for: .gicMaintenanceIrq)?.listedSince
        let isFixed = KernelVersion.has(devices.profile.kernel, since: since)
        throw Refusal("it is the host's", errno: isFixed ? .busy : .invalidArgument)
    }
}

extension InterruptRules {
    // MARK: Set-up

    private func writeInterruptCount(_ bits: UInt64) throws(Refusal) {
        guard 64...1024 ~= bits, bits % 32 == 0 else {
            throw Refusal("expected 64 to 1024, by 32")
        }
        guard devices[.gicNrIrqs] == nil else {
            throw Refusal("it is fixed", errno: .busy)
        }
        devices[.gicNrIrqs] = bits
    }

    private func writeMaintenanceInterrupt(_ bits: UInt64, _ id: RegisterID) throws(Refusal) {
        guard !devices.isInitialized else { throw Refusal("it is fixed", errno: .busy) }
        guard 16..<32 ~= bits else { throw Refusal("expected a PPI, 16 to 31") }
        hold(bits, id)
    }

    /// `kvm_vgic_addr` and `vgic_check_iorange`.
    private func writeAddress(_ bits: UInt64, _ id: RegisterID) throws(Refusal) {
        if id == .gicAddressRedist { return try addRegion(base: bits, count: 0, index: 0) }
        if id.redistributorRegion != nil {
            let count = bits >> DeviceAttribute.regionCountShift
            guard count > 0, bits & 0xf000 == 0 else { throw Refusal("a region has vCPUs") }
            return try addRegion(
                base: bits & 0xf_ffff_ffff_0000, count: count, index: bits & 0xfff)
        }
        guard devices[id] == nil else { throw Refusal("it was given", errno: .exists) }
        let alignment: UInt64 = isV2 ? 0x1000 : 0x1_0000
        try checkPlace(bits, alignedTo: alignment)
        hold(bits, id)
    }

    private func checkPlace(_ base: UInt64, alignedTo alignment: UInt64) throws(Refusal) {
        guard base % alignment == 0 else { throw Refusal("it is not aligned") }
        // The VM of a scratch restore has 40 bits of addresses.
        guard base < 1 << 40 else {
            throw Refusal("it is beyond the VM's memory", errno: .argumentListTooLong)
        }
    }

    /// `vgic_v3_alloc_redist_region`.
    private func addRegion(base: UInt64, count: UInt64, index: UInt64) throws(Refusal) {
        let last = devices.regions.last
        let room = (count == 0 ? UInt64(devices.vcpuCount) : count) &* 0x2_0000
        let (end, isBeyond) = base.addingReportingOverflow(room)
        guard !isBeyond else { throw Refusal("it ends beyond all addresses") }
        guard count != 0 || last?.count != 0 else {
            throw Refusal("it was given", errno: .exists)
        }
        if count == 0, let distributor = devices[.gicAddressDist] {
            guard end <= distributor || base >= distributor &+ 0x1_0000 else {
                throw Refusal("it is where the distributor is")
            }
        }
        guard last == nil || count != 0 && last?.count != 0,
            index == UInt64(devices.regions.count)
        else { throw Refusal("it does not follow the regions that there are") }
        try checkPlace(base, alignedTo: 0x1_0000)
        devices.add((base, count))
        if count == 0 { devices[.gicAddressRedist] = base }
    }

    private func value(ofRegion number: UInt16) throws(Refusal) -> UInt64 {
        guard Int(number) < devices.regions.count else {
            throw Refusal("there is no such region", errno: .noEntry)
        }
        let region = devices.regions[Int(number)]
        return region.count << DeviceAttribute.regionCountShift | region.base | UInt64(number)
    }

    // MARK: The vCPU's descriptor

    private func writeOfDescriptor(_ bits: UInt64, _ id: RegisterID) throws(Refusal) {
        if id == .pvtimeIpa {
            guard bits % 64 == 0 else { throw Refusal("it is not aligned to 64 bytes") }
            guard devices[id, vcpu.index] == nil else {
                throw Refusal("it was given", errno: .exists)
            }
        } else {
            guard devices.model != nil, 16..<32 ~= bits else {
                throw Refusal("expected a PPI, 16 to 31, of a VM with an interrupt controller")
            }
            guard id != .pmuIrq || devices[id, vcpu.index] == nil else {
                throw Refusal("it was given", errno: .busy)
            }
        }
        hold(bits, id)
    }

    // MARK: ICC and ICH

    /// Words of active priorities are there by the number of priority bits (`vgic_v3_max_apr_idx`).
    private func checkPriorities(of id: RegisterID) throws(Refusal) {
        guard let word = id.activePriorityWord, word > 0 else { return }
        let bits = RegisterField.ICCCTLREL1.priBits.extract(from: held(.iccCTLREL1))
        guard bits >= 4 + UInt64(word) else { throw Refusal("the host has fewer priorities") }
    }

    /// `arch/arm64/kvm/vgic-sys-reg-v3.c`.
    private func writeSystemRegister(_ bits: UInt64, _ id: RegisterID) throws(Refusal) {
        try checkPriorities(of: id)
        let old = held(id)
        let stored = RegisterDictionary.entry(for: id)?.storedBits ?? .max
        switch id {
        case .iccCTLREL1:
            guard CPUInterfaceControl(bits).isTaken(over: CPUInterfaceControl(old)) else {
                throw Refusal("the host has fewer priorities or INTIDs, or others of SEIS and A3V")
            }
            let lowered =
                stored | RegisterField.ICCCTLREL1.idBits.mask
                | RegisterField.ICCCTLREL1.priBits.mask
            return hold(old & ~lowered | bits & lowered, id)
        case .iccSREEL1:
            guard bits & 1 != 0 else { throw Refusal("SRE is 1") }
        case .iccBPR1EL1 where RegisterField.ICCCTLREL1.cbpr.touches(held(.iccCTLREL1)): return
        case .iccSREEL2, .ichVTREL2:
            guard bits == old else { throw Refusal("it is the host's") }
        default: break
        }
        hold(old & ~stored | bits & stored, id)
    }

    // MARK: ITS

    private func held(_ unit: ITSRegister, _ kind: RegisterID) -> UInt64 {
        held(unit.other(kind))
    }

    private func hold(_ bits: UInt64, _ unit: ITSRegister, _ kind: RegisterID) {
        hold(bits, unit.other(kind))
    }

    private func isEnabled(_ unit: ITSRegister) -> Bool {
        RegisterField.GITSCTLR.enabled.touches(held(unit, .gitsCtlr))
    }

    private func translationControl(_ unit: ITSRegister) -> UInt64 {
        let isQuiescent = held(unit, .gitsCwriter) == held(unit, .gitsCreadr)
        typealias Fields = RegisterField.GITSCTLR
        return held(unit, .gitsCtlr) & Fields.enabled.mask
            | (isQuiescent ? Fields.quiescent.mask : 0)
    }

    /// `vgic_its_attr_regs_access` and the handlers that it calls, `vgic-its.c`.
    private func writeTranslation(_ bits: UInt64, _ unit: ITSRegister) throws(Refusal) {
        switch unit.kind {
        case .gitsCtlr: enable(bits & 1 != 0, unit)
        case .gitsIidr:
            guard bits & 0xf000 == 0 else { throw Refusal("KVM has tables of revision 0") }
        case .gitsCbaser where !isEnabled(unit):
            store(bits, unit)
            hold(0, unit, .gitsCreadr)
            hold(0, unit, .gitsCwriter)
        case .gitsCwriter:
            guard bits & ITSRegister.offsetMask < size(unit) else { return }
            hold(bits & ITSRegister.offsetMask, unit, .gitsCwriter)
            if isEnabled(unit) { hold(bits & ITSRegister.offsetMask, unit, .gitsCreadr) }
        case .gitsCreadr:
            guard !isEnabled(unit) else { throw Refusal("the ITS is enabled", errno: .busy) }
            guard bits & ITSRegister.offsetMask < size(unit) else {
                throw Refusal("it is beyond the commands")
            }
            hold(bits & ITSRegister.offsetMask, unit, .gitsCreadr)
        case _ where unit.isTable && !isEnabled(unit): store(bits, unit)
        default: break
        }
    }

    private func store(_ bits: UInt64, _ unit: ITSRegister) {
        let stored = RegisterDictionary.entry(for: unit.id)?.storedBits ?? .max
        let wanted = MemoryAttributes(of: unit.id).made(of: bits)
        // KVM has tables of 64 KiB pages alone, which are size 2.
        let pageSize = RegisterField.GITSBASER.pageSize
        let pages = stored != 0 && unit.isTable ? pageSize.mask : 0
        hold(
            held(unit.id) & ~stored & ~pages | wanted & stored
                | pageSize.placing(2) & pages, unit.id)
    }

    /// Bytes of the commands.
    private func size(_ unit: ITSRegister) -> UInt64 {
        (RegisterField.GITSCBASER.size.extract(from: held(unit, .gitsCbaser)) + 1) << 12
    }

    /// Enabled it carries out the commands that there are.
    private func enable(_ isWanted: Bool, _ unit: ITSRegister) {
        let isReady = [RegisterID.gitsCbaser, .gitsBaser0, .gitsBaser1].allSatisfy {
            RegisterField.GITSCBASER.valid.touches(held(unit, $0))
        }
        guard !isWanted || isReady || isEnabled(unit) else { return }
        hold(isWanted ? 1 : 0, unit, .gitsCtlr)
        if isWanted { hold(held(unit, .gitsCwriter), unit, .gitsCreadr) }
    }
}
