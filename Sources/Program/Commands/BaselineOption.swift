internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning

/// `--baseline`.
struct BaselineOption: ParsableArguments {
    @Option(
        name: .customLong("baseline"),
        help: ArgumentHelp(
            """
            A host given as the guest means one started there with this baseline; any other guest \
            is checked against it.
            """, valueName: "file"))
    var location: Location?

    /// Says of one that may not be whole.
    /// - Throws: where it cannot be read.
    func load() throws -> BaselineTemplate? {
        guard let location else { return nil }
        let baseline = try BaselineFile.load(location)
        if let flaw = BaselineFile.flaw(of: baseline) {
            StandardError.write("vcpusnap: \(location.text): \(flaw)\n")
        }
        return baseline
    }

    /// Its own hosts, where none are named.
    func hosts(of baseline: BaselineTemplate?) throws -> [Location] {
        guard let baseline, let location else { return [] }
        return try BaselineFile.hosts(of: baseline, in: location)
    }

    /// A guest that was started with it: of a host, by it.
    func guest(
        of source: Location, _ baseline: BaselineTemplate?, _ options: SourceOptions,
        otherwise read: (Location, SourceOptions) throws -> Guest
    ) throws -> Guest {
        guard let baseline else { return try read(source, options) }
        do {
            if source.isHost {
                let host = try source.host(options)
                let snapshot = try BaselineGuest.started(on: host, with: baseline)
                return Guest(of: host, started: snapshot)
            }
            let guest = try read(source, options)
            try BaselineGuest.check(guest.capture.snapshot, has: baseline)
            return guest
        } catch let problem as BaselineGuest.Problem {
            throw CommandError(problem.text(of: source.text, with: location?.text ?? ""))
        }
    }
}
