internal import Emulation
internal import LinuxSystem
internal import QEMUStream
package import SnapshotFormat
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// What a file is, and whether it is whole.
package enum FileCheck {
    /// A snapshot, part by part.
    case snapshot(VerificationReport)
    /// Any other kind: what is in it, in words, or what is wrong with it.
    case other(kind: String, Result<String, SourceError>)
}

extension Location {
    /// Reads all of a file that can be checked, whatever its kind.
    /// - Throws: for what cannot be read, is of no kind that is known, or is a snapshot whose header is damaged.
    package func check(_ options: SourceOptions) throws(SourceError) -> FileCheck {
        if case .standardStream = self { return try check(try input(), options) }
        if let kind = kindOfFolder {
            return try check(kind) { () throws(SourceError) in try openGuestFile(options) }
        }
        // What is no file is told by the reader of snapshots.
        guard case .file(let path) = self,
            let prefix = File.beginning(of: path, count: ImageInput.prefixSize),
            fileKind != nil || OtherFile.textFormat(beginning: prefix) != nil
        else { return .snapshot(try SnapshotFile.verify(self)) }
        return try check(try input(), options)
    }

    private func check(
        _ input: ImageInput, _ options: SourceOptions
    ) throws(SourceError) -> FileCheck {
        if let format = OtherFile.textFormat(beginning: input.prefix) {
            return try check(input, as: format)
        }
        guard let kind = kindByName ?? SourceKinds.file(beginning: input.prefix),
            kind != SourceKinds.ofResults
        else { return .snapshot(try SnapshotFile.verify(self, input.read)) }
        return try check(kind) { () throws(SourceError) in
            try kind.open(input, of: self, options)
        }
    }

    /// What a file of a kind other than snapshots has in it.
    /// - Throws: where it could not be read.
    private func check(
        _ kind: any StateFileKind.Type, _ open: () throws(SourceError) -> any StateFile
    ) throws(SourceError) -> FileCheck {
        .other(
            kind: kind.summary.grammar,
            try Self.finding { () throws(SourceError) in
                let file = try open()
                if let flaw = file.flaw { throw SourceError("\(text): \(flaw)") }
                return file.content
            })
    }

    /// A text format that is no source.
    private func check(
        _ input: ImageInput, as format: TextFile.Kind
    ) throws(SourceError) -> FileCheck {
        let file = TextFile(format, argument)
        let bytes = try file.read(input, limit: BaselineTemplate.Limit.size)
        return .other(
            kind: format.rawValue,
            try Self.finding { () throws(SourceError) in
                guard format == .policy else {
                    let baseline = try BaselineFile.parse(bytes, file.name)
                    if let flaw = BaselineFile.flaw(of: baseline) {
                        throw SourceError("\(file.name): \(flaw)")
                    }
                    return
                        "for \(baseline.hosts.listed(atMost: 4)); \(baseline.registers.count) registers, "
                        + "\(baseline.obstacleCount) obstacles"
                }
                let policy = try PolicyFile.parse(bytes, file.name)
                let (count, base) = (policy.rules.count, policy.base.rawValue)
                return "\(policy.name), \(count) rule\(count == 1 ? "" : "s") on top of \(base)"
            })
    }

    /// What is in a file, or what is wrong with it.
    /// - Throws: where it could not be read.
    private static func finding(
        _ body: () throws(SourceError) -> String
    ) throws(SourceError) -> Result<String, SourceError> {
        do throws(SourceError) {
            return .success(try body())
        } catch {
            let isUnread =
                error.cause is FileError || (error.cause as? SavedImageError)?.errno != nil
            guard !isUnread else { throw error }
            return .failure(error)
        }
    }
}
