import Emulation
import LinuxSystem
import Registers
import Testing
import VCPUModel

/// A register by name; a misspelt one fails the test.
func register(_ name: String, _ place: SourceLocation = #_sourceLocation) throws -> RegisterID {
    try #require(RegisterID(parsing: name), "no register \(name)", sourceLocation: place)
}

func builtIn(_ name: String) throws -> HostProfile {
    try #require(try HostProfile.builtIn(named: name), "no profile \(name)")
}

/// A vCPU on a built-in host, initialised as the host's profile was recorded.
func vcpu(on name: String) throws -> EmulatedCPU {
    EmulatedCPU(profile: try builtIn(name), initialised: true)
}

/// A vCPU on a host of a few registers; `lines` are `register` and other lines of a profile.
func vcpu(kernel: String = "6.12.0", _ lines: String...) throws -> EmulatedCPU {
    let text = profileText(kernel: kernel, lines)
    return EmulatedCPU(
        profile: try HostProfile(parsing: text, file: "test"), initialised: true)
}

func profileText(kernel: String = "6.12.0", _ lines: [String] = []) -> String {
    let head = ["vhost 1", "name test", "kernel \(kernel)", "feature PSCI_0_2", "feature PMU_V3"]
    let tail = "register VCPU_INIT 0x7650000000000000 0xc00000005"
    return (head + lines + [tail]).joined(separator: "\n") + "\n"
}

extension EmulatedCPU {
    func bits(_ name: String) throws -> UInt64 {
        try read(register(name)).lowBits
    }

    func set(_ name: String, _ bits: UInt64) throws {
        let id = try register(name)
        try write(RegisterValue(littleEndian: Self.bytes(bits, id)) ?? RegisterValue(bits), to: id)
    }

    /// The errno of a write that is refused; nil when it is accepted.
    func refusal(_ name: String, _ bits: UInt64) throws -> Errno? {
        do {
            try set(name, bits)
            return nil
        } catch let error as RegisterBankError {
            #expect(try error.id == register(name))
            #expect(error.operation == .write)
            #expect(error.explanation != nil)
            return error.errno
        }
    }

    /// The errno of a read that fails; nil when it succeeds.
    func readFailure(_ name: String) throws -> Errno? {
        do {
            _ = try bits(name)
            return nil
        } catch let error as RegisterBankError {
            return error.errno
        }
    }

    private static func bytes(_ bits: UInt64, _ id: RegisterID) -> [UInt8] {
        let size = id.size ?? 8
        let low = RegisterValue(bits).littleEndianBytes
        return size <= 8 ? Array(low.prefix(size)) : low + Array(repeating: 0, count: size - 8)
    }
}

/// The error of a body that must fail.
func failure<Failure: Error>(_ type: Failure.Type, _ body: () throws -> Void) throws -> Failure {
    do {
        try body()
    } catch let error as Failure {
        return error
    }
    return try #require(nil as Failure?, "nothing was thrown")
}
