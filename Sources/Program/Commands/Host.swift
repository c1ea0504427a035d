internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Registers
internal import Reports
internal import VCPUModel

/// `vcpusnap host`.
struct Host: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Describe this host's KVM, or record it as a host profile.",
        usage: """
            vcpusnap host [-o <output>] [--from <snapshot>] [options]
            vcpusnap host [<host>] --as-kernel <release> -o <output> [options]
            """,
        discussion: """
            A profile holds every register of a fresh vCPU with its reset value and the
            facts that decide what can be restored here. emulated:NAME is a vCPU on such a
            host, anywhere. A host with several kinds of cores has a profile for each, and
            -o x.vhost writes x-cortex-a76.vhost and so on.

            --as-kernel describes the same machine with another kernel, by what is known of
            both. What a kernel hides of the CPU is taken from other recordings of the
            same CPU, built-in or given with --like; otherwise it is guessed, and the guess
            is reported.

            EXAMPLES
              vcpusnap host
              vcpusnap host -o this-host.vhost
              vcpusnap host --from cpu.vcpusnap -o its-host.vhost
              vcpusnap host rack1.vhost --as-kernel 7.3 -o rack1-next.vhost
              vcpusnap host --built-in
            """)

    @Argument(
        help: "With --as-kernel: \(SourceKinds.hostGrammar); by default this host.",
        completion: Completions.hosts)
    var host: String?

    @Option(name: .shortAndLong, help: "Write a host profile to this file; - is stdout.")
    var output: Location?

    @Option(help: "The profile's name, one word; by default the kernel's version and the CPU.")
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Make the profile from what a snapshot says about its host, not from this host's KVM.",
            valueName: "snapshot"))
    var from: Location?

    @Option(
        help: ArgumentHelp(
            "With --from: the kernel of its host, where the snapshot does not say.",
            valueName: "release"))
    var kernel: String?

    @OptionGroup var image: ImageOption

    @Option(
        help: ArgumentHelp(
            "The machine as it would be with this kernel (uname -r, or a version).",
            valueName: "release"))
    var asKernel: String?

    @OptionGroup var like: LikeOption

    @OptionGroup var overwriting: OverwriteOption

    @Flag(help: "List the built-in profiles, which emulated:NAME accepts.")
    var builtIn = false

    @OptionGroup var printing: PrintingOptions

    func validate() throws {
        if let name, !HostProfile.isWord(name) {
            throw ValidationError("--name: \(HostProfileError.unusableName(name))")
        }
        let other =
            builtIn
            ? [
                ("--from", from != nil), ("--name", name != nil), ("--output", output != nil),
                ("--as-kernel", asKernel != nil),
            ] : []
        if let (option, _) = other.first(where: \.1) {
            throw ValidationError(
                "--built-in only lists names, so \(option) means nothing with it: leave one out")
        }
        guard kernel == nil || from != nil else {
            throw ValidationError("--kernel is for --from: a recording has the kernel that runs")
        }
        if asKernel == nil {
            try like.refuse(without: "--as-kernel")
            guard host == nil else {
                throw ValidationError("a HOST is for --as-kernel: give the kernel it is to have")
            }
        }
        guard host == nil || from == nil else {
            throw ValidationError("a HOST and --from: only one of them can be meant")
        }
    }

    func run() throws {
        let others = (like.files + [host].compactMap(\.self)).map(Location.init(word:))
        try overwriting.check(
            reading: [from].compactMap(\.self) + others, writing: output, .text)
        if builtIn { return try BuiltInOutput().print(as: printing) }
        let profiles = try profiles()
        guard let output else { return try HostOutput(profiles).print(as: printing) }
        guard profiles.count > 1 else {
            try output.write(profiles[0].text, of: "--output")
            return try sayWritten(profiles[0], to: output)
        }
        try write(profiles, besides: output)
    }

    /// Writes a file for each kind of core, and says which.
    private func write(_ profiles: [HostProfile], besides output: Location) throws {
        for (profile, file) in zip(profiles, try Hosts.files(of: profiles, beside: output)) {
            try overwriting.check(reading: [], writing: file, .text)
            try file.write(profile.text, of: "--output")
            try sayWritten(profile, to: file)
        }
    }

    private func sayWritten(_ profile: HostProfile, to file: Location) throws {
        let cores = profile.cpus.map { ", of CPUs \($0)" } ?? ""
        try file.sayWritten(
            "\(profile.name), \(profile.registers.count.of("register"))\(cores)",
            quietly: printing.style.quiet || printing.isJSON)
    }

    private func profiles() throws -> [HostProfile] {
        guard let asKernel else { return try recordedProfiles(named: name) }
        let old =
            try host.map { try Location(word: $0).hosts(.commandLine) }
            ?? recordedProfiles(named: nil)
        let kernel = try like.otherKernel(asKernel)
        return try old.map { try kernel.profile(of: $0, named: name) }
    }

    private func recordedProfiles(named name: String?) throws -> [HostProfile] {
        guard let from else { return try HostRecorder.profiles(named: name, .commandLine) }
        let snapshot = try from.snapshot(image.options(for: from))
        let profile: HostProfile
        do throws(HostProfileError) {
            profile = try HostProfile(from: snapshot, name: name, kernel: kernel)
        } catch {
            throw CommandError("\(from.text): \(error)")
        }
        for note in snapshot.noteTexts ?? [] {
            StandardError.write("vcpusnap: \(from.text): \(note)\n")
        }
        return [profile]
    }
}
