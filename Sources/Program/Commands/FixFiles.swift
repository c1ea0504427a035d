internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import Transfer

/// The files that `fix` writes.
struct FixFiles {
    private let source: Location
    let policy: Location
    /// Nil for a snapshot, which stays as it is.
    let mended: Location?
    private let overwrites: Bool

    /// Finds out that they can be written, before anybody is asked anything.
    /// - Parameter others: what else is read, and must not be lost.
    init(
        of source: Location, policy: Location?, mended: Location?, isStream: Bool,
        keeping others: [Location], overwrites: Bool
    ) throws {
        guard isStream || mended == nil else {
            throw CommandError(
                "\(source.text) is no stream, and stays as it is: leave --output out; the policy is "
                    + "all that a restore needs")
        }
        self.source = source
        self.policy = policy ?? .file(source.argument + ".vpolicy")
        self.mended = isStream ? mended ?? .file(source.argument + ".mended") : nil
        self.overwrites = overwrites
        guard self.policy != self.mended else {
            throw CommandError("--write-policy and --output need a file each")
        }
        for (file, option) in options {
            guard case .path = try file.place(orElse: "name a file with \(option)") else {
                throw CommandError("\(option) needs a file: the report goes to standard output")
            }
            try file.checkOutput(
                .binary, keeping: [source] + others, orElse: "name another file with \(option)")
        }
        try checkAbsence()
    }

    /// With the options that name others.
    private var options: [(file: Location, option: String)] {
        [(policy, "--write-policy")] + (mended.map { [($0, "--output")] } ?? [])
    }

    private func checkAbsence() throws {
        for (file, option) in options where !overwrites {
            try file.checkIsNew(orElse: ": name another file with \(option), or give --overwrite")
        }
    }

    /// Writes what the fix is made of.
    /// - Returns: the files that were written; none where nothing had to change.
    func write(
        _ fix: GuestFix, of stream: StreamFile?, after given: LoadedPolicy, _ values: ValueText
    ) throws -> [Location] {
        // Somebody may have taken an hour to answer.
        try checkAbsence()
        // Whether it can be written is found out before anything is.
        let patch = try fix.mend.flatMap { mend in
            try stream?.changes(to: mend.sections)
        }
        var written: [Location] = []
        if !fix.proposal.proposed.isEmpty {
            let rules = try fix.proposal.file(after: given, values)
            try policy.write(rules, access: .secret, orElse: "name a file")
            written.append(policy)
        }
        if let mended, let patch, fix.mend?.changesNothing == false {
            do {
                try mended.write(patch, of: source)
            } catch {
                throw written.isEmpty ? error : CommandError("\(error); \(Self.text(written))")
            }
            written.append(mended)
        }
        return written
    }

    /// For an error that comes after they were written.
    static func text(_ written: [Location]) -> String {
        "written before that: \(written.map(\.text).joined(separator: ", "))"
    }
}
