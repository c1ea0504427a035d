package import Emulation

extension SSHHost {
    /// What KVM there does, recorded now, under the name of the host.
    /// - Throws: where it cannot be reached, or has no KVM.
    package func profile(_ options: SourceOptions) throws(SourceError) -> HostProfile {
        let answer = try run("host -o -", limit: HostProfile.Limit.size)
        for message in answer.messages { notify(message, options) }
        var profile = try SourceError.passing {
            try HostProfile(parsing: answer.output, file: text)
        }
        if HostProfile.isWord(String(hostName)) { profile.name = String(hostName) }
        return profile
    }

    /// Passes on what vcpusnap there said; whatever else comes, such as a banner, is not for this command.
    package func notify(_ message: String, _ options: SourceOptions) {
        let prefix = "\(Version.program): "
        if message.hasPrefix(prefix) {
            options.notify("\(text): \(message.dropFirst(prefix.count))")
        }
    }
}
