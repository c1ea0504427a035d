public import Emulation
public import Registers
internal import Synchronization
public import Transfer
public import VCPUModel

/// What a test names and there is not: the test is wrong.
public struct NoSuchSubject: Error, CustomStringConvertible {
    /// What a test that has it as its argument is called by.
    public let description: String

    static func require<Subject>(_ subject: Subject?, _ kind: String, _ name: String) throws
        -> Subject
    {
        guard let subject else { throw NoSuchSubject(description: "no \(kind) \(name)") }
        return subject
    }
}

/// A register by name.
public func register(_ name: String) throws -> RegisterID {
    try NoSuchSubject.require(RegisterID(parsing: name), "register", name)
}

/// A register with a value: what the value's text says, in the register's size.
public func value(_ text: String, of id: RegisterID) throws -> RegisterValue {
    try NoSuchSubject.require(
        RegisterValue(parsing: text, size: id.size ?? 8), "value of \(id.name)", text)
}

/// A host profile that is built in, parsed once.
public func builtIn(_ name: String) throws -> HostProfile {
    if let known = parsedProfiles.withLock({ $0[name] }) { return known }
    let profile = try NoSuchSubject.require(
        try HostProfile.builtIn(named: name), "profile", name)
    parsedProfiles.withLock { $0[name] = profile }
    return profile
}

private let parsedProfiles = Mutex([String: HostProfile]())

/// A built-in host with interrupt controllers, as they were recorded on KVM.
public func hostWithDevices(_ name: String = "6.12-neoverse-n1") throws -> HostProfile {
    var host = try builtIn(name)
    host.devices = ["VGIC_V2", "VGIC_V3", "VGIC_ITS"]
    host.gicRevisions = [2, 3]
    for (name, text) in [
        ("GICD_IIDR", "0x4b00343b"), ("GICD_TYPER2", "0"), ("GIC_LINE_LEVEL0", "0"),
        ("ICC_PMR_EL1", "0"), ("ICC_BPR0_EL1", "0"), ("ICC_BPR1_EL1", "0"),
        ("ICC_AP0R0_EL1", "0"), ("ICC_AP1R0_EL1", "0"), ("ICC_CTLR_EL1", "0x8c00"),
        ("ICC_SRE_EL1", "7"), ("ICC_IGRPEN0_EL1", "0"), ("ICC_IGRPEN1_EL1", "0"),
        ("TIMER_IRQ_VIRTUAL", "27"), ("TIMER_IRQ_PHYSICAL", "30"),
    ] {
        let id = try register(name)
        _ = host.attributes.set(try value(text, of: id), for: id)
    }
    return host
}

/// A policy of these lines, below those that name the format and the policy.
public func policy(_ lines: String...) throws -> RestorePolicy {
    let text = (["vpolicy 1", "name test"] + lines).joined(separator: "\n")
    return try RestorePolicy(parsing: text.utf8, file: "test.vpolicy")
}

// MARK: vCPUs

/// A vCPU on a built-in host, initialized as the host's profile was recorded.
public func vcpu(on host: String) throws -> EmulatedCPU {
    EmulatedCPU(profile: try builtIn(host), initialized: true)
}

/// A vCPU on a host of a few registers; `lines` are `register` and other lines of a profile.
public func vcpu(kernel: String = "6.12.0", _ lines: String...) throws -> EmulatedCPU {
    let text = profileText(kernel: kernel, lines)
    return EmulatedCPU(profile: try HostProfile(parsing: text, file: "test"), initialized: true)
}

/// The profile of that host.
public func profileText(kernel: String = "6.12.0", _ lines: [String] = []) -> String {
    let head = ["vhost 1", "name test", "kernel \(kernel)", "feature PSCI_0_2", "feature PMU_V3"]
    let tail = "register VCPU_INIT 0x7650000000000000 0xc00000005"
    return (head + lines + [tail]).joined(separator: "\n") + "\n"
}

extension RegisterBank {
    /// The low bits of a register.
    public func bits(_ name: String) throws -> UInt64 {
        try read(register(name)).lowBits
    }

    /// Gives a register these low bits, and zero above them.
    public func set(_ name: String, _ bits: UInt64) throws {
        let id = try register(name)
        try write(value(String(bits), of: id), to: id)
    }
}
