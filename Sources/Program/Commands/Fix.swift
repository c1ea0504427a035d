internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import Transfer
internal import VCPUModel

/// `vcpusnap fix FILE --host PROFILE`.
struct Fix: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask about each loss, and write the policy and stream for a host.",
        usage: "vcpusnap fix <file> --host <host> [options]",
        discussion: """
            The move is planned: of a QEMU stream or saved image as QEMU loads it, of a
            snapshot as vcpusnap restore does it. Then each thing that the guest could
            notice is asked about, with what it means to the guest. Only yes is a yes;
            after the first no, or at the end of the input, nothing is written, and the
            exit code is 1.

            After the last yes, FILE.vpolicy has the rules that were agreed to and, for a
            stream, FILE.mended is what the host loads. A snapshot stays as it is:
            vcpusnap restore takes the policy. Existing files are kept unless --overwrite
            is given.

            In a script, --yes names each rule that the guest's owner accepts, as it stands
            below its question. Then nothing is asked, and a rule that is not named is a
            no.

            EXAMPLES
              vcpusnap fix vm.mig --host 6.1-neoverse-n1
              vcpusnap fix vm.save --host rack1.vhost -o mended.save
              vcpusnap fix cpu.vcpusnap --host rack1.vhost --write-policy ours.vpolicy
              vcpusnap fix vm.mig --host rack1.vhost --yes 'drop CNTPCT_EL0' \\
                --yes 'drop CLIDR_EL1'
            """)

    @Argument(
        help: "The snapshot, QEMU stream or saved image.", completion: .file())
    var file: Location

    @Option(
        help: "The host: \(SourceKinds.hostGrammar).",
        completion: Completions.hosts)
    var host: String

    @Option(
        help:
            "The QEMU version that will load a stream (default: every version from \(QEMUVersion.oldest) on)."
    )
    var qemu: String?

    @OptionGroup var policy: PolicyOption

    @Option(help: "The policy to write (default: FILE.vpolicy).")
    var writePolicy: Location?

    @Option(name: .shortAndLong, help: "The mended stream to write (default: FILE.mended).")
    var output: Location?

    @Option(
        name: .customLong("yes"),
        help: ArgumentHelp(
            "A rule that the guest's owner accepts (repeatable); then nothing is asked.",
            valueName: "rule"))
    var accepted: [String] = []

    @Flag(help: "Overwrite existing files.")
    var overwrite = false

    @OptionGroup var streamOptions: StreamOptions

    @OptionGroup var report: OutputOptions

    func validate() throws {
        guard case .file = file else {
            throw ValidationError("name a FILE; vcpusnap save makes one of what runs")
        }
    }

    func run() throws {
        let isAsking = accepted.isEmpty
        try Location.checkInputs(
            [policy.location, Location(word: host)] + (isAsking ? [.standardStream] : []))
        let given = try policy.load()
        let profile = try Location(word: host).host(.commandLine)
        let opened = try file.openFile(streamOptions.options)
        let stream = opened.streamFile
        let files = try FixFiles(
            of: file, policy: writePolicy, mended: output, of: stream,
            keeping: [policy.location, Location(word: host)], overwrites: overwrite)
        let guest = try file.guestToFix(
            in: opened, isForQEMU: qemu != nil, streamOptions.options
        ).reporting(from: file)
        let request = MendRequest(
            on: profile, policy: given.policy, by: try qemu.map { try QEMUVersion(option: $0) },
            knownTo: nil)
        let fix = try StreamMend.naming(stream?.name ?? file.text) {
            () throws(StreamMend.Problem) in
            try GuestFix(of: guest, in: stream?.stream, for: request)
        }
        let questions = fix.questions(report.values)
        let answers = try fix.isPossible ? answers(to: questions) : []
        let isDone = fix.isPossible && !answers.contains(false)
        let written = try isDone ? write(fix, of: stream, to: files, after: given) : []
        try FixOutput(
            source: file.text, host: FileName.shown(host), policy: given.policy.name, fix: fix,
            questions: questions, answers: answers, files: files, written: written
        ).print(as: report.printing, after: written.isEmpty ? nil : FixFiles.text(written))
    }

    private func write(
        _ fix: GuestFix, of stream: StreamFile?, to files: FixFiles, after given: LoadedPolicy
    ) throws -> [Location] {
        let isMissingRules = !fix.proposal.proposed.isEmpty
        return try files.write(
            rules: isMissingRules ? fix.proposal.file(after: given, report.values) : nil,
            fix.mend?.sections, of: stream, changesStream: fix.mend?.changesNothing == false)
    }

    /// One for each question, up to the first no.
    private func answers(to questions: [PolicyProposal.Question]) throws -> [Bool] {
        guard accepted.isEmpty else { return accepted(of: questions) }
        var (input, answers) = (try Answers(), [Bool]())
        for (number, question) in questions.enumerated() {
            let place: PrintableText = "\(number + 1) of \(questions.count): "
            answers.append(try input.isYes(to: place + question.lines + "[y/N] "))
            if answers.last == false { break }
        }
        return answers
    }

    private func accepted(of questions: [PolicyProposal.Question]) -> [Bool] {
        let accepted = accepted.map { $0.split(separator: " ").joined(separator: " ") }
        let asked = Set(questions.flatMap(\.rules))
        for rule in accepted where !asked.contains(rule) {
            StandardError.write("vcpusnap: --yes \(rule): nothing is asked about it\n")
        }
        return questions.map { $0.rules.allSatisfy(accepted.contains) }
    }
}

extension PolicyProposal.Question {
    /// The question itself, what it means, and the rules.
    var lines: PrintableText {
        let rules = rules.map { PrintableText("rule: \($0)") }
        let lines = [PrintableText(consequence)] + rules
        return "\(text)\n" + lines.map { "  \($0)\n" }.joined()
    }
}
