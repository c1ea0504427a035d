internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// What QEMU prints when it loads a "cpu" section, by version.
struct LoadMessages {
    let version: QEMUVersion

    /// The lines up to the first vCPU that fails.
    func lines(for vcpus: [VCPULoad]) -> [String] {
        var lines: [String] = []
        for vcpu in vcpus {
            lines += reports(of: vcpu)
            guard let failure = vcpu.failure else { continue }
            return lines + ending(failure, vcpu)
        }
        return lines
    }

    // MARK: Registers

    /// What is said of single registers.
    private func reports(of vcpu: VCPULoad) -> [String] {
        var lines: [String] = []
        if version.comparesWholeLists {
            lines += vcpu.registers.compactMap(mismatch)
        }
        if version.namesRefusedRegisters, vcpu.failure == .refusedValues {
            lines += vcpu.registers.compactMap(refusal)
        }
        return lines
    }

    /// `handle_cpreg_only_in_incoming_stream`, `handle_cpreg_missing_in_incoming_stream`.
    private func mismatch(_ register: RegisterLoad) -> String? {
        switch register.fate {
        case .unknown:
            "\(register.id.qemuName) in the incoming stream but unknown on the destination: "
                + "fail migration"
        case .keptAtReset where !isTolerated(register):
            "\(register.id.qemuName) expected by the destination but not in the incoming stream: "
                + "skip it"
        default: nil
        }
    }

    private func isTolerated(_ register: RegisterLoad) -> Bool {
        version.hasTolerances && RegisterID.mayBeOnOneSide.contains(register.id)
    }

    private func refusal(_ register: RegisterLoad) -> String? {
        guard case .refused = register.fate, let value = register.incoming else { return nil }
        let held = register.held.map { " (is \(Self.digits($0)))" } ?? ""
        return "Could not set register \(register.id.qemuName) to \(Self.digits(value))\(held)"
    }

    /// `%lx`.
    private static func digits(_ value: RegisterValue) -> String {
        String(value.lowBits, radix: 16)
    }

    // MARK: The end

    private func ending(_ failure: VCPULoad.Failure, _ vcpu: VCPULoad) -> [String] {
        version.namesRefusedRegisters
            ? newEnding(failure, vcpu.index) : oldEnding(failure, vcpu.index)
    }

    private func oldEnding(_ failure: VCPULoad.Failure, _ index: UInt32) -> [String] {
        let device = "error while loading state for instance \(Self.hex(index)) of device 'cpu'"
        guard case .tooManyRegisters(let count, let limit) = failure else {
            return [device, "load of migration failed: Operation not permitted"]
        }
        return [
            "Invalid value \(count) expecting positive value <= \(limit)",
            "Failed to load cpu:cpreg_vmstate_array_len", device,
            "load of migration failed: Invalid argument",
        ]
    }

    private func newEnding(_ failure: VCPULoad.Failure, _ index: UInt32) -> [String] {
        let device = "error while loading state for instance \(Self.hex(index)) of device 'cpu': "
        guard case .tooManyRegisters(let count, let limit) = failure else {
            return [
                "load of migration failed: Operation not permitted: " + device
                    + "post load hook failed for: cpu, version_id: 22, minimum_version: 22, ret: -1"
            ]
        }
        return [
            "Invalid value \(count) expecting positive value <= \(limit)",
            "load of migration failed: Invalid argument: " + device
                + "Failed to load element of type int32 le for cpreg_vmstate_array_len: -22",
        ]
    }

    private static func hex(_ number: UInt32) -> String {
        "0x" + String(number, radix: 16)
    }
}
