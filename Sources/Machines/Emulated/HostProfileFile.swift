internal import Emulation
public import QEMUStream
internal import Registers
internal import VCPUModel

/// A host profile, read as a fresh vCPU of that host.
public struct HostProfileFile: StateFileKind, StateFile {
    public static let phrase = "a host's profile, whose name ends in .vhost"
    public static let summary = SourceSummary(
        grammar: "host profile", meaning: "a .vhost file: a fresh vCPU of its host",
        abilities: [.read], example: "vcpusnap show rack1.vhost")

    private let profile: HostProfile

    /// A pipe cannot be looked into and read again, so the name's end tells.
    public static func claims(_ location: Location) -> Bool {
        guard case .file(let path) = location else { return false }
        return path.hasSuffix(".vhost")
    }

    public static func recognizes(_ prefix: [UInt8]) -> Bool { false }

    public static func open(
        _ location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        HostProfileFile(profile: try ProfileFile.load(location.argument))
    }

    public static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        try open(location, options)
    }

    /// Everything else that the profile says is provenance.
    public func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
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
