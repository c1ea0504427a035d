internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import Transfer

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

            If something stands in the way, the rules that would let it load are proposed,
            each with what it means to the guest; --write-policy writes them to a file, for
            the guest's owner to decide on.

            Without --host, what the policy ignores is taken out and what it overrides is
            replaced, also in streams of QEMU's emulation, whose lists differ between
            versions: QEMU 10.1 loads what 10.0 wrote; for the other direction the rules
            "ignore DBGDTR_EL0" and "ignore DBGDTRint_NS" take out what 10.0 lacks.

            --for-qemu VERSION takes out the subsections that this version does not know,
            where the guest is the same without them. With --tcg CPU, or with --to and a
            stream of the destination, the vCPUs get the register list of that emulated
            CPU; without either, the lists of emulated CPUs are not compared, which is a
            finding (exit code 1).

            --in-place first writes FILE.undo, from which vcpusnap unmend restores the
            original bytes. In a pipe, as in migrate "exec:vcpusnap mend - --host H -o - >
            FILE", a stream that may not be mended is cut off before its vCPUs, so that no
            QEMU loads it.

            EXAMPLES
              vcpusnap mend vm.mig --host 6.1-neoverse-n1 -o mended.mig
              vcpusnap mend vm.mig --host 6.1-neoverse-n1 --dry-run \\
                --write-policy ours.vpolicy
              vcpusnap mend vm.mig --host rack1.vhost --cpu host,sve=off -o mended.mig
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
            "The host that will load it: \(SourceKinds.hostGrammar); without it only the policy's rules are applied.",
        completion: Completions.hosts
    )
    var host: String?

    @OptionGroup var kernel: KernelOption

    @Option(
        help: ArgumentHelp(
            "What QEMU there is started with after -cpu: host, or \(HostCPU.grammar) or fewer of these.",
            valueName: "model"))
    var cpu: String?

    @Option(
        help:
            "The QEMU version that will load it (default: every version from \(QEMUVersion.oldest) on)."
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
            "If something stands in the way, write the rules that would let it load to this file."
    )
    var writePolicy: Location?

    @Option(name: .shortAndLong, help: "The stream to write; - is standard output.")
    var output: Location?

    @Flag(help: "Change the file itself, after writing FILE.undo.")
    var inPlace = false

    @Flag(help: "Report what would be changed; write nothing.")
    var dryRun = false

    @OptionGroup var overwriting: OverwriteOption

    @OptionGroup var streamOptions: StreamOptions

    @OptionGroup var report: OutputOptions

    func validate() throws {
        guard [output != nil, inPlace, dryRun].filter(\.self).count == 1 else {
            throw ValidationError("give one of --output FILE, --in-place and --dry-run")
        }
        try destination.check(with: targetQEMU, option: "--for-qemu")
        guard host == nil || !destination.isGiven else { throw destination.isNotOfKVM }
        guard host != nil || kernel.text.isEmpty else {
            throw ValidationError(
                "--kernel is for --host: it is the kernel that the host is to have")
        }
        guard host != nil || cpu == nil else {
            throw ValidationError("--cpu is for --host: it is what QEMU makes of the host's CPU")
        }
        guard cpu.map({ HostCPU(parsing: $0) != nil }) ?? true else {
            throw ValidationError(
                "--cpu takes host, or \(HostCPU.grammar) or fewer of these: KVM gives vCPUs no other model"
            )
        }
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

    /// Where the result goes.
    private var place: StreamOutput {
        inPlace ? .inPlace : output.map { .copy($0) } ?? .nowhere
    }

    func run() throws {
        try checkFiles()
        let given = try policy.load()
        let request = try request(by: given.policy)
        let (result, remarks) = try source.rewriteStream(to: place, streamOptions.options) { file in
            let destination = try destination.destination(
                targetQEMU, for: file.stream, named: file.name)
            let snapshot = try file.stateCapture(.commandLine).snapshot
            let result = try StreamMend.naming(file.name) { () throws(StreamMend.Problem) in
                try request.result(
                    of: file.stream, on: destination, snapshot, isPassing: file.hasPassed)
            }
            return ((result, StreamRemarks(on: file, snapshot)), result.vcpus)
        }
        if case .decide(let proposal)? = result.nextStep, let writePolicy {
            try policy.write(proposal, after: given, to: writePolicy, report.values)
        }
        let text = MendOutput(
            source: source.text, remarks: remarks, host: host.map(FileName.shown),
            cpu: request.cpu.option, target: request.target, policy: given.policy.name,
            result: result, place: place,
            writtenRules: writePolicy?.text, values: report.values)
        try text.print(as: report.printing, besides: output, after: text.change)
    }

    private func request(by policy: RestorePolicy) throws -> MendRequest {
        let target = try targetQEMU.map { try QEMUVersion(option: $0, of: "--for-qemu") }
        return MendRequest(
            on: try host.map {
                try kernel.applied(to: [Location(word: $0).host(.commandLine)])[0]
            }, policy: policy, by: try qemu.map { try QEMUVersion(option: $0) }, knownTo: target,
            cpu: cpu.flatMap { HostCPU(parsing: $0) } ?? HostCPU())
    }

    private func checkFiles() throws {
        let hostFile = host.map { [Location(word: $0)] } ?? []
        let others = [policy.location] + hostFile + [destination.machine].compactMap(\.self)
        try overwriting.check(
            reading: [source] + others, writing: output, .binary, keeping: [source],
            orElse: source == .standardStream
                ? "name another file"
                : "use --in-place, which keeps \(source.text)\(UndoFile.suffix), or name "
                    + "another file")
        try output?.checkOutput(.binary, keeping: others)
        try writePolicy.map {
            try PolicyFile.checkOutput(
                $0,
                keeping: [source] + hostFile + [output, destination.machine].compactMap(\.self),
                addingTo: policy.location)
        }
    }
}
