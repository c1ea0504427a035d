internal import LinuxSystem
internal import Registers
internal import VCPUModel
internal import VMMFiles

/// How Firecracker loads a vCPU, and its words (`restore_state`, `KvmVcpuError` and `VcpuArchError` in
/// `src/vmm/src/arch/aarch64/vcpu.rs`; the rest of the chain in `builder.rs`, `persist.rs` and `rpc_interface.rs`).
struct FirecrackerLoading: WayOfLoading {
    /// It cannot initialize a PMU.
    var refused: VCPUFeatures { .pmuV3 }

    func isBeforeFinalization(_ id: RegisterID) -> Bool { id == .sveVLS }

    func line(for failure: VMMLoad.Failure) -> String? {
        reason(for: failure).map { reason in
            "Load snapshot error: Failed to restore from snapshot: Failed to build microVM from snapshot: Failed to "
                + "restore vCPUs: Failed to run action on vcpu: \(reason)"
        }
    }

    /// Nil where it panics.
    private func reason(for failure: VMMLoad.Failure) -> String? {
        switch failure {
        case .features: "Found unsupported KVM_ARM_VCPU_PMU_V3 bit set in vcpu features."
        case .initialization(_, let errno): "Error initializing the vcpu: \(Self.text(errno))"
        case .finalization: nil
        case .register(let register, let errno, _):
            Self.restoring(
                "Failed to set register \(register.id.hex) to value \(Self.text(register.value)): "
                    + Self.text(errno))
        case .mpState(let errno):
            Self.restoring("Failed to set multiprocessor state: \(Self.text(errno))")
        case .stolenTime(let errno):
            Self.restoring(
                "Failed to set/get device attributes for vCPU: \(Self.text(errno))")
        }
    }

    private static func restoring(_ reason: String) -> String {
        "Failed to restore the state of the vcpu: \(reason)"
    }

    /// As Rust prints it.
    private static func text(_ errno: Errno) -> String {
        "\(errno.sentence) (os error \(errno.rawValue))"
    }

    /// Every byte by two digits.
    private static func text(_ value: RegisterValue) -> String {
        "0x"
            + value.littleEndianBytes.reversed().map {
                ($0 < 16 ? "0" : "") + String($0, radix: 16)
            }.joined()
    }
}
