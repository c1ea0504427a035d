public import CVCPUSnap
internal import Emulation
internal import LinuxSystem
internal import Machines

/// A `vcpusnap_host`.
final class Host {
    let profile: HostProfile
    /// The text of its file, for C.
    private(set) lazy var text = CText(profile.text)

    init(_ profile: HostProfile) { self.profile = profile }

    /// A built-in profile or a file's.
    /// - Throws: where there is neither, and where the file is no profile.
    static func open(_ name: String) throws(Failure) -> Host {
        try Failure.passing {
            if let profile = try HostProfile.builtIn(named: name) { return Host(profile) }
            guard FileIdentity(of: name) != nil else {
                throw Failure.notFound(
                    "\(FileName.shown(name)) is neither a file nor one of the built-in profiles "
                        + HostProfile.builtInNames.joined(separator: ", "))
            }
            // A dash is a name as any other here.
            return Host(try ProfileFile.load(name == "-" ? "./-" : name))
        }
    }

    /// This machine's.
    /// - Throws: where it has no KVM, and where this thread can run on cores of several kinds.
    static func record() throws(Failure) -> Host {
        try Failure.passing {
            let profiles = try HostRecorder.profiles(named: nil, SourceOptions())
            guard let profile = profiles.first, profiles.count == 1 else {
                throw Failure.argument(
                    "this thread may run on cores of several kinds, each with a profile of its own: hold it to those of "
                        + "one kind (sched_setaffinity)")
            }
            return Host(profile)
        }
    }
}

// MARK: - Functions

/// Records this machine.
@_cdecl("vcpusnap_host_record")
public func recordHost(_ host: ObjectPlace?, _ error: ErrorPlace?) -> vcpusnap_status {
    making(host, error) { () throws(Failure) in try Host.record() }
}

/// Reads a profile, or takes a built-in one.
@_cdecl("vcpusnap_host_open")
public func openHost(
    _ name: UnsafePointer<CChar>?, _ host: ObjectPlace?, _ error: ErrorPlace?
) -> vcpusnap_status {
    making(host, error) { () throws(Failure) in try Host.open(try path(name)) }
}

/// Gives the text of the profile's file.
@_cdecl("vcpusnap_host_text")
public func hostText(_ host: OpaquePointer?) -> UnsafePointer<CChar>? {
    keepingErrno { optional(host, Host.self)?.text.start }
}

/// Takes a host back.
@_cdecl("vcpusnap_host_destroy")
public func destroyHost(_ host: OpaquePointer?) { destroy(host, Host.self) }
