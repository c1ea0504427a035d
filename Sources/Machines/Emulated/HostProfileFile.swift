package import Emulation
package import QEMUStream
internal import Registers
internal import TextFormats
internal import VCPUModel

/// A host profile, read as a fresh vCPU of that host.
package struct HostProfileFile: StateFileKind, StateFile {
    /// What error messages call such a file.
    package static let phrase = "a host profile"
    /// Where a profile was expected.
    package static let meets: ExpectedFile? = .text(.profile)
    /// Reading only: what is shown is a fresh vCPU.
    package static let summary = SourceSummary(
        grammar: "host profile", meaning: "a .vhost file: a fresh vCPU of its host",
        abilities: [.read, .host], example: "vcpusnap plan cpu.vcpusnap --host rack1.vhost")

    let profile: HostProfile

    /// `rack1, Linux 6.12, 512 registers`.
    package var content: String {
        "\(profile.name), Linux \(profile.kernelRelease), \(profile.registers.count) registers"
    }

    /// Always there.
    package var host: HostProfile? { profile }

    /// What takes a profile.
    package static func advice(for file: String, insteadOf expected: ExpectedFile) -> String? {
        switch expected {
        case .snapshot: ", which emulated:FILE and --host take"
        case .text(.policy), .text(.baseline): "; profiles are given with --host"
        case .text(.profile): nil
        }
    }

    /// Whether the name ends in `.vhost`: what is wrong with such a file is said of a profile, unless it is another kind of
    /// file.
    package static func claims(_ location: Location) -> Bool {
        guard case .file(let path) = location else { return false }
        return path.hasSuffix(".vhost")
    }

    /// Whether the file begins with `vhost` and a space, also behind a byte order mark (Formats/vhost-v1.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        DirectiveScanner.withoutByteOrderMark(prefix).starts(with: "vhost ".utf8)
    }

    /// Parses the profile (Formats/vhost-v1.md).
    /// - Throws: when it cannot be read, is something else, or has an error.
    package static func open(
        _ location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        HostProfileFile(profile: try ProfileFile.load(location.argument))
    }

    /// Parses what was opened already.
    /// - Throws: when it cannot be read, or has an error.
    package static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        HostProfileFile(profile: try ProfileFile.parse(input, of: location.argument))
    }

    /// The registers of a fresh vCPU; what else the profile says becomes provenance.
    /// - Throws: where the vCPU cannot be made by what the profile says.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        let made = MadeVCPUs(1, on: profile, tool: options.tool)
        try made.initialize()
        var snapshot = try made.capture().snapshot
        snapshot.provenance[Provenance.Key(rawValue: "rules-of")] = profile.rulesRelease
        for name in profile.features.names {
            snapshot.provenance[.feature(name)] = "1"
        }
        for (id, mask) in profile.writableMasks.sorted(by: { $0.key < $1.key }) {
            snapshot.provenance[.writableMask(id)] = RegisterValue(mask).description
        }
        return StateCapture(snapshot)
    }
}
