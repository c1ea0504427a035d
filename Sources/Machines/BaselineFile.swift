package import Emulation
internal import LinuxSystem

/// Baselines by the files that they are in.
package enum BaselineFile {
    /// Reads a baseline; `-` is standard input.
    /// - Throws: where there is no such file, or it is something else or has an error.
    package static func load(_ location: Location) throws(SourceError) -> BaselineTemplate {
        let file = TextFile(.baseline, location.argument)
        guard let bytes = try file.read(limit: BaselineTemplate.Limit.size) else {
            throw SourceError(
                "there is no \(file.name): vcpusnap baseline HOST HOST -o \(file.name) computes one"
            )
        }
        return try parse(bytes, file.name)
    }

    /// What to say of one that may not be whole; nil where it is.
    package static func flaw(of baseline: BaselineTemplate) -> String? {
        baseline.hasEnd
            ? nil
            : "its last line is not end: it is cut off, or vcpusnap 0.1 wrote it; compute it again with vcpusnap baseline"
    }

    static func parse(
        _ bytes: [UInt8], _ name: String
    ) throws(SourceError) -> BaselineTemplate {
        try SourceError.passing { try BaselineTemplate(parsing: bytes, file: name) }
    }

    /// Where the hosts of a baseline are: built-in profiles, or files of their names beside it.
    /// - Throws: for a host of which neither is there.
    package static func hosts(
        of baseline: BaselineTemplate, in location: Location
    ) throws(SourceError) -> [Location] {
        let path = location.argument
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var hosts: [Location] = []
        for name in baseline.hosts {
            let beside = Location(path: folder + name + ".vhost")
            if beside.identity != nil {
                hosts.append(beside)
            } else if HostProfile.builtInNames.contains(name) {
                hosts.append(.file(name))
            } else {
                throw SourceError(
                    "\(location.text) is for \(FileName.shown(name)), of which \(beside.text) is not there: name its "
                        + "profile with --host, or all of them with --hosts DIR")
            }
        }
        return hosts
    }
}
