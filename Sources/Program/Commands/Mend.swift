internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import Transfer
internal import VCPUModel

/// `vcpusnap mend STREAM --host PROFILE -o FILE`.
struct Mend: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Change a QEMU stream so that QEMU with KVM on a host loads it.",
        usage:
            "vcpusnap mend <source> (-o <output> | --in-place | --dry-run) [options]",
        discussion: """
            Registers that the host does not have are taken out of the vCPUs' lists, and
            values that its KVM refuses are replaced by the host's own; everything else
            stays byte for byte. If the policy does not pardon all of that, nothing is
            written, every register that it does not pardon is named, and the exit code
            is 1. --policy takes rules for them (Formats/policy-v1.md).

            Where something stands in the way, the rules that would let it load are
            proposed, each with what it means to the guest; --write-policy writes them to a
            file, for the guest's owner to decide about.

            Without --host, what the policy ignores is taken out and what it overrides is
            replaced, also in streams of QEMU's own emulation, whose lists differ between
            versions: QEMU 10.1 loads what 10.0 wrote; for the other direction the rules
            "ignore DBGDTR_EL0" and "ignore DBGDTRint_NS" take out what 10.0 lacks.

            --for-qemu VERSION takes out the subsections that this version does not know,
            where the guest is the same without them. With --tcg CPU, or --to a stream of
            the destination, it gives the vCPUs the list of registers of that emulated CPU.

            --in-place first writes FILE.undo, from which vcpusnap unmend restores the
            original bytes. In a pipe, as in migrate "exec:vcpusnap mend - --host H -o - >
            FILE", a stream that may not be mended is cut off before its vCPUs, so that no
            QEMU loads it.

            EXAMPLES
              vcpusnap mend vm.mig --host 6.1-neoverse-n1 -o mended.mig
              vcpusnap mend vm.mig --host 6.1-neoverse-n1 --dry-run \\
                --write-policy ours.vpolicy
              vcpusnap mend vm.mig --for-qemu 10.0 --tcg neoverse-n1 -o older.mig
              vcpusnap mend vm.save --host rack1.vhost --policy fleet.vpolicy --in-place
              vcpusnap mend gzipped.save --host rack1.vhost -o mended.save
              vcpusnap mend disk.qcow2 --snapshot two --for-qemu 10.0 -o mended.qcow2
              vcpusnap mend - --host rack1.vhost -o - < vm.mig | ssh rack1 'cat > vm.mig'
            """)

    @Argument(help: "The QEMU stream or saved image: FILE or -.")
    var source: Location

    @Option(
        help:
            "The host that is to load it: a built-in profile, a .vhost file or ssh:HOST; without it only the policy's rules are applied.",
        completion: Completions.hosts
    )
    var host: String?

    @Option(
        help:
            "The QEMU version that is to load it; every one from \(QEMUVersion.oldest) on if not given."
    )
    var qemu: String?

    @Option(
        name: .customLong("for-qemu"),
        help: ArgumentHelp(
            "The QEMU version that must know everything in the result.", valueName: "version"))
    var targetQEMU: String?

    @OptionGroup var destination: DestinationOptions

    @OptionGroup var policy: PolicyOption

    @Option(
        help:
            "Where something stands in the way, write the rules that would let it load to this file."
    )
    var writePolicy: Location?

    @Option(name: .shortAndLong, help: "The stream to write; - is standard output.")
    var output: Location?

    @Flag(help: "Change the file itself, after writing FILE.undo.")
    var inPlace = false

    @Flag(help: "Report what would be changed; write nothing.")
    var dryRun = false

    @OptionGroup var streamOptions: StreamOptions

    @OptionGroup var report: OutputOptions

    func validate() throws {
        guard [output != nil, inPlace, dryRun].filter(\.self).count == 1 else {
            throw ValidationError("give one of --output FILE, --in-place and --dry-run")
        }
        try destination.check(with: targetQEMU, option: "--for-qemu")
        guard host == nil || !destination.isGiven else { throw destination.isNotOfKVM }
        guard qemu == nil || targetQEMU == nil else {
            throw ValidationError(
                "give one of --qemu and --for-qemu: both say what loads the result")
        }
        if host == nil, targetQEMU == nil, !destination.isGiven,
            RestorePolicy.Preset(rawValue: policy.text) != nil
        {
            throw ValidationError(
                "give --host PROFILE, --for-qemu VERSION, or a --policy FILE whose rules are applied"
            )
        }
        if inPlace {
            guard case .file = source else { throw ValidationError("--in-place needs a file") }
        }
    }

    func run() throws {
        try checkFiles()
        if let output { _ = try output.placeOfStream() }
        let given = try policy.load()
        let target = try targetQEMU.map { try QEMUVersion(option: $0, of: "--for-qemu") }
        let request = MendRequest(
            on: try host.map { try ProfileFile.load($0) }, policy: given.policy,
            by: try qemu.map { try QEMUVersion(option: $0) }, knownTo: target)
        if let output, let passing = try PassingStream(source, streamOptions.options) {
            return try pass(passing, to: output, request, given)
        }
        let change = try changeInPlace()
        let file = try openStream(change)
        let result = try mend(file, request)
        if result.mend.isSafe {
            // Whether it can be written is found out without writing, too.
            let patch = try file.patch(replacing: result.mend.sections)
            if !dryRun { try write(try file.filePatch(patch), change) }
        }
        try finish(result, of: file.stream, request, given)
    }

    private func mend(_ file: StreamFile, _ request: MendRequest) throws -> MendResult {
        try file.checkIsWhatQEMULoads()
        file.warn(.commandLine)
        let destination = try destination.destination(
            targetQEMU, for: file.stream, named: file.name)
        do {
            let mend = try request.mend(file.stream, on: destination)
            let snapshot = try file.stateCapture(.commandLine).snapshot
            return MendResult(
                mend: mend, snapshot: snapshot, remarks: StreamRemarks(on: file, snapshot))
        } catch let error as StreamMend.Problem {
            throw CommandError("\(file.name): \(error)")
        }
    }

    private func checkFiles() throws {
        let hostFile = host.map { [Location(path: $0)] } ?? []
        let others = [policy.location] + hostFile + [destination.machine].compactMap(\.self)
        try Location.checkInputs([source] + others)
        try output?.checkOutput(
            .binary, keeping: [source],
            orElse: source == .standardStream
                ? "name another file"
                : "use --in-place, which keeps \(source.text)\(UndoFile.suffix), or name "
                    + "another file")
        try output?.checkOutput(.binary, keeping: others)
        try writePolicy.map {
            try PolicyProposal.check(
                $0,
                keeping: [source] + hostFile + [output, destination.machine].compactMap(\.self),
                addingTo: policy.location)
        }
    }

    /// The file that is changed, locked from before it is read.
    private func changeInPlace() throws -> UndoableChange? {
        guard inPlace, case .file(let path) = source else { return nil }
        return try UndoableChange(path, .commandLine)
    }

    private func openStream(_ change: UndoableChange?) throws -> StreamFile {
        guard let change else { return try source.openStream(streamOptions.options) }
        do {
            return try Location.openStream(change.contents(), streamOptions.options)
        } catch {
            // A change that was interrupted leaves a stream that is not whole.
            guard change.hasUndoFile else { throw error }
            throw CommandError(
                "\(error); if \(source.text)\(UndoFile.suffix) is of this file, vcpusnap unmend "
                    + "restores it")
        }
    }

    private func write(_ patch: FilePatch, _ change: UndoableChange?) throws {
        if let output { return try output.write(patch, of: source) }
        try change?.apply(patch)
    }

    /// A stream that comes through a pipe goes on as it comes, but for its end.
    private func pass(
        _ stream: PassingStream, to output: Location, _ request: MendRequest, _ given: LoadedPolicy
    ) throws {
        var mended: MendResult?
        try stream.write(to: output) { file in
            let result = try mend(file, request)
            mended = result
            return result.mend.isSafe ? result.mend.sections : nil
        }
        if let mended { try finish(mended, of: nil, request, given) }
    }

    /// - Parameter stream: what was mended; nil where that has passed.
    private func finish(
        _ result: MendResult, of stream: QEMUStream?, _ request: MendRequest, _ given: LoadedPolicy
    ) throws {
        let mend = result.mend
        let isWritten = mend.isSafe && !dryRun
        let proposal = try request.proposal(for: mend, of: stream, result.snapshot)
        let next = try proposal.map { try nextStep($0, given) } ?? ""
        let text = MendOutput(
            source: source.text, remarks: result.remarks, host: host.map(FileName.shown),
            target: request.target, policy: given.policy.name, mend: mend, isWritten: isWritten,
            proposal: proposal?.proposed,
            ending: mend.isSafe ? whatWasWritten(mend) : next, values: report.values)
        try text.print(
            as: report.format, besides: output, after: isWritten ? whatIsWritten(mend) : nil)
    }

    /// For an error that comes after it.
    private func whatIsWritten(_ mend: StreamMend) -> String? {
        if let output { return output.writtenBefore }
        guard inPlace, !mend.changesNothing else { return nil }
        return "\(source.text) was changed before that, and vcpusnap unmend restores it"
    }

    private func whatWasWritten(_ mend: StreamMend) -> PrintableText {
        if dryRun { return "  nothing was written: this was a dry run\n" }
        if inPlace, mend.changesNothing {
            return "  nothing had to change, and nothing was written\n"
        }
        if inPlace { return "  changed in place; vcpusnap unmend \(source.text) restores it\n" }
        let name = output == .standardStream ? "standard output" : output?.text ?? ""
        return "  written to \(name)\n"
    }

    /// What to do where something stands in the way.
    private func nextStep(
        _ proposal: PolicyProposal, _ given: LoadedPolicy
    ) throws -> PrintableText {
        guard !proposal.proposed.isEmpty else {
            if host == nil { return "" }
            return "  next: no rule lets it load there: choose another host (vcpusnap matrix)\n"
        }
        guard let writePolicy else {
            return
                "  next: put the rules whose registers the guest can do without into a policy, and mend with "
                + "--policy FILE\n"
        }
        try proposal.write(
            to: writePolicy, after: given, from: policy.location, report.values)
        return
            "  next: read \(writePolicy.text), delete the rules whose registers the guest needs, and mend "
            + "with --policy \(writePolicy.text)\n"
    }
}

/// What came of it.
struct MendResult {
    let mend: StreamMend
    /// The vCPUs of the stream as it was, and remarks on it.
    let snapshot: Snapshot
    let remarks: StreamRemarks
}
