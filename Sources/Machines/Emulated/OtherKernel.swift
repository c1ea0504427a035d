package import Emulation
internal import LinuxSystem
internal import Registers
internal import TextFormats
internal import VCPUModel

/// Hosts as they would be with another kernel.
package struct OtherKernel {
    private let release: String
    private let others: [(file: String, profile: HostProfile)]
    private let options: SourceOptions

    /// - Parameters:
    ///   - release: of the other kernel.
    ///   - files: recordings of such CPUs, by file or built-in name; the built-in profiles are asked anyway.
    /// - Throws: when one of them cannot be read.
    package init(
        _ release: String, like files: [String], _ options: SourceOptions
    ) throws(SourceError) {
        self.release = release
        self.options = options
        var others: [(file: String, profile: HostProfile)] = []
        for file in files { others.append((file, try Location(word: file).host(options))) }
        self.others = others
    }

    /// The host with the other kernel; what is guessed of it is said.
    /// - Parameter name: the new profile's; nil for the kernel and the CPU.
    /// - Throws: when nothing can be said of it, as of a vendor's kernel.
    package func profile(
        of host: HostProfile, named name: String? = nil
    ) throws(SourceError) -> HostProfile {
        let result = try SourceError.passing {
            let builtIn = try host.midr.map { try HostProfile.builtIn(ofCPU: $0) } ?? []
            return try host.withKernel(
                release, like: others.map(\.profile) + builtIn, name: name)
        }
        reportOthers(host)
        reportKernels(host, result)
        let guesses = result.guesses.map { "\($0.name) \(RegisterValue($0.value))" }
        if !guesses.isEmpty {
            options.notify(
                "\(result.name): guessed, since neither \(host.kernelRelease) nor a recording at hand (--like) shows "
                    + "what the CPU has: \(guesses.joined(separator: ", "))")
        }
        return result
    }

    /// The same of several hosts, each called `NAME@RELEASE`.
    /// - Throws: what `profile(of:named:)` throws.
    package func profiles(of hosts: [HostProfile]) throws(SourceError) -> [HostProfile] {
        var results: [HostProfile] = []
        for host in hosts {
            results.append(try profile(of: host, named: "\(host.name)@\(release)"))
        }
        return results
    }

    /// Says which recordings are of other CPUs.
    private func reportOthers(_ host: HostProfile) {
        for (file, other) in others where host.recordingsOfSameCPU([other]).isEmpty {
            options.notify(
                "\(FileName.shown(file)) is left out: it is of a different CPU than \(host.name)")
        }
    }

    /// Says where the rules may not be those of the kernels.
    private func reportKernels(_ host: HostProfile, _ result: HostProfile) {
        Hosts.reportOldKernels([result], options)
        // Also of a recording: what the old kernel hides is told by its version.
        Hosts.reportVendors(
            [host, result].filter {
                KernelVendor(ofRelease: $0.kernelRelease)?.keepsToVersion == false
            }, options)
        let unusual = Set(host.unusualMasks).union(host.overrides.keys).sorted().map(\.name)
        if !unusual.isEmpty {
            options.notify(
                "\(host.name): what writes of \(unusual.listed(atMost: 3)) do is not what they do in "
                    + "Linux \(host.kernelRelease), so it may be a vendor's kernel; in \(result.name) they do what "
                    + "they do in Linux itself")
        }
        if let kernel = result.kernel { reportNewKernel(kernel.series, result.name) }
    }

    /// Says how far what is known of a series goes, of one that was not run.
    private func reportNewKernel(_ series: KernelVersion, _ name: String) {
        guard let examined = RegisterDictionary.newestKernel, series > examined,
            let known = KernelVersion.newestKnown.map(\.series)
        else { return }
        let unknown =
            series > known
            ? "\(release) is newer than \(known), the newest kernel known here: what changed since is not in \(name)"
            : "\(release) was not run: what changed since \(examined) is in \(name) as far as it was announced"
        options.notify(unknown)
    }
}
