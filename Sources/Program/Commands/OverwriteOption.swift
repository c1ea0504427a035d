internal import ArgumentParser
internal import Machines

/// `--no-clobber`, of commands that write a file.
struct OverwriteOption: ParsableArguments {
    @Flag(name: .customLong("no-clobber"), help: "Never overwrite a file that already exists.")
    var keepsFiles = false

    /// Makes sure, before any work is done, that the files of a command can be read and written, and that nothing is lost
    /// by it.
    /// - Parameters:
    ///   - inputs: all that is read.
    ///   - output: nil where no file is to be written.
    ///   - kept: what would be lost if it were written over; nil for all that is read.
    ///   - advice: what to do then.
    func check(
        reading inputs: [Location], writing output: Location?, _ content: OutputContent,
        keeping kept: [Location]? = nil, orElse advice: String = "name another file"
    ) throws {
        try Location.checkInputs(inputs)
        try checkIsNew(output)
        try output?.checkOutput(content, keeping: kept ?? inputs, orElse: advice)
    }

    /// - Throws: where a file is there that is not to be written over.
    func checkIsNew(_ output: Location?) throws {
        guard keepsFiles else { return }
        try output?.checkIsNew(orElse: ", and --no-clobber keeps it: name another file")
    }
}
