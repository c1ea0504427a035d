public import Emulation
internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import TextFormats
internal import VCPUModel

/// Host profiles by the name a user gives.
public enum ProfileFile {
    /// A built-in profile, a host by ssh, or else the file of that name; `-` is standard input.
    /// - Throws: where there is neither, or the file cannot be read or is no profile.
    public static func load(
        _ name: String, _ options: SourceOptions = SourceOptions()
    ) throws(SourceError) -> HostProfile {
        if let host = try SSHHost(word: name) { return try host.profile(options) }
        return try SourceError.passing { try HostProfile.builtIn(named: name) ?? read(name) }
    }

    private static func read(_ name: String) throws -> HostProfile {
        let file = TextFile(.profile, name)
        guard let bytes = try file.read(limit: HostProfile.Limit.size) else {
            throw SourceError(
                "unknown host profile \(FileName.shown(name)): neither a file nor one of the built-in profiles "
                    + HostProfile.builtInNames.joined(separator: ", ")
                    + NameSuggestion.question(about: name, among: HostProfile.builtInNames))
        }
        return try HostProfile(parsing: bytes, file: file.name)
    }

    /// A profile that is open already, by the name that it was opened by.
    static func parse(_ input: ImageInput, of name: String) throws(SourceError) -> HostProfile {
        let file = TextFile(.profile, name)
        let bytes = try file.read(input, limit: HostProfile.Limit.size)
        return try SourceError.passing { try HostProfile(parsing: bytes, file: file.name) }
    }

    /// The profiles of several hosts, each with a name of its own.
    /// - Throws: at the first that cannot be loaded.
    public static func load(
        _ names: [String], _ options: SourceOptions
    ) throws(SourceError) -> [HostProfile] {
        var profiles: [HostProfile] = []
        for name in names { profiles.append(try load(name, options)) }
        let own = distinct(profiles.map(\.name))
        report(profiles.map(\.name), as: own, of: names, options)
        for place in profiles.indices { profiles[place].name = own[place] }
        reportOldKernels(profiles, options)
        reportVendors(profiles.filter { $0.untriedVendor != nil }, options)
        return profiles
    }

    /// Says whose kernels these are: that their versions alone tell what KVM has is doubtful.
    static func reportVendors(_ profiles: [HostProfile], _ options: SourceOptions) {
        let byVendor = Dictionary(grouping: profiles) { profile in
            KernelVendor(ofRelease: profile.kernelRelease)?.name ?? ""
        }
        for (vendor, own) in byVendor.sorted(by: { $0.key < $1.key }) {
            options.notify(
                "\(own.map(\.name).listed(atMost: 3)): the kernel is \(vendor)'s own, and what KVM has is told here by "
                    + "its version alone, whatever \(vendor) ported back: record it there (vcpusnap host), which tries it"
            )
        }
    }

    /// Says of which hosts the rules are guessed.
    static func reportOldKernels(_ profiles: [HostProfile], _ options: SourceOptions) {
        let old = profiles.filter { $0.substituteRules != nil }
        guard let rules = old.first?.substituteRules else { return }
        options.notify(
            "no rules are known of kernels before \(rules), so those of \(rules) are taken, "
                + "beside what the profile says, for \(old.map(\.name).listed(atMost: 3))")
    }

    /// The names, with `~2` and so on after those that others before have.
    package static func distinct(_ names: [String]) -> [String] {
        var used = Set(names)
        var seen: Set<String> = []
        return names.map { name in
            guard !seen.insert(name).inserted else { return name }
            var number = 2
            while used.contains("\(name)~\(number)") { number += 1 }
            used.insert("\(name)~\(number)")
            return "\(name)~\(number)"
        }
    }

    /// Says which profile of several with one name is called what.
    private static func report(
        _ names: [String], as own: [String], of files: [String], _ options: SourceOptions
    ) {
        let renamed = names.indices.filter { names[$0] != own[$0] }
        for name in Set(renamed.map { names[$0] }).sorted() {
            let others = renamed.filter { names[$0] == name }
            let texts = others.map { "\(own[$0]) is that of \(files[$0])" }
            options.notify(
                "\(others.count + 1) profiles are called \(name): "
                    + "\(texts.listed(atMost: 3))")
        }
    }
}
