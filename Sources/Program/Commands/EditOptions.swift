internal import ArgumentParser
internal import Machines
internal import Reports
internal import Transfer
internal import VCPUModel

/// The options that `set` and `inject` share.
struct EditOptions: ParsableArguments {
    @Option(
        help: "The number of the vCPU to change, or all; needed if there is more than one.")
    var vcpu: EditTarget.Selection?

    @Option(
        name: .shortAndLong,
        help:
            "Write the changed snapshot here, - is stdout; without it a FILE is replaced, whole or not at all."
    )
    var output: Location?

    @Option(
        name: .of(.gic),
        help: ArgumentHelp(
            "The interrupt controller to make where the TARGET is a host, v2 or v3.",
            valueName: "model"))
    var gic: String?

    @Flag(help: "Report what would be changed; write nothing.")
    var dryRun = false

    @OptionGroup var overwriting: OverwriteOption

    @OptionGroup var report: OutputOptions

    func validate() throws {
        guard !dryRun || output == nil else {
            throw ValidationError("--dry-run writes nothing, so --output means nothing with it")
        }
    }

    /// Opens what is to be changed.
    /// - Parameter changesVCPUs: whether that is in vCPUs at all, and not only what the VM has once.
    func open(_ target: Location, changesVCPUs: Bool = true) throws -> EditTarget {
        guard changesVCPUs || vcpu == nil else {
            throw CommandError("--vcpu: the VM has once what is to be changed, and no vCPU its own")
        }
        try overwriting.checkIsNew(output)
        if dryRun, let objection = target.objection(to: .trying) {
            throw CommandError(objection)
        }
        var options = SourceOptions.commandLine
        options[.gic] = gic
        try target.checkOptions(options)
        return try EditTarget(
            target, vcpu, changesVCPUs: changesVCPUs, output: output, keeps: !dryRun, options)
    }

    /// Makes a change in the VM and in each vCPU that is meant, keeps the result and prints the report.
    ///
    /// Nothing is kept when the change cannot be made; a change that the target does not take is
    /// reported, and its result kept.
    func run(
        _ verb: String, on target: EditTarget,
        ofVM: ((any RegisterBank) throws(EditError) -> VCPUEdit)? = nil,
        _ edit: (any RegisterBank) throws(EditError) -> VCPUEdit
    ) throws {
        var edits: [(unit: UnitID, edit: VCPUEdit)] = []
        if let ofVM { edits = try target.editVM(ofVM) }
        edits += try target.edit(edit)
        let notes = try target.finish().noteTexts
        let result = EditOutput(
            verb: verb, target: target.location.text, dryRun: dryRun, edits: edits, notes: notes,
            kernel: target.kernel,
            values: report.values)
        try result.print(
            as: report.printing, besides: target.destination,
            after: target.isKept ? (output ?? target.location).writtenBefore : nil)
    }
}
