package import Emulation

extension SSHHost: NamedSource {
    /// A host, whose fresh guests can be read, too.
    package static let summary = SourceSummary(
        grammar: "ssh:HOST", meaning: "another machine's KVM, which its vcpusnap records over ssh",
        abilities: [.read, .host], needs: "ssh, and the same vcpusnap there",
        example: "vcpusnap plan cpu.vcpusnap --host ssh:rack1")

    /// Refuses every restore: that is what `move` does.
    package static func objection(to use: RestoreUse) -> String? {
        "a snapshot is restored on another machine by vcpusnap move SOURCE \(scheme)HOST TARGET"
    }

    /// A fresh guest of the host.
    /// - Throws: where the host cannot be reached, or has no KVM.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        try HostProfileFile(profile: try profile(options)).capture(options)
    }

    /// What KVM there does.
    /// - Throws: where the host cannot be reached, or has no KVM.
    package func hosts(_ options: SourceOptions) throws(SourceError) -> [HostProfile] {
        [try profile(options)]
    }

    /// What KVM there does, recorded now, under the name of the host.
    /// - Throws: where it cannot be reached, or has no KVM.
    private func profile(_ options: SourceOptions) throws(SourceError) -> HostProfile {
        let answer = try run("host -o -", limit: HostProfile.Limit.size)
        for message in answer.messages { notify(message, options) }
        var profile = try SourceError.passing {
            try HostProfile(parsing: answer.output, file: text)
        }
        if HostProfile.isWord(String(hostName)) { profile.name = String(hostName) }
        return profile
    }

    /// Has an order carried out there.
    /// - Returns: the report, with the exit code of the restore.
    /// - Throws: where the host cannot be reached or has another version, and where the order could not be carried out.
    package func carryOut(_ order: MoveOrder) throws(SourceError) -> Answer {
        try run("receive", input: order.encoded, limit: Self.longestReport)
    }

    private static let longestReport = 1 << 28

    /// Passes on what vcpusnap there said; whatever else comes, such as a banner, is not for this command.
    package func notify(_ message: String, _ options: SourceOptions) {
        let prefix = "\(Version.program): "
        if message.hasPrefix(prefix) {
            options.notify("\(text): \(message.dropFirst(prefix.count))")
        }
    }
}
