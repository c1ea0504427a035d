public import VCPUModel

/// The vCPUs of a QEMU that is started with `-cpu host`, without some features of the host.
public struct HostCPU: Sendable {
    /// Features that they do not have.
    public let removed: VCPUFeatures

    /// All that the host has.
    public init() { removed = [] }

    /// As it stands behind `-cpu`: `host,sve=off,pauth=off`; nil for anything else.
    public init?(parsing text: String) {
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        guard words.first == "host" else { return nil }
        var removed: VCPUFeatures = []
        for word in words.dropFirst() {
            guard let other = Remedy.removable.first(where: { $0.property == word }) else {
                return nil
            }
            removed.formUnion(other.features)
        }
        self.removed = removed
    }

    /// What `init(parsing:)` takes.
    package static var grammar: String {
        "host,\(Remedy.removable.map(\.property).joined(separator: ","))"
    }

    /// QEMU's option; nil where nothing is taken away.
    package var option: String? {
        removed.isEmpty ? nil : Remedy.cpuOption(without: removed)
    }
}
