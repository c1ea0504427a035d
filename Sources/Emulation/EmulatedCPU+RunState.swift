internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import VCPUModel

/// What KVM keeps outside its register list, as registers.
extension EmulatedCPU {
    /// Those a vCPU has now, in ascending order.
    var idsOutsideList: [RegisterID] {
        guard state.run.initialization != nil else { return [.vcpuInit] }
        let finalized: [RegisterID] = state.run.awaited.isEmpty ? [] : [.vcpuFinalized]
        let events: [RegisterID] = Self.isKept(.vcpuEvents, by: kernel) ? [.vcpuEvents] : []
        return finalized + [.mpState] + events + [.vcpuInit]
    }

    private var kernel: KernelVersion? { table.host.kernel }

    private static func isKept(_ id: RegisterID, by kernel: KernelVersion?) -> Bool {
        KernelVersion.has(kernel, since: RegisterDictionary.entry(for: id)?.listedSince)
    }

    func readOutsideList(_ id: RegisterID) throws(Refusal) -> RegisterValue {
        let initialization = try initialization(for: id)
        switch id {
        case .vcpuInit: return initialization.value
        case .vcpuFinalized:
            return RegisterValue(UInt64(state.run.finalized.rawValue), size: 4)
        case .mpState: return RegisterValue(UInt64(state.run.mpState), size: 4)
        case .vcpuEvents: return events
        default: throw Self.noSuchState
        }
    }

    func writeOutsideList(_ value: RegisterValue, to id: RegisterID) throws(Refusal) {
        if id == .vcpuInit { return try writeInit(value) }
        _ = try initialization(for: id)
        switch id {
        case .vcpuFinalized: try finalize(VCPUFeatures(rawValue: UInt32(value.lowBits)))
        case .mpState: try writeMPState(value)
        case .vcpuEvents: try writeEvents(value)
        default: throw Self.noSuchState
        }
    }

    private static let noSuchState = Refusal(
        "this kernel keeps no such state", errno: .noEntry)

    /// What the vCPU was initialized with, if it is and has the register.
    private func initialization(for id: RegisterID) throws(Refusal) -> VCPUInit {
        guard let initialization = state.run.initialization else {
            throw Refusal(RegisterBankError.notInitialized, errno: .notExecutable)
        }
        guard idsOutsideList.contains(id) else {
            guard id == .vcpuFinalized else { throw Self.noSuchState }
            throw Refusal("the vCPU has no feature that is finalized", errno: .noEntry)
        }
        return initialization
    }

    // MARK: VCPU_INIT

    /// Initializes with what is wanted, less the features the host lacks, and as the host's own
    /// target where the wanted one is another; reading back tells.
    ///
    /// Powering off is dropped too: MP state says it. Initializing again would reset every register,
    /// so nothing is done when the vCPU is what is wanted.
    private func writeInit(_ value: RegisterValue) throws(Refusal) {
        let wanted = VCPUInit(value)
        let host = HostFacts(profile, features: [])
        let features = (wanted?.features ?? []).intersection(profile.features)
            .subtracting(.powerOff)
        let pointerAuthentication = features.intersection(.pointerAuthentication)
        guard pointerAuthentication.isEmpty || pointerAuthentication == .pointerAuthentication
        else {
            throw Refusal("PTRAUTH_ADDRESS and PTRAUTH_GENERIC exist only together")
        }
        let wantedTarget = wanted?.target ?? VCPUInit.genericTarget
        let possible = VCPUInit(
            target: host.targets.contains(wantedTarget)
                ? wantedTarget : profile.vcpuInit?.target ?? VCPUInit.genericTarget,
            features: features)
        guard possible != state.run.initialization else { return }
        try checkNumber()
        try vm.check(features, on: host, isAgain: state.run.initialization != nil)
        initialize(possible)
    }

    /// `KVM_CREATE_VCPU` gives no vCPU a number past the VM's limit.
    private func checkNumber() throws(Refusal) {
        guard let limit = profile.maximumVCPUs, Int64(index) >= Int64(limit) else { return }
        throw Refusal(
            "the VM needs \(vm.vcpuCount) vCPUs, and the host makes at most \(limit) for a VM "
                + "(\(HostProfile.maximumVCPUsName))", isBeyondRules: true)
    }

    // MARK: VCPU_FINALIZED

    /// `KVM_ARM_VCPU_FINALIZE` for each feature that is not finalized yet; it cannot be undone.
    private func finalize(_ wanted: VCPUFeatures) throws(Refusal) {
        let missing = wanted.subtracting(state.run.awaited)
        guard missing.isEmpty else {
            let names = missing.names.joined(separator: ", ")
            throw Refusal("the vCPU has no \(names) to finalize")
        }
        state.run.finalized.formUnion(wanted)
    }

    // MARK: MP_STATE

    private func writeMPState(_ value: RegisterValue) throws(Refusal) {
        let wanted = UInt32(value.lowBits)
        guard RunState.mpStates.contains(wanted) else {
            throw Refusal("expected RUNNABLE (0), STOPPED (5) or SUSPENDED (10), found \(wanted)")
        }
        if wanted == RunState.suspended, let since = Self.suspendedSince,
            !KernelVersion.has(kernel, since: since)
        {
            throw Refusal("SUSPENDED (10) is a state since Linux \(since)")
        }
        state.run.mpState = wanted
    }

    private static let suspendedSince = KVMCapability.named("KVM_CAP_ARM_SYSTEM_SUSPEND")?.since

    // MARK: VCPU_EVENTS

    private var events: RegisterValue {
        guard let pending = state.run.pendingSError else { return VCPUEvents.none.value }
        let hasRAS = table.host.hasRAS
        return VCPUEvents(
            isPending: true, hasSyndrome: hasRAS, syndrome: hasRAS ? pending : 0
        ).value
    }

    /// `__kvm_arm_vcpu_set_events`, `arch/arm64/kvm/guest.c`: an SError that is pending stays so.
    private func writeEvents(_ value: RegisterValue) throws(Refusal) {
        let wanted = VCPUEvents(value)
        guard !wanted.hasReservedBits else { throw Refusal("reserved bytes must be zero") }
        guard wanted.isPending else { return }
        if wanted.hasSyndrome {
            guard table.host.hasRAS else {
                throw Refusal("an SError has a syndrome only on a host with RAS")
            }
            guard wanted.syndrome & ~VCPUEvents.syndromeMask == 0 else {
                throw Refusal(
                    "expected a syndrome of bits 24:0, found \(wanted.syndrome.hex)")
            }
        }
        state.run.pendingSError = wanted.hasSyndrome ? wanted.syndrome : 0
    }
}
