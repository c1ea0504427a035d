internal import LinuxSystem
package import QEMUStream
internal import VCPUModel

/// The files that `fix` writes.
package struct FixFiles {
    private let source: Location
    /// Gets the rules.
    package let policy: Location
    /// Gets the mended stream; nil for a snapshot, which stays as it is.
    package let mended: Location?
    private let overwrites: Bool

    /// Finds out that they can be written, before anybody is asked anything.
    /// - Parameters:
    ///   - policy: nil for the usual name, beside the source.
    ///   - mended: the same.
    ///   - stream: what the source holds; nil for a snapshot.
    ///   - others: what else is read, and must not be lost.
    /// - Throws: where one of them cannot be written, something would be lost, or one is there that is to be kept.
    package init(
        of source: Location, policy: Location?, mended: Location?, of stream: StreamFile?,
        keeping others: [Location], overwrites: Bool
    ) throws(SourceError) {
        try stream?.checkCanBeChanged()
        guard stream != nil || mended == nil else {
            throw SourceError(
                "\(source.text) is no stream, and stays as it is: leave --output out; the policy is "
                    + "all that a restore needs")
        }
        self.source = source
        self.policy = policy ?? .file(source.argument + ".vpolicy")
        self.mended = stream != nil ? mended ?? .file(source.argument + ".mended") : nil
        self.overwrites = overwrites
        guard self.policy != self.mended else {
            throw SourceError("--write-policy and --output need a file each")
        }
        for (file, option) in options {
            guard case .path = try file.place(orElse: "name a file with \(option)") else {
                throw SourceError("\(option) needs a file: the report goes to standard output")
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

    private func checkAbsence() throws(SourceError) {
        for (file, option) in options where !overwrites {
            try file.checkIsNew(orElse: ": name another file with \(option), or give --overwrite")
        }
    }

    /// Writes what the fix is made of.
    /// - Parameters:
    ///   - rules: the policy with them; nil where no rule is missing.
    ///   - sections: those of the mended stream; nil for a snapshot.
    ///   - changesStream: false where they are those that the stream has.
    /// - Returns: the files that were written; none where nothing had to change.
    /// - Throws: where one of them cannot be written, or is there by now; the message names those that were written.
    package func write(
        rules: [UInt8]?, _ sections: [CPUSection]?, of stream: StreamFile?, changesStream: Bool
    ) throws(SourceError) -> [Location] {
        // Somebody may have taken an hour to answer.
        try checkAbsence()
        // Whether it can be written is found out before anything is.
        var patch: FilePatch?
        if let stream, let sections { patch = try stream.changes(to: sections) }
        var written: [Location] = []
        if let rules {
            try policy.write(rules, access: .secret, orElse: "name a file")
            written.append(policy)
        }
        if changesStream, let mended, let patch {
            do throws(SourceError) {
                try mended.write(patch, of: source)
            } catch {
                throw written.isEmpty ? error : SourceError("\(error); \(Self.text(written))")
            }
            written.append(mended)
        }
        return written
    }

    /// For an error that comes after they were written.
    package static func text(_ written: [Location]) -> String {
        "written before that: \(written.map(\.text).joined(separator: ", "))"
    }
}

extension Location {
    /// Whether `fix` takes it: a file in which the stream, if it has one, can be changed.
    package func isFixable(with stream: StreamFile?) -> Bool {
        isFile && stream?.canBeChanged != false
    }

    /// The vCPUs of the file that `fix` is about; of a stream those that QEMU loads.
    /// - Parameters:
    ///   - file: opened here.
    ///   - isForQEMU: whether a version of QEMU was named, which has nothing to do with other files.
    /// - Throws: for what cannot be fixed, and where it cannot be read.
    package func guestToFix(
        in file: any StateFile, isForQEMU: Bool, _ options: SourceOptions
    ) throws(SourceError) -> StateCapture {
        if let stream = file.streamFile {
            try stream.checkIsWhatQEMULoads()
            return try stream.capture(options)
        }
        guard !isForQEMU else {
            throw SourceError("\(text) is no stream that QEMU loads: leave --qemu out")
        }
        let capture = try file.capture(options)
        try capture.snapshot.requireVCPUs(of: self, to: "fix")
        return capture
    }
}
