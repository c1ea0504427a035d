internal import ArgumentParser
internal import LinuxSystem
internal import Transfer

/// What becomes of the guest's clock.
struct ClockOption: ParsableArguments {
    private static let words = ClockMode.namedModes.map(\.description)

    @Option(
        help: ArgumentHelp(
            """
            The guest's clock: it goes on where it stopped (stop), advances by the time that has passed (wall), keeps its \
            distance from the host's counter (host), or is a virtual count.
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

    /// As it is given to another vcpusnap.
    var words: [String] { clock == .stop ? [] : ["--clock", clock.description] }
}
