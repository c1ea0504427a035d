internal import ArgumentParser
internal import Registers
internal import VCPUModel

/// Which kinds of state a command leaves out.
struct WithoutOption: ParsableArguments {
    enum Part: String, CaseIterable, ExpressibleByArgument {
        case gic, clock

        var category: RegisterCategory {
            switch self {
            case .gic: .interruptController
            case .clock: .clock
            }
        }
    }

    @Option(
        name: .customLong("without"),
        help: ArgumentHelp(
            "Leave out the interrupt controller (gic), or the VM's clock (clock) (repeatable).",
            valueName: "state"))
    var parts: [Part] = []

    /// What is left of a snapshot.
    func rest(of snapshot: Snapshot) -> Snapshot {
        snapshot.without(Set(parts.map(\.category)))
    }
}
