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
            can go everywhere. Of a QEMU stream it says what vcpusnap restore does with
            it; vcpusnap plan --qemu says whether QEMU loads it.

            EXAMPLES
              vcpusnap matrix *.vcpusnap --hosts fleet/
              vcpusnap matrix fleet/*.vhost --hosts fleet/ --html fleet.html
              vcpusnap matrix cpu.vcpusnap --host 6.1-max --host 6.12-max --format json
              vcpusnap matrix *.vcpusnap --hosts fleet/ --kernel 7.3
            """)

    @Argument(
        help: "The guests: SOURCEs, or profiles by file or built-in name.",
        completion: Completions.guests)
    var sources: [String]

    @Option(help: "A folder of host profiles (*.vhost).", completion: .directory)
    var hosts: String?

    @Option(
        name: .customLong("host"),
        help: "A host: the name of a built-in profile, a .vhost file, or ssh:HOST (repeatable).",
        completion: Completions.hosts)
    var singleHosts: [String] = []

    @OptionGroup var images: ImageOptions

    @OptionGroup var kernel: KernelOption

    @OptionGroup var policy: PolicyOption

    @Option(help: "Also write one self-contained web page to this file; - is stdout.")
    var html: Location?

    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    func validate() throws {
        guard hosts != nil || !singleHosts.isEmpty else {
            throw ValidationError("give --hosts DIR or --host PROFILE")
        }
    }

    func run() throws {
        let hosts = singleHosts + (try hosts.map(Self.profiles(in:)) ?? [])
        let profileFiles = hosts.map { Location(path: $0) }
        let inputs = sources.map(Location.ofGuest) + profileFiles + [policy.location]
        try Location.checkInputs(inputs)
        try html?.checkOutput(.text, keeping: inputs)
        let policy = try policy.load().policy
        let profiles = try kernel.applied(to: ProfileFile.load(hosts, .commandLine))
        let guests = try loadGuests()
        for (guest, name) in zip(guests, sources) {
            guest.snapshot.warnOfIdleOverrides(of: policy, from: Location.ofGuest(name))
        }
        let progress = ProgressLine(total: guests.count * profiles.count, unit: "pairs")
        let matrix = try MoveMatrix(of: guests, on: profiles, policy: policy) { done in
            progress.update(done)
        }
        progress.finish()
        if let html {
            let moves = MatrixMoves(of: guests, on: profiles, policy: policy)
            let page = try MatrixPage(matrix, moves, policy: policy.name)
            try html.write(page.text, of: "--html")
        }
        try MatrixOutput(matrix: matrix, guests: guests, policy: policy.name)
            .print(as: format, besides: html)
    }

    /// The host profiles in a folder.
    private static func profiles(in folder: String) throws -> [String] {
        // A pipe among them would be waited for.
        let names = try Folder.names(in: folder) {
            $0.hasSuffix(".vhost") && FileIdentity(of: folder + "/" + $0) != nil
        }
        guard !names.isEmpty else {
            throw CommandError(
                "\(folder) has no host profiles (*.vhost): vcpusnap host records one")
        }
        return names.map { folder + "/" + $0 }
    }

    private func loadGuests() throws -> [MoveMatrix.Source] {
        let options = try images.options(for: sources.map(Location.ofGuest))
        var guests = try zip(sources, options).map(Self.guest)
        let names = ProfileFile.distinct(guests.map(\.name))
        for place in guests.indices { guests[place].name = names[place] }
        return guests
    }

    /// A source, or a fresh guest of a profile, which is named as `--host` names it.
    private static func guest(
        _ name: String, _ options: SourceOptions
    ) throws -> MoveMatrix.Source {
        let source = Location.ofGuest(name)
        let guest = try source.guestOrHost(options)
        let snapshot = guest.capture.reporting(from: source)
        try snapshot.requireVCPUs(of: source, to: "move")
        return MoveMatrix.Source(name: guest.host?.name ?? source.text, snapshot: snapshot)
    }
}
