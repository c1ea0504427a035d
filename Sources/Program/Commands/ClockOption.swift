internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Registers
internal import Transfer
internal import VCPUModel

/// What becomes of the guest's clock.
struct ClockOption: ParsableArguments {
    private static let words = ClockMode.namedModes.map(\.description)

    @Option(
        help: ArgumentHelp(
            """
            The guest's clock: it goes on where it stopped (stop), advances by the time that has passed (wall), keeps its \
            distance from the host's counter (host), or goes on from a virtual count.
            """, valueName: "mode"),
        completion: .list(words),
        transform: { word in
            guard let mode = ClockMode(word: word) else {
                throw ValidationError(
                    "--clock takes \(words.joined(separator: ", ")) or a number, not \(Shown.line(word))"
                )
            }
            return mode
        })
    var clock = ClockMode.stop

    /// Refuses to set a clock that was not saved, or is left out.
    func check(_ snapshot: Snapshot, of source: Location) throws {
        guard clock != .stop, snapshot.vm[.clockCntvct] == nil else { return }
        throw CommandError(
            "--clock \(clock): no clock of the VM (CLOCK_CNTVCT) comes from \(source.text), so that the guest's "
                + "counters can only go on where they stopped")
    }

    /// Refuses to let time pass in a file.
    func check(target: Location) throws {
        guard clock == .wall || clock == .host, target.isAtRest else { return }
        throw CommandError(
            "--clock \(clock): no time passes in a file, such as \(target.text): give it to the restore that makes the "
                + "guest run")
    }

    /// As it is given to another vcpusnap.
    var words: [String] { clock == .stop ? [] : ["--clock", clock.description] }
}
