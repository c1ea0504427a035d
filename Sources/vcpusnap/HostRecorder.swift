internal import Emulation
internal import KVM
internal import Registers
internal import Transfer
internal import VCPUModel

/// Makes a host profile of this machine's KVM.
enum HostRecorder {
    static func record(name: String?) throws -> HostProfile {
        let system = try KVMSystem()
        let host = try KVMHost(system)
        guard let bank = try ScratchVM(on: system, vcpuCount: 1).banks.first else {
            throw CommandError("KVM made no vCPU")
        }
        try bank.initialise(host.abilities.defaultInit)
        let capture = try Capture(of: bank, index: 0)
        if let failure = capture.unreadable.first {
            throw CommandError("a profile needs every register: \(failure)")
        }
        let registers = capture.state.registers
        return HostProfile(
            name: name ?? defaultName(host), kernelRelease: host.kernelRelease, midr: host.midr,
            counterFrequency: host.counterFrequency,
            capabilities: Dictionary(
                host.capabilities.map { ($0.name, Int32(clamping: $0.value)) }
            ) { first, _ in first },
            features: host.abilities.features, writableMasks: masks(host, registers),
            registers: registers)
    }

    /// `6.12-neoverse-n1`.
    private static func defaultName(_ host: KVMHost) -> String {
        let kernel = KernelVersion(parsing: host.kernelRelease).map { "\($0.major).\($0.minor)" }
        let part = host.midr.flatMap { CPUIdentity(midr: $0).partName }
        let cpu = part?.lowercased().map { $0 == "_" ? "-" : String($0) }.joined()
        return [kernel ?? "unknown", cpu ?? "cpu"].joined(separator: "-")
    }

    private static func masks(
        _ host: KVMHost, _ registers: RegisterList
    ) -> [RegisterID: UInt64] {
        guard let masks = host.writableMasks else { return [:] }
        let pairs = registers.ids.compactMap { id in masks[id].map { (id, $0) } }
        return Dictionary(pairs) { first, _ in first }
    }
}
