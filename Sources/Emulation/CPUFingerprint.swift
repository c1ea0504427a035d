internal import Registers
internal import TextFormats
public import VCPUModel

/// What Firecracker's cpu-template-helper wrote: a fingerprint of a host, or a template or dump alone
/// (Formats/cpu-template.md).
public struct CPUFingerprint: Hashable, Sendable {
    /// What stands in a fingerprint beside the dump, by name; empty for a template or dump.
    public private(set) var facts: [String: String] = [:]
    /// The dump, or the template.
    public let configuration: CPUTemplate

    /// The members of a fingerprint that are texts.
    static let factNames = [
        "firecracker_version", "kernel_version", "microcode_version", "bios_version",
        "bios_revision",
    ]
    private static let dumpName = "guest_cpu_config"

    /// `uname -r` of the host; nil where it is not told.
    public var kernelRelease: String? { facts["kernel_version"] }

    /// Whether it is a template, which changes vCPUs and says nothing of a host.
    public var isTemplate: Bool { facts.isEmpty && !configuration.isDump }

    /// Reads a file.
    /// - Throws: what is no JSON, or is neither of these, with the place.
    public init(parsing text: [UInt8]) throws(CPUTemplateError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text)
        } catch {
            throw CPUTemplateError("byte \(error.offset)", "not JSON: \(error.problem)")
        }
        guard let dump = value[Self.dumpName] else {
            configuration = try CPUTemplate(value, at: "")
            guard !configuration.isDump || configuration.dumpedRegisters != nil else {
                throw Self.twice(at: "")
            }
            return
        }
        configuration = try CPUTemplate(dump, at: Self.dumpName + ".")
        for name in Self.factNames {
            guard let text = value[name]?.string, text.utf8.count <= HostProfile.Limit.line else {
                throw CPUTemplateError(
                    name, "expected a string of at most \(HostProfile.Limit.line) bytes",
                    found: value[name])
            }
            facts[name] = text
        }
        guard configuration.isDump, configuration.dumpedRegisters != nil else {
            throw configuration.isDump
                ? Self.twice(at: Self.dumpName + ".")
                : CPUTemplateError(
                    Self.dumpName, "expected every bit of a vCPU's registers, pstate among them")
        }
    }

    private static func twice(at path: String) -> CPUTemplateError {
        CPUTemplateError(path + "reg_modifiers", "a register stands there twice")
    }

    /// Whether a file that begins with these bytes is one: its first member is one of theirs.
    public static func recognizes(_ prefix: [UInt8]) -> Bool {
        let isSpace = { (byte: UInt8) in [0x20, 0x09, 0x0a, 0x0d].contains(byte) }
        let object = prefix.drop(while: isSpace)
        guard object.first == UInt8(ascii: "{") else { return false }
        let name = object.dropFirst().drop(while: isSpace)
        return name.count > 3
            && (factNames + [dumpName] + CPUTemplate.members + CPUTemplate.otherMembers).contains {
                member in
                let text = Array("\"\(member)\"".utf8)
                return text.starts(with: name) || name.starts(with: text)
            }
    }
}

// MARK: - As a vCPU

extension CPUFingerprint {
    /// The fresh vCPU that was dumped, and what is known of its host.
    ///
    /// Counters and the PC are in no dump: they are as KVM resets them.
    /// - Returns: nil for a template.
    public var snapshot: Snapshot? {
        guard !isTemplate, var registers = configuration.dumpedRegisters else { return nil }
        let made = VCPUInit(features: configuration.madeFeatures)
        let kernel = kernelRelease.flatMap { KernelVersion(parsing: $0) } ?? Self.newest(registers)
        let added: [(RegisterID, RegisterValue)] = [
            (.pc, RegisterValue(0)), (.cntvctEL0, RegisterValue(0)),
            (.cntpctEL0, RegisterValue(0)), (.mpState, RegisterValue(0, size: 4)),
            (.vcpuEvents, VCPUEvents.none.value),
        ]
        for (id, value) in added where !registers.contains(id) && Self.lists(id, kernel) {
            registers.set(value, for: id)
        }
        registers.set(made.value, for: .vcpuInit)
        if let finalized = made.features.finalizedValue {
            registers.set(finalized, for: .vcpuFinalized)
        }
        var provenance = Provenance()
        provenance[.kernel] = kernelRelease
        provenance[.midr] = registers[.midrEL1]?.description
        for name in Self.factNames where name != "kernel_version" {
            let key = String(name.map { $0 == "_" ? "-" : $0 })
            provenance[Provenance.Key(rawValue: key)] = facts[name]
        }
        return Snapshot(
            provenance: provenance, vcpus: [VCPUState(index: 0, registers: registers)])
    }

    private static func lists(_ id: RegisterID, _ kernel: KernelVersion?) -> Bool {
        KernelVersion.has(kernel, since: RegisterDictionary.entry(for: id)?.listedSince)
    }

    /// The oldest kernel that lists all of some registers, where nothing else tells it.
    private static func newest(_ registers: RegisterList) -> KernelVersion? {
        registers.ids.compactMap { RegisterDictionary.entry(for: $0)?.listedSince }.max()
    }
}

extension HostProfile {
    /// The host of a fingerprint: what its fresh vCPU tells, by the rules of the kernel's version.
    /// - Throws: for a dump, whose kernel is not known, for a template, and what is not enough for a profile.
    public init(
        from fingerprint: CPUFingerprint, name: String? = nil
    ) throws(HostProfileError) {
        guard let snapshot = fingerprint.snapshot else { throw .noVCPU }
        try self.init(from: snapshot, name: name)
        extensions = [Self.fingerprintLine]
    }

    private static let fingerprintLine = "x-from fingerprint"

    /// Whether it was read from a fingerprint, which tells neither what else vCPUs can be made with, nor what of them can
    /// be changed.
    public var isOfFingerprint: Bool { extensions.contains(Self.fingerprintLine) }
}
