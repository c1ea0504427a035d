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
        let answer = try run(Self.recording, limit: HostProfile.Limit.size)
        for message in answer.messages { notify(message, options) }
        return try profile(parsing: answer.output[...])
    }

    private static let recording = "host -o -"

    private func profile(
        parsing bytes: ArraySlice<UInt8>
    ) throws(SourceError) -> HostProfile {
        var profile = try SourceError.passing { try HostProfile(parsing: bytes, file: text) }
        if HostProfile.isWord(String(hostName)) { profile.name = String(hostName) }
        return profile
    }

    /// Has an order carried out there.
    /// - Parameters:
    ///   - profile: of the host, where it is not to be recorded now, with the options to open it.
    ///   - check: is given what is known of the host; what it throws keeps the order back.
    /// - Returns: the report, with the exit code of the restore.
    /// - Throws: what `check` throws, where the host cannot be reached or has another version, and where the order could not
    ///   be carried out.
    package func carryOut(
        _ order: MoveOrder, named profile: Location?, _ options: SourceOptions,
        _ check: (HostProfile) throws -> Void
    ) throws -> Answer {
        guard let profile else {
            return try carryOut(limit: Self.longestReport) { host in
                try check(host)
                return order
            }
        }
        try check(try profile.host(options))
        return try run("receive", limit: Self.longestReport) { _ in order.encoded }
    }

    private static let longestReport = 1 << 28

    /// Has an order carried out that depends on what KVM there does, all over one connection.
    /// - Parameters:
    ///   - limit: the most bytes that it may print.
    ///   - make: makes the order by the host's profile, which is recorded now.
    /// - Throws: what making the order throws, upon which nothing is done there.
    private func carryOut(
        limit: Int, _ make: (HostProfile) throws -> MoveOrder
    ) throws -> Answer {
        var order: Result<[UInt8], any Error>?
        var start = 0
        // Behind the profile comes the version once more, and then it waits for the order.
        let commands = "\(Self.recording) && \(Self.versioned("receive"))"
        let end = [UInt8(ascii: "\n")] + Self.version
        let answer = Result { () throws(SourceError) in
            try run(commands, limit: HostProfile.Limit.size + limit) { output in
                guard output.suffix(end.count).elementsEqual(end) else { return nil }
                start = output.count
                let made = Result {
                    try make(try profile(parsing: output.dropLast(Self.version.count))).encoded
                }
                order = made
                return (try? made.get()) ?? []
            }
        }
        _ = try order?.get()
        let whole = try answer.get()
        return Answer(
            output: Array(whole.output.dropFirst(start)), messages: whole.messages,
            status: whole.status)
    }

    /// Passes on what vcpusnap there said; whatever else comes, such as a banner, is not for this command.
    package func notify(_ message: String, _ options: SourceOptions) {
        let prefix = "\(Version.program): "
        if message.hasPrefix(prefix) {
            options.notify("\(text): \(message.dropFirst(prefix.count))")
        }
    }
}
