internal import Registers
package import Transfer
package import VCPUModel

/// What a snapshot is restored into, and the files that get what it holds afterward.
package struct RestoreTarget {
    private let location: Location
    private let output: Location?
    private let keeps: Bool
    private let state: any OpenState

    /// Opens what is to be written.
    /// - Parameters:
    ///   - output: what gets its state afterward; nil for no such file.
    ///   - keeps: whether what is written is to last; false for a trial.
    /// - Throws: where it cannot be opened or written, or its vCPUs are others than the snapshot's.
    package init(
        _ location: Location, for snapshot: Snapshot, output: Location?, keeps: Bool,
        _ options: SourceOptions
    ) throws(SourceError) {
        self.location = location
        self.output = output
        self.keeps = keeps
        state = try location.open(.restore(of: snapshot, keeps: keeps), options)
    }

    /// What is known of its host.
    package var provenance: Provenance { state.provenance }

    /// Restores the snapshot that it was opened for, and keeps what it then holds.
    ///
    /// Where a strict restore put everything back, a file that is the target stays as it is.
    /// - Throws: where the restore cannot begin, and where the result cannot be written.
    package func restore(
        _ snapshot: Snapshot, _ given: Restore.Options
    ) throws(SourceError) -> RestoreAccount {
        var options = given
        options.kernel = state.kernel
        options.enabled = state.enabled
        let account = try SourceError.passing {
            try Restore.perform(
                snapshot, into: state.vcpus.map(\.bank), vm: state.vm, options: options)
        }
        if keeps {
            let rewritten = account.isUndone ? nil : rewrittenFile
            try state.finish(writing: [rewritten, output].compactMap(\.self))
        }
        return account
    }

    /// Where the result is to be found; nil where it is in no file.
    package var file: Location? { output ?? rewrittenFile }

    /// The target itself where it is a file.
    private var rewrittenFile: Location? { location.isFile ? location : nil }

    /// What to say when the report of a restore cannot be printed; nil where nothing of it lasts.
    package func writtenBefore(_ account: RestoreAccount) -> String? {
        keeps && !account.isUndone ? (output ?? location).writtenBefore : nil
    }
}
