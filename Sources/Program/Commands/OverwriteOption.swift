internal import ArgumentParser
internal import Machines

/// `--no-clobber`, of commands that write a file.
struct OverwriteOption: ParsableArguments {
    @Flag(name: .customLong("no-clobber"), help: "Write over no file that is there already.")
    var keepsFiles = false
}

extension Location {
    /// - Throws: where a file is there that is not to be written over.
    func checkIsNew(_ overwriting: OverwriteOption) throws {
        guard overwriting.keepsFiles, identity != nil else { return }
        throw CommandError(
            "\(text) is there already, and --no-clobber keeps it: name another file")
    }
}
