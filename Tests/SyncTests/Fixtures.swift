import Emulation
import LinuxSystem
import Registers
import Sync
import Testing
import VCPUModel

/// A register by name; a misspelt one fails the test.
func register(_ name: String, _ place: SourceLocation = #_sourceLocation) throws -> RegisterID {
    try #require(RegisterID(parsing: name), "no register \(name)", sourceLocation: place)
}

/// A vCPU on a built-in host, initialised as the host's profile was recorded.
func vcpu(on name: String) throws -> EmulatedCPU {
    let profile = try #require(try HostProfile.builtIn(named: name), "no profile \(name)")
    return EmulatedCPU(profile: profile, initialised: true)
}

/// A vCPU on a host of a few registers; `lines` are `register` and other lines of a profile.
func vcpu(_ lines: String...) throws -> EmulatedCPU {
    let head = ["vhost 1", "name test", "kernel 6.12.0", "feature PSCI_0_2", "feature PMU_V3"]
    let tail = "register VCPU_INIT 0x7650000000000000 0xc00000005"
    let text = (head + lines + [tail]).joined(separator: "\n") + "\n"
    return EmulatedCPU(
        profile: try HostProfile(parsing: text, file: "test"), initialised: true)
}

extension RegisterBank {
    func bits(_ name: String) throws -> UInt64 {
        try read(register(name)).lowBits
    }

    func set(_ name: String, _ bits: UInt64) throws {
        let id = try register(name)
        try write(RegisterValue(bits, size: id.size ?? 8), to: id)
    }

    /// Every register with its value.
    func contents() throws -> RegisterList {
        var registers = RegisterList()
        for id in try list() { registers.set(try read(id), for: id) }
        return registers
    }
}

/// A bank that notes in which order it is accessed.
final class RecordingBank: RegisterBank {
    private let base: any RegisterBank
    private(set) var reads: [RegisterID] = []
    private(set) var writes: [RegisterID] = []

    init(_ base: any RegisterBank) {
        self.base = base
    }

    func list() throws(RegisterBankError) -> [RegisterID] { try base.list() }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        reads.append(id)
        return try base.read(id)
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        writes.append(id)
        try base.write(value, to: id)
    }

    func forget() {
        reads = []
        writes = []
    }
}
