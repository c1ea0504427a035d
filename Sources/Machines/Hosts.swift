package import Emulation
internal import LinuxSystem
internal import Registers
internal import TextFormats

/// Hosts as `--host` names them, each with a name of its own.
package struct Hosts {
    /// What each was named by; a host with several kinds of cores is there once for each.
    package private(set) var locations: [Location] = []
    /// What is known of each.
    package private(set) var profiles: [HostProfile] = []

    /// Asks all of them; what is to be known of their kernels is said.
    /// - Throws: at the first that cannot be asked.
    package init(_ locations: [Location], _ options: SourceOptions) throws(SourceError) {
        for location in locations {
            for profile in try location.hosts(options) {
                self.locations.append(location)
                profiles.append(profile)
            }
        }
        let own = profiles.map(\.name).madeDistinct()
        reportNames(own, options)
        for place in profiles.indices { profiles[place].name = own[place] }
        Self.reportFingerprints(profiles, options)
        Self.reportOldKernels(profiles, options)
        Self.reportVendors(profiles.filter { $0.untriedVendor != nil }, options)
    }

    /// The host profiles in a folder.
    /// - Throws: where there are none, and where it cannot be read.
    package static func files(in folder: String) throws(SourceError) -> [Location] {
        // A pipe among them would be waited for.
        let names = try SourceError.passing {
            try Folder.names(in: folder) {
                $0.hasSuffix(".vhost") && FileIdentity(of: folder + "/" + $0) != nil
            }
        }
        guard !names.isEmpty else {
            throw SourceError(
                "\(FileName.shown(folder)) has no host profiles (*.vhost): vcpusnap host records one"
            )
        }
        return names.map { Location(path: folder + "/" + $0) }
    }

    /// Where the profiles of a host with several kinds of cores are written: each in a file beside the one named.
    /// - Throws: for what is no file.
    package static func files(
        of profiles: [HostProfile], beside output: Location
    ) throws(SourceError) -> [Location] {
        guard case .file(let path) = output else {
            throw SourceError(
                "this host has several kinds of cores, and a profile of each: name a file with --output, of "
                    + "which each gets its own beside it")
        }
        let base = path.hasSuffix(".vhost") ? String(path.dropLast(6)) : path
        return profiles.map {
            Location(path: "\(base)-\(HostProfile.cpuWord(midr: $0.midr)).vhost")
        }
    }

    /// Says which of several with one name is called what.
    private func reportNames(_ own: [String], _ options: SourceOptions) {
        let renamed = own.indices.filter { profiles[$0].name != own[$0] }
        for name in Set(renamed.map { profiles[$0].name }).sorted() {
            let others = renamed.filter { profiles[$0].name == name }
            let texts = others.map { "\(own[$0]) is that of \(locations[$0].argument)" }
            options.notify(
                "\(others.count + 1) profiles are called \(name): "
                    + "\(texts.listed(atMost: 3))")
        }
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

    /// Says of which hosts more was taken from the version of the kernel than of others.
    static func reportFingerprints(_ profiles: [HostProfile], _ options: SourceOptions) {
        let names = profiles.filter(\.isOfFingerprint).map(\.name)
        guard !names.isEmpty else { return }
        options.notify(
            "\(names.listed(atMost: 3)): a fingerprint does not tell which other features vCPUs can have there, which "
                + "bits of ID registers can be written, or what the interrupt controller is: the features are those of its "
                + "vCPU, and what can be written follows from the version of the kernel")
    }

    /// Says of which hosts the rules are those of a newer kernel where nothing else is known.
    static func reportOldKernels(_ profiles: [HostProfile], _ options: SourceOptions) {
        let old = profiles.filter { $0.substituteRules != nil }
        guard let rules = old.first?.substituteRules else { return }
        options.notify(
            "kernels before \(rules) were read, and seldom run: where no change is known, the rules of \(rules) are "
                + "taken, beside what the profile says, for \(old.map(\.name).listed(atMost: 3))")
    }
}

extension Location {
    /// What is known of it as a host: that of a built-in profile's name, of a file or of what has a scheme.
    /// - Throws: for what is no host, and where it cannot be reached or read.
    package func hosts(_ options: SourceOptions) throws(SourceError) -> [HostProfile] {
        if case .named(let source) = self { return try source.hosts(options) }
        try checkScheme()
        guard isHostFile, let host = try openHostFile(options).host else {
            return [try ProfileFile.load(argument)]
        }
        return [host]
    }

    /// The same of a host all of whose cores are of one kind.
    /// - Throws: also for another.
    package func host(_ options: SourceOptions) throws(SourceError) -> HostProfile {
        let hosts = try hosts(options)
        guard hosts.count == 1, let host = hosts.first else {
            throw SourceError(
                "\(text) has several kinds of cores, and a profile of each: vcpusnap host -o HOST.vhost writes "
                    + "them: name one")
        }
        return host
    }

    /// - Throws: for what has a scheme, and behind it nothing that can be meant.
    func checkScheme() throws(SourceError) {
        guard isFile, identity == nil,
            let kind = SourceKinds.named.first(where: { argument.hasPrefix($0.scheme) })
        else { return }
        throw SourceError("\(text) names no host: give \(kind.spellings)")
    }

    /// Whether it is a host by the name of a built-in profile, or as a file by its name or else its content.
    package var isHostFile: Bool {
        guard case .file(let path) = self else { return false }
        return HostProfile.builtInNames.contains(path)
            || fileKind?.summary.abilities.contains(.host) == true
    }

    /// Whether it is a host, by whatever name.
    package var isHost: Bool {
        namedKind.map { $0.summary.abilities.contains(.host) } ?? isHostFile
    }

    /// Whether it can only be a guest: a file or something with a scheme that is no host.
    package var isNoHostButGuest: Bool {
        !isHost && (namedKind != nil || fileKind != nil)
    }

    /// The file of such a host; nothing that is said of other files means anything to it.
    func openHostFile(_ options: SourceOptions) throws(SourceError) -> any StateFile {
        guard let kind = fileKind, !HostProfile.builtInNames.contains(argument) else {
            return HostProfileFile(profile: try ProfileFile.load(argument))
        }
        return try kind.open(self, options)
    }

    /// For what is none.
    var isNoHost: SourceError {
        let others = SourceKinds.schemes(thatCan: .host)
        return SourceError(
            "\(text) is no host: name \(others)a host profile or a built-in one of vcpusnap host --built-in"
        )
    }
}
