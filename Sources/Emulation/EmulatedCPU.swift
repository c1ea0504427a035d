internal import LinuxSystem
public import Registers
public import VCPUModel

/// A vCPU on an emulated host, with the rules of that host's KVM.
///
/// It is made as KVM makes one: without registers until `RegisterID.vcpuInit` is written, and with
/// SVE without most of them until `RegisterID.vcpuFinalized` is. Unlike a KVM vCPU it can be
/// initialized again with other features; that is a new vCPU in its place. It is alone in its VM, unless
/// `EmulatedHost.makeVCPUs` made it, and never runs, so nothing is `EBUSY`. A system counter moves by a
/// microsecond each time it is read.
public final class EmulatedCPU: RegisterBank {
    /// The registers a vCPU with the present features has; without any before the init.
    package private(set) var table: RegisterTable
    /// What the registers hold; without storage for system registers before the init.
    public internal(set) var state: CPUState
    /// What it has together with the other vCPUs of its VM.
    let vm: EmulatedVM
    /// The version of `vm` that `state` is up to date with; nil for none.
    private var seenVersion: Int?
    private let host: EmulatedHost
    let index: UInt32
    /// What is said of a register that it does not have; made once, since thousands may be asked for.
    private var absence = ""

    /// The profile of the host that the vCPU is on.
    public var profile: HostProfile { host.profile }

    /// A vCPU alone in its VM.
    /// - Parameters:
    ///   - profile: of the host.
    ///   - index: the vCPU's number, from which KVM makes MPIDR_EL1.
    ///   - initialized: whether to initialize (and finalize) the vCPU as the profile's was.
    public convenience init(
        profile: HostProfile, index: UInt32 = 0, initialized: Bool = false
    ) {
        self.init(on: EmulatedHost(profile), index: index, in: EmulatedVM(profile))
        guard initialized, let recorded = profile.vcpuInit else { return }
        initialize(recorded)
        state.run.finalized = recorded.features.intersection(VCPUFeatures.finalizable)
    }

    init(on host: EmulatedHost, index: UInt32, in vm: EmulatedVM) {
        self.host = host
        self.index = index
        self.vm = vm
        table = RegisterTable(
            definitions: [], systemCount: 0, host: HostFacts(host.profile, features: []))
        state = CPUState(systemCount: 0)
    }

    /// The effect of the first `KVM_ARM_VCPU_INIT` with features the host has.
    func initialize(_ wanted: VCPUInit) {
        vm.initialized(with: wanted.features, isAgain: state.run.initialization != nil)
        (table, state) = host.registers(of: wanted.features, enabled: vm.enabled)
        absence =
            "a vCPU on \(profile.name) with the features "
            + "\(wanted.features.names.joined(separator: ", ")) has no such register"
        state.run.initialization = wanted
        setAffinity()
        seenVersion = nil
    }

    /// Takes over what other vCPUs were given that is the VM's.
    private func catchUp() {
        guard seenVersion != vm.version else { return }
        seenVersion = vm.version
        for (id, bits) in vm.values {
            // A vCPU without PSCI_0_2 has PSCI 0.1, whatever the VM has (`kvm_psci_version`).
            if id == .psciVersion, !state.run.features.contains(.psci02) { continue }
            guard let definition = table[id] else { continue }
            let own = state[definition]
            state[definition] = RegisterValue(
                own.lowBits & ~definition.sharedBits | bits & definition.sharedBits, size: own.size)
        }
    }

    /// Gives MPIDR_EL1, where it is listed, the affinity KVM gives a vCPU of this number.
    ///
    /// The profile says what that of the first vCPU is.
    private func setAffinity() {
        guard index > 0, let definition = table[.mpidrEL1] else { return }
        let others = definition.resetValue.lowBits & ~RegisterID.affinityMask
        state[definition] = RegisterValue(others | RegisterID.mpidr(ofVCPU: index))
    }

    /// Resets the vCPU, as a VMM does by repeating `KVM_ARM_VCPU_INIT` when the guest reboots.
    ///
    /// What belongs to the VM stays: ID registers, firmware registers, counters, finalized features.
    public func reset() {
        catchUp()
        table.reset(&state)
        setAffinity()
        state.run.pendingSError = nil
        state.run.mpState = RunState.runnable
    }
}

// MARK: - The bank

extension EmulatedCPU {
    /// What the vCPU has now, in ascending order; only `RegisterID.vcpuInit` before it is initialized.
    public func list() -> [RegisterID] {
        catchUp()
        // KVM cannot list the registers of a vCPU with SVE before it is finalized; what can be
        // written then is the set of vector lengths.
        guard state.run.awaited.isSubset(of: state.run.finalized) else {
            return [.sveVLS] + idsOutsideList
        }
        let listed = table.definitions.filter { unmetNeed(of: $0) == nil }.map(\.id)
        let others = idsOfDevices
        guard !others.isEmpty else { return listed + idsOutsideList }
        return Set(listed + idsOutsideList).union(others).sorted()
    }

    /// The value of one register, as the host's `KVM_GET_ONE_REG` gives it.
    ///
    /// Reading a counter moves it on.
    /// - Throws: errno `ENOEXEC` before the init, `ENOENT` for a register the vCPU does not have, `EINVAL` for a V
    ///   register of a vCPU with SVE, `EPERM` for one that exists only once the vCPU is finalized.
    public func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        catchUp()
        do throws(Refusal) {
            if let value = try valueInDevice(id) { return value }
            if id.architecture == .own { return try readOutsideList(id) }
            let definition = try definition(of: id)
            let value = state[definition]
            if definition.isCounter {
                state[definition] = value.replacingLowBits(
                    with: value.lowBits &+ table.host.counterStep)
            }
            return computed(value, of: definition)
        } catch {
            throw RegisterBankError(.read, id, error)
        }
    }

    /// Writes one register, as the host's `KVM_SET_ONE_REG` does: it may drop bits or ignore the write.
    ///
    /// What is the whole VM's is then the same in all its vCPUs.
    /// - Throws: what `read` throws; errno `EINVAL` for a value that KVM refuses or of another size, `EPERM` for SVE
    ///   vector lengths once the vCPU is finalized.
    public func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        catchUp()
        try value.checkSize(for: id)
        do throws(Refusal) {
            if isInDevice(id) {
                return try InterruptRules(devices: vm.devices, vcpu: self).write(
                    value.lowBits, to: id)
            }
            if id.architecture == .own { return try writeOutsideList(value, to: id) }
            let definition = try definition(of: id)
            try table.write(value, to: definition, in: &state)
            if definition.sharedBits != 0 {
                vm.set(state[definition].lowBits & definition.sharedBits, of: id)
            }
        } catch {
            throw RegisterBankError(.write, id, error)
        }
    }

    private func definition(of id: RegisterID) throws(Refusal) -> RegisterDefinition {
        guard state.run.initialization != nil else {
            throw Refusal(RegisterBankError.notInitialized, errno: .notExecutable)
        }
        guard let definition = table[id] else {
            if id.lacksController(vm.devices.model) { throw .noController }
            guard isReplacedVector(id) else { throw Refusal(absence, errno: .noEntry) }
            throw Refusal(
                id.isVector
                    ? "a vCPU with SVE has Z registers in place of V registers"
                    : "there is no such register")
        }
        guard let need = unmetNeed(of: definition) else { return definition }
        var errno = Errno.noEntry
        if case .finalized = need { errno = .notPermitted }
        throw Refusal("it exists only with \(need)", errno: errno)
    }

    /// The one kind of absent register that KVM answers EINVAL for (`get_core_reg`, `guest.c`).
    private func isReplacedVector(_ id: RegisterID) -> Bool {
        guard case .core = id.group else { return false }
        return id.size == 16 && state.run.features.contains(.sve)
    }

    /// What the register needs and the vCPU does not have now.
    func unmetNeed(of definition: RegisterDefinition) -> Condition? {
        definition.needs.first { need in
            switch need {
            case .finalized(let name):
                VCPUFeatures(named: name).map(state.run.finalized.isSuperset) != true
            case .idField(let field):
                !(table[field.register].map { field.holds(for: state[$0].lowBits) } ?? false)
            case .feature, .notFeature, .capability: false
            }
        }
    }

    /// The value as a read finds it, for registers that are computed when they are read.
    private func computed(
        _ value: RegisterValue, of definition: RegisterDefinition
    ) -> RegisterValue {
        let id = definition.id
        // Counters that PMCR_EL0.N no longer counts are not shown (`get_pmreg`, `sys_regs.c`).
        if case .counters = definition.rule {
            // What the profile shows of others is as true as the rest of it.
            let reset = table[.pmcrEL0]?.resetValue.lowBits ?? 0
            let counted = PMUControl(reset).counterMask
            let shown = definition.resetValue.lowBits & ~counted
            return value.masked(by: table.pmuControl(of: state).counterMask | shown)
        }
        if id == .smcccArchWorkaround2 {
            return value.replacingLowBits(
                with: table.workaroundLevel(value.lowBits, id, state))
        }
        return withStatus(value, of: id)
    }

    /// The value with ISTATUS as a read finds it, for a timer's control register.
    private func withStatus(_ value: RegisterValue, of id: RegisterID) -> RegisterValue {
        // A kernel computes it of every timer, or of none; CNTV_CTL_EL0 is the one that every kernel lists.
        guard let timer = TimerControl(id), table.host.has(.statusComputed, of: .cntvCTLEL0),
            let compare = table[timer.compare].map({ state[$0].lowBits }),
            let count = table[timer.counter].map({ state[$0].lowBits }), count >= compare
        else { return value }
        return value.replacingLowBits(with: value.lowBits | TimerControl.status)
    }
}
