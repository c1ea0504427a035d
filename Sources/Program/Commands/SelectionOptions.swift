internal import ArgumentParser
internal import Registers
internal import VCPUModel

/// Which part of a source a command is about.
struct SelectionOptions: ParsableArguments {
    @Option(
        name: .customLong("vcpu"),
        help: ArgumentHelp("Only the vCPU with this number (repeatable).", valueName: "number"))
    var vcpus: [UInt32] = []

    /// The state of these vCPUs alone; all of it where none is named.
    /// - Throws: for a number that none of them has.
    func selected(of snapshot: Snapshot, named source: String) throws -> Snapshot {
        guard !vcpus.isEmpty else { return snapshot }
        for number in vcpus where !snapshot.vcpus.contains(where: { $0.index == number }) {
            throw CommandError(
                "\(source) has no vCPU \(number); it has "
                    + UnitNumbers(snapshot.vcpus.map(\.index)).title)
        }
        var selected = snapshot
        selected.vm = RegisterList()
        selected.vcpus.removeAll { !vcpus.contains($0.index) }
        return selected
    }
}
