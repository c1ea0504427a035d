internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import Transfer
internal import VCPUModel

/// `vcpusnap matrix SNAPSHOT|PROFILE... --hosts DIR`.
struct Matrix: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say which guests can move to which hosts.",
        usage: "vcpusnap matrix <guest> ... [--hosts <folder>] [--host <host>] [options]",
        discussion: """
            A snapshot is a guest as it was saved; a host profile is a guest that is
            started there with everything the host has. Each is planned on each host of a
            folder of .vhost files, or of each --host. The exit code is 0 when every guest
            can go everywhere. For a QEMU stream, the answer is that of vcpusnap
            restore; vcpusnap plan --qemu says whether QEMU loads it.

            EXAMPLES
              vcpusnap matrix *.vcpusnap --hosts fleet/
              vcpusnap matrix fleet/*.vhost --hosts fleet/ --html fleet.html
              vcpusnap matrix fleet/*.vhost --hosts fleet/ --baseline racks.vbaseline
              vcpusnap matrix cpu.vcpusnap --host 6.1-max --host 6.12-max --format json
              vcpusnap matrix *.vcpusnap --hosts fleet/ --kernel 7.3
              vcpusnap matrix *.vcpusnap --hosts fleet/ --format csv
            """)

    @Argument(
        help: ArgumentHelp(
            "The guests: SOURCEs, or profiles by file or built-in name.", valueName: "guests"),
        completion: Completions.guests)
    var words: [String] = []

    @Option(help: "A folder of host profiles (*.vhost).", completion: .directory)
    var hosts: String?

    @Option(
        name: .customLong("host"), parsing: .upToNextOption,
        help: "A host: \(SourceKinds.hostGrammar) (repeatable).",
        completion: Completions.hosts)
    var hostWords: [String] = []

    @OptionGroup var images: ImageOptions

    @OptionGroup var kernel: KernelOption

    @OptionGroup var start: BaselineOption

    @OptionGroup var policy: PolicyOption

    @Option(help: "Also write one self-contained web page to this file; - is stdout.")
    var html: Location?

    @OptionGroup var overwriting: OverwriteOption

    @OptionGroup var printing: RowPrintingOptions

    func validate() throws {
        guard hosts != nil || !hostWords.isEmpty else {
            throw ValidationError(
                "give --hosts DIR or --host PROFILE; vcpusnap host --built-in names profiles")
        }
        guard !named.guests.isEmpty else { throw ValidationError("name at least one guest") }
    }

    /// One --host may be followed by several, and by the guests: what can only be a guest is one.
    ///
    /// Files are looked at for that.
    private var named: (guests: [String], hosts: [Location]) {
        let isGuest = hostWords.map { Location(word: $0).isNoHostButGuest }
        let after = zip(hostWords, isGuest)
        return (
            words + after.filter(\.1).map(\.0),
            after.filter { !$0.1 }.map { Location(word: $0.0) }
        )
    }

    func run() throws {
        let (sources, singleHosts) = named
        let hosts =
            singleHosts + (try hosts.map(Hosts.files(in:)) ?? [])
        let inputs =
            sources.map(Location.init(word:)) + hosts
            + [start.location, policy.location].compactMap(\.self)
        try overwriting.check(reading: inputs, writing: html, .text)
        let policy = try policy.load().policy
        let profiles = try kernel.applied(to: Hosts(hosts, .commandLine).profiles)
        let options = try images.options(for: sources.map(Location.init(word:)))
        let baseline = try start.load()
        let guests = MoveMatrix.Source.distinct(
            try zip(sources, options).map { try guest($0, $1, baseline) })
        for (guest, name) in zip(guests, sources) {
            guest.snapshot.warnOfIdleOverrides(of: policy, from: Location(word: name))
        }
        let progress = ProgressLine(total: guests.count * profiles.count, unit: "pairs")
        let matrix = try MoveMatrix(of: guests, on: profiles, policy: policy) { done in
            progress.update(done)
        }
        progress.finish()
        let moves = MatrixMoves(of: guests, on: profiles, policy: policy)
        if let html {
            let page = try MatrixPage(matrix, moves, policy: policy.name)
            try html.write(page.text, of: "--html")
        }
        try MatrixOutput(
            matrix: matrix, guests: guests, policy: policy.name,
            causes: printing.form == .text ? [] : moves.causes(in: matrix)
        )
        .print(as: printing, besides: html, after: html?.writtenBefore)
    }

    /// A source, or a fresh guest of a profile, which is named as `--host` names it.
    private func guest(
        _ name: String, _ options: SourceOptions, _ baseline: BaselineTemplate?
    ) throws -> MoveMatrix.Source {
        let source = Location(word: name)
        let guest = try start.guest(of: source, baseline, options) { try $0.guestOrHost($1) }
        let snapshot = guest.capture.reporting(from: source)
        try snapshot.requireVCPUs(of: source, to: "move")
        return MoveMatrix.Source(name: guest.host?.name ?? source.text, snapshot: snapshot)
    }
}
