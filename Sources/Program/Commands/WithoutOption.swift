internal import ArgumentParser
internal import Machines
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

    var categories: Set<RegisterCategory> { Set(parts.map(\.category)) }

    /// What is left of a snapshot.
    func rest(of snapshot: Snapshot) -> Snapshot { snapshot.without(categories) }

    /// The same of one with what could not be read.
    func rest(of capture: StateCapture) -> StateCapture {
        StateCapture(
            rest(of: capture.snapshot),
            unreadable: capture.unreadable.filter { unread in
                unread.error.id.map { !categories.contains(RegisterCategory(of: $0)) } ?? true
            })
    }
}
