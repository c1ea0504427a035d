internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import VCPUModel

/// What is the same for all registers of a restore; each of them refers to it.
final class RestoreContext: Sendable {
    let options: Restore.Options

    init(_ options: Restore.Options) {
        self.options = options
    }
}

/// The words for why one register was not restored, from the dictionary's rules.
struct RestoreReasons {
    let id: RegisterID
    let context: RestoreContext

    /// What was tried with a register, and in which restore.
    struct Grounds: Sendable {
        var action: RestoreAttempt.Action
        var context: RestoreContext
    }

    /// Why a register has its outcome; nil where that says it all.
    static func reason(of result: RegisterRestore) -> String? {
        guard let grounds = result.grounds else {
            return result.outcome == .missing ? missing : notInSnapshot
        }
        let id = result.id
        let reasons = RestoreReasons(id: id, context: grounds.context)
        switch grounds.action {
        case .skipped(.policy):
            return grounds.context.options.policy.omission(of: id).map {
                "the policy leaves it out: \($0)"
            }
        case .absent(let failure): return reasons.absence(failure)
        case .unreadable(let failure, let isWritten):
            return failure.errno == .notExecutable && !isWritten
                ? notInitialized
                : "it could be written but not read back: \(failure.error(.read, id))"
        case .unreachable(let failure): return reasons.unreachable(failure)
        case .failed(let failure): return reasons.explanation(of: result, failure: failure)
        case .wrote, .heldAlready, .skipped:
            return reasons.explanation(of: result, failure: nil)
        }
    }

    static let notInSnapshot = "only the destination has it; it keeps its value"
    static let missing =
        "the snapshot lacks it, though every vCPU needs it; the destination's value stays"

    private var kernel: KernelVersion? { context.options.kernel }

    private var entry: RegisterEntry? { RegisterDictionary.entry(for: id) }

    private var destination: String {
        kernel.map { "the destination's kernel \($0)" } ?? "the destination"
    }

    // MARK: Absent

    /// Why the destination has no such register.
    func absence(_ failure: RestoreAttempt.Failure) -> String {
        if failure.isBeyondRules, let explanation = failure.explanation { return explanation }
        return kernelCause ?? cacheCause ?? needCause ?? failure.explanation ?? unexplainedAbsence
    }

    /// Of what KVM is known to have it is not the kernel that lacks it.
    private var unexplainedAbsence: String {
        let failure = AccessFailure(.noSuchRegister, isWrite: false, hasSVE: nil)
        if id == .vcpuFinalized, let words = id.explanation(of: failure) { return words }
        // A kernel that is named is one that may lack the register; of a VM's state no kernel is known that has it.
        if id.isDeviceState {
            let category = RegisterCategory(of: id)
            return category == .other
                ? "the destination has no such VM state"
                : "the destination gives no access to its \(category.rawValue)"
        }
        return "\(entry == nil ? destination : "the destination") does not have this register"
    }

    private var kernelCause: String? {
        guard let since = entry?.listedSince else { return nil }
        guard let kernel else { return "added to KVM in Linux \(since)" }
        return kernel < since
            ? "added to KVM in Linux \(since), but the destination runs \(kernel)" : nil
    }

    /// Before cache geometry was made up for guests, they saw what the CPU has (`arch/arm64/kvm/sys_regs.c`,
    /// `get_ccsidr`).
    private var cacheCause: String? {
        guard id.isCacheGeometry, let kernel, let since = RegisterDictionary.cachesChosenSince,
            kernel < since
        else { return nil }
        return
            "before Linux \(since), KVM lists only the caches that the CPU has, and the destination runs \(kernel)"
    }

    private var needCause: String? {
        let needs = behavior?.needs ?? []
        guard !needs.isEmpty else { return nil }
        return "it exists only with " + needs.map(\.description).joined(separator: " and ")
    }

    private var behavior: Behavior? {
        entry?.behavior(onKernel: kernel) ?? entry?.newestBehavior
    }

    // MARK: Present, and yet not restored

    func explanation(of result: RegisterRestore, failure: RestoreAttempt.Failure?) -> String? {
        switch result.outcome {
        case .refused: return refusal(result, failure)
        case .keptButMasked(let lost):
            return "the destination keeps its own value in bits \(lost)" + fields(in: lost)
                + furtherFeatures(result)
        case .acceptedThenChanged: return change(result)
        case .skipped(.clearView): return "a second view of a SET register, which is restored"
        case .skipped(.guestMemory):
            return "it tells of tables in the guest's memory, which is restored by the VMM"
        case .volatile: return "it moves by itself; the value was written"
        case .taken: return failure.map(sharedValue) ?? enabling ?? priorities(result)
        case .alreadyEqual, .absent, .untouched, .missing, .skipped: return nil
        }
    }

    private func furtherFeatures(_ result: RegisterRestore) -> String {
        guard id == .vcpuInit, let wanted = result.wanted,
            VCPUInit(wanted)?.hasFurtherFeatures == true
        else { return "" }
        return "; no kernel has features above bit 31"
    }

    /// For a register that refused the value, and holds it.
    private func sharedValue(_ failure: RestoreAttempt.Failure) -> String {
        "the write was refused (\(failure.errno.symbol)); the register holds the value only because all vCPUs "
            + "share it, and another one took it"
    }

    /// For a register that could be neither written nor read.
    func unreachable(_ failure: RestoreAttempt.Failure) -> String? {
        if failure.errno == .notExecutable { return Self.notInitialized }
        guard id == .vcpuInit, !failure.isBeyondRules else { return failure.explanation }
        return behavior?.refusalRule ?? failure.explanation
    }

    static let notInitialized = "the vCPU is not initialized: see VCPU_INIT"

    // MARK: Not put back

    static func notUndone(_ id: RegisterID, _ failure: RegisterBankError?) -> String {
        if id == .vcpuInit { return "a vCPU that is initialized stays so" }
        return failure.map { $0.explanation ?? "\($0)" }
            ?? "it did not take its old value again"
    }

    /// What let a register be written that is fixed otherwise.
    private var enabling: String? {
        guard let name = behavior?.capability,
            context.options.enabled.contains(where: { $0.name == name })
        else { return nil }
        return "it takes \(name), enabled before the vCPUs are made"
    }

    /// What becomes of priorities where the guest saw fewer than the destination has.
    private func priorities(_ result: RegisterRestore) -> String? {
        guard id == .iccCTLREL1, let wanted = result.wanted, let before = result.before else {
            return nil
        }
        let (own, host) = (
            CPUInterfaceControl(wanted.lowBits).priorityBits,
            CPUInterfaceControl(before.lowBits).priorityBits
        )
        return own < host
            ? "the guest goes on seeing \(own) bits of priority, though the CPU has \(host), so that priorities may "
                + "differ here that were equal; no more than \(own) can be set again in this VM"
            : nil
    }

    private func refusal(_ result: RegisterRestore, _ failure: RestoreAttempt.Failure?) -> String? {
        if let levels = mitigationLevels(result) { return levels }
        let claims = idFieldClaims(result)
        if !claims.isEmpty { return claims.joined(separator: ", ") }
        return behavior?.refusalRule ?? unknownBits(result) ?? failure?.explanation
    }

    /// A mitigation that the guest was told it need not ask for, or can ask for, and the host cannot back.
    private func mitigationLevels(_ result: RegisterRestore) -> String? {
        guard let field = WorkaroundLevel.field(of: id),
            let wanted = result.wanted.map({ field.extract(from: $0) }),
            let host = result.before.map({ field.extract(from: $0) }),
            let told = field.valueName(wanted), let offered = field.valueName(host)
        else { return nil }
        return
            "the guest was told \(told), but the host's level is \(offered): if overridden, the guest "
            + "still believes \(told) and runs unmitigated"
    }

    /// For an ID register that differs in bits no rule speaks of.
    private func unknownBits(_ result: RegisterRestore) -> String? {
        guard entry?.isFeatureIDRegister == true || entry?.isImplementationID == true,
            let difference = result.before.flatMap({ result.wanted?.differingBits(from: $0) })
        else { return nil }
        return "bits \(difference) differ, and the destination does not take the value"
    }

    private func change(_ result: RegisterRestore) -> String {
        let fate = result.found == result.before ? "keeps its own value" : "holds a different value"
        let fields =
            result.found.flatMap { result.wanted?.differingBits(from: $0) }.map(fields(in:)) ?? ""
        let rule = behavior?.rule.map { ": \($0)" } ?? ""
        return "the write was accepted, but the register \(fate)\(fields)\(rule)"
    }

    private func fields(in bits: RegisterValue) -> String {
        entry?.fieldsText(of: bits.lowBits) ?? ""
    }

    /// The ID fields that the destination cannot take, each with both values.
    ///
    /// Those are the ones its kernel does not let anyone change and the ones that promise what it
    /// does not have; every field that differs, where the rules explain nothing.
    private func idFieldClaims(_ result: RegisterRestore) -> [String] {
        guard let wanted = result.wanted?.bits, let host = result.before?.bits else { return [] }
        return (entry?.unacceptableFields(of: wanted, on: host, kernel: kernel) ?? []).map { rule in
            let (claimed, offered) = (rule.extract(from: wanted), rule.extract(from: host))
            return "\(rule.field) is \(claimed.hex), the destination has \(offered.hex)"
        }
    }
}
