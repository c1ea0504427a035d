internal import ArgumentParser
internal import Machines
internal import Transfer
internal import VCPUModel

/// The options that `set` and `inject` share.
struct EditOptions: ParsableArguments {
    @Option(
        help: "The number of the vCPU to change, or all; needed where there is more than one.")
    var vcpu: EditTarget.Selection?

    @Option(
        name: .shortAndLong,
        help:
            "Write the changed snapshot here, - is stdout; without it a FILE is replaced, whole or not at all."
    )
    var output: Location?

    @OptionGroup var report: OutputOptions

    /// Opens what is to be changed.
    func open(_ target: Location) throws -> EditTarget {
        try EditTarget(target, vcpu, output: output, .commandLine)
    }

    /// Makes a change in each vCPU that is meant, keeps the result and prints the report.
    ///
    /// Nothing is kept when the change cannot be made; a change that the target does not take is
    /// reported, and its result kept.
    func run(
        _ verb: String, on target: EditTarget,
        _ edit: (any RegisterBank) throws(EditError) -> VCPUEdit
    ) throws {
        let edits = try target.edit(edit)
        let notes = try target.finish().noteTexts
        let result = EditOutput(
            verb: verb, target: target.location.text, edits: edits, notes: notes,
            kernel: target.kernel,
            values: report.values)
        try result.print(
            as: report.format, besides: output, after: (output ?? target.location).writtenBefore)
    }
}
