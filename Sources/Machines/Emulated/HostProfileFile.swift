internal import Emulation
package import QEMUStream
internal import Registers
internal import VCPUModel

/// A host profile, read as a fresh vCPU of that host.
package struct HostProfileFile: StateFileKind, StateFile {
    /// What error messages call such a file.
    package static let phrase = "a host's profile, whose name ends in .vhost"
    /// Reading only: what is shown is a fresh vCPU.
    package static let summary = SourceSummary(
        grammar: "host profile", meaning: "a .vhost file: a fresh vCPU of its host",
        abilities: [.read], example: "vcpusnap plan cpu.vcpusnap --host rack1.vhost")

    private let profile: HostProfile

    /// A pipe cannot be looked into and read again, so the name's end tells.
    package static func claims(_ location: Location) -> Bool {
        guard case .file(let path) = location else { return false }
        return path.hasSuffix(".vhost")
    }

    /// Never by content: `claims` goes by the name.
    package static func recognizes(_ prefix: [UInt8]) -> Bool { false }

    /// Parses the profile (Formats/vhost-v1.md).
    /// - Throws: when it cannot be read, is something else, or has an error.
    package static func open(
        _ location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        HostProfileFile(profile: try ProfileFile.load(location.argument))
    }

    /// The same; the bytes that were already read are not used, and the file is read from its start.
    package static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        try open(location, options)
    }

    /// The registers of a fresh vCPU; what else the profile says becomes provenance.
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
