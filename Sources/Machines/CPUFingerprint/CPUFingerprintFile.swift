package import Emulation
internal import LinuxSystem
package import QEMUStream
internal import Registers
internal import VCPUModel

/// What Firecracker's cpu-template-helper wrote: a fingerprint, read as a fresh vCPU of its host, or a dump of a vCPU.
///
/// A custom CPU template is of the same kind, and holds no vCPU: it is for `set --baseline`.
package struct CPUFingerprintFile: StateFileKind, StateFile {
    /// What error messages call such a file.
    package static let phrase = "a CPU fingerprint, dump or template of Firecracker"
    /// Reading only: what is shown is a fresh vCPU.
    package static let summary = SourceSummary(
        grammar: "CPU fingerprint",
        meaning: "what Firecracker's cpu-template-helper wrote: a\nfresh vCPU, and its host",
        abilities: [.read, .host],
        example: "vcpusnap plan cpu.vcpusnap --host fingerprint.json")

    private let fingerprint: CPUFingerprint
    private let location: Location
    /// Nil for a dump, whose kernel is not known, and a template.
    package let host: HostProfile?

    /// What takes it.
    package static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        switch expected {
        case .snapshot: "; --host takes a fingerprint, and set --baseline a template"
        case .text(.profile):
            "; only a fingerprint tells its kernel: vcpusnap host --from \(file) --kernel RELEASE -o HOST.vhost makes "
                + "a profile of a dump"
        case .text(.baseline): "; vcpusnap set --baseline takes a template"
        case .text(.policy): nil
        }
    }

    /// Whether the file begins as JSON does whose first member is one of such a file (Formats/cpu-template.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool { CPUFingerprint.recognizes(prefix) }

    /// Parses the file.
    /// - Throws: when it cannot be read, is no JSON, or is none of these.
    package static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        try read(input, of: location)
    }

    private static func read(
        _ input: ImageInput, of location: Location
    ) throws(SourceError) -> CPUFingerprintFile {
        let bytes = try SourceError.passing { try input.whole(limit: CPUTemplate.Limit.size) }
        let fingerprint = try SourceError.naming(location.text) { () throws(CPUTemplateError) in
            try CPUFingerprint(parsing: bytes)
        }
        let host = try fingerprint.kernelRelease.map { _ throws(SourceError) in
            try SourceError.naming(location.text) { () throws(HostProfileError) in
                try HostProfile(from: fingerprint)
            }
        }
        return CPUFingerprintFile(fingerprint: fingerprint, location: location, host: host)
    }

    /// Reads a template.
    /// - Throws: also for a fingerprint or a dump, which is no change.
    static func template(_ location: Location) throws(SourceError) -> CPUTemplate {
        let file = try read(try location.input(), of: location)
        guard file.fingerprint.isTemplate else {
            throw SourceError(
                "\(location.text) is \(file.content), which says what a vCPU holds: name a template, which says what "
                    + "to change")
        }
        return file.fingerprint.configuration
    }

    /// `fingerprint of 6.18-neoverse-n1, Linux 6.18, 254 registers`.
    package var content: String {
        let count = fingerprint.configuration.modifiers.count
        let registers = "\(count) register\(count == 1 ? "" : "s")"
        if fingerprint.isTemplate { return "a custom CPU template of \(registers)" }
        guard let host else { return "a dump of \(registers)" }
        return "a fingerprint of \(host.name), Linux \(host.kernelRelease), \(registers)"
    }

    /// The fresh vCPU, with what the file says of its host as provenance.
    /// - Throws: for a template.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        guard let snapshot = fingerprint.snapshot else {
            throw SourceError(
                "\(location.text) is \(content), which changes vCPUs and holds none: vcpusnap set SNAPSHOT --baseline "
                    + "\(location.text) -o NEW makes the change")
        }
        return StateCapture(snapshot)
    }
}
