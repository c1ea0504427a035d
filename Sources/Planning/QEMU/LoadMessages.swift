internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import TextFormats
internal import VCPUModel

/// What QEMU prints when it loads a "cpu" section, by version.
struct LoadMessages {
    let version: QEMUVersion
    /// Whether QEMU emulates the vCPUs.
    let isEmulated: Bool
    /// Whether a description is missed at the end (`qemu_loadvm_state`, `migration/savevm.c`), which ends no load: one
    /// follows where a configuration stands in front.
    let missesDescription: Bool

    init(version: QEMUVersion, isEmulated: Bool, of stream: QEMUStream) {
        (self.version, self.isEmulated) = (version, isEmulated)
        missesDescription = !stream.hasDescription && stream.header.machineType != nil
    }

    /// `kvm_init`, `accel/kvm/kvm-all.c`.
    static func line(for excess: LoadPlan.Excess) -> String {
        "Number of SMP cpus requested (\(excess.count)) exceeds the maximum cpus supported by KVM "
            + "(\(excess.maximum))"
    }

    /// The lines up to the first vCPU that fails.
    func lines(for vcpus: [VCPULoad]) -> [String] {
        var lines: [String] = []
        for vcpu in vcpus {
            lines += reports(of: vcpu)
            guard let failure = vcpu.failure else { continue }
            return lines + ending(failure, vcpu)
        }
        return lines + (missesDescription ? ["Expected vmdescription section, but got 0"] : [])
    }

    // MARK: Registers

    /// What is said of single registers.
    private func reports(of vcpu: VCPULoad) -> [String] {
        var lines: [String] = []
        if version.comparesWholeLists {
            lines += inOrderOfLists(vcpu.registers).compactMap(mismatch)
        }
        guard version.namesRefusedRegisters, vcpu.putFails else { return lines }
        let refusals = vcpu.registers.compactMap(refusal)
        // Once when it loads the section, if it gets that far, and once when it puts all registers.
        return lines + (vcpu.failure == .refusedValues ? refusals + refusals : refusals)
    }

    /// The two timer registers that have each other's KVM id in QEMU's own lists.
    private func inOrderOfLists(_ registers: [RegisterLoad]) -> [RegisterLoad] {
        guard isEmulated else { return registers }
        return registers.sorted { $0.id.translated(from: .tcg) < $1.id.translated(from: .tcg) }
    }

    private func mismatch(_ register: RegisterLoad) -> String? {
        let name =
            isEmulated ? register.id.nameByKey : register.id.name(in: version)
        switch register.fate {
        case .unknown, .dropped:
            // What is outside the lists is lost without a word.
            guard register.fate == .unknown || register.id.isCPRegister else { return nil }
            return
                "handle_cpreg_only_in_incoming_stream: \(name) in the incoming stream but unknown "
                + "on the destination: fail migration"
        case .keptAtReset where !isTolerated(register), .unset,
            .refused where isEmulated && register.incoming == nil:
            return "warning: handle_cpreg_missing_in_incoming_stream: \(name) expected by the "
                + "destination but not in the incoming stream: skip it"
        default: return nil
        }
    }

    private func isTolerated(_ register: RegisterLoad) -> Bool {
        version.hasTolerances
            && RegisterDictionary.entry(for: register.id)?.isToleratedByQEMU(nil) == true
    }

    private func refusal(_ register: RegisterLoad) -> String? {
        // What the stream does not have is written too, with the vCPU's own value.
        guard let number = register.errno,
            let value = register.incoming ?? register.held
        else { return nil }
        let failed = "Could not set register \(register.id.name(in: version))"
        switch number {
        case .noEntry: return failed + ": unknown to KVM"
        case .invalidArgument:
            let held = register.held.map { " (is \(Self.digits($0)))" } ?? ""
            return failed + " to \(Self.digits(value))\(held)"
        default: return failed + ": \(number.sentence)"
        }
    }

    /// `%x`, `%lx`.
    private static func digits(_ value: RegisterValue) -> String {
        String(value.lowBits, radix: 16)
    }

    // MARK: The end

    private func ending(_ failure: VCPULoad.Failure, _ vcpu: VCPULoad) -> [String] {
        if failure == .timerWithoutWFxT { return [assertion] }
        let device =
            "error while loading state for instance \(vcpu.index.hex) of device 'cpu'"
        let putFailed =
            vcpu.putFails && version.endsWhereAPutFails
            ? "Failed to put registers after init: Invalid argument" : nil
        guard version.namesRefusedRegisters else {
            let (reason, number) = oldReason(failure)
            return reason + [device, putFailed ?? Self.end + number]
        }
        let (before, number, reason) = newReason(failure)
        return before + [putFailed ?? "\(Self.end)\(number): \(device): \(reason)"]
    }

    private static let end = "load of migration failed: "
    /// It has the program, the file and the line before it.
    private var assertion: String {
        "\(version.loadingFunction): Assertion `first_elem || !n_elems || !size' failed."
    }

    private func oldReason(
        _ failure: VCPULoad.Failure
    ) -> (lines: [String], number: String) {
        switch failure {
        case .tooManyRegisters(let count, let limit):
            (
                [Self.invalid(count, limit), "Failed to load cpu:cpreg_vmstate_array_len"],
                "Invalid argument"
            )
        case .unknownSubsection: ([], "No such file or directory")
        default: ([], "Operation not permitted")
        }
    }

    /// Since 10.2 the reasons are joined into one line.
    private func newReason(
        _ failure: VCPULoad.Failure
    ) -> (lines: [String], number: String, reason: String) {
        switch failure {
        case .tooManyRegisters(let count, let limit):
            return (
                [Self.invalid(count, limit)], "Invalid argument",
                "Failed to load element of type int32 le for cpreg_vmstate_array_len: -22"
            )
        case .unknownSubsection(let name):
            return ([], number("No such file or directory"), Self.missing(name))
        default:
            return (
                [], number("Operation not permitted"),
                "post load hook failed for: cpu, version_id: 22, minimum_version: 22, ret: -1"
            )
        }
    }

    private func number(_ sentence: String) -> String {
        version.hidesErrorNumbers ? "Invalid argument" : sentence
    }

    /// Of a subsection in another one the way to it is said, too.
    private static func missing(_ name: String) -> String {
        let outer = name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
        let reason = "VM subsection '\(name)' in '\(outer)' does not exist"
        guard outer != "cpu" else { return reason }
        return "Loading VM subsection '\(outer)' in 'cpu' failed: \(reason)"
    }

    private static func invalid(_ count: Int, _ limit: Int) -> String {
        "Invalid value \(count) expecting positive value <= \(limit)"
    }
}
