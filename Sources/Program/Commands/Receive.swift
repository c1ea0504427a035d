internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import SnapshotFormat
internal import Transfer
internal import VCPUModel

/// `vcpusnap receive`: the other end of `move`, which nobody types.
struct Receive: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Carry out what vcpusnap move asks for on standard input.",
        shouldDisplay: false)

    func run() throws {
        let order = try MoveOrder(
            parsing: try File.read(StandardStream.input, limit: MoveOrder.limit))
        let restore = try RestoreCommand.parse(
            ["--strict"] + order.options + ["--", order.source, order.target])
        let snapshot = try snapshot(of: order)
        guard case .file = restore.target else {
            return try restore.restore(snapshot, by: try order.policy())
        }
        try keep(order, snapshot, restore)
    }

    private func snapshot(of order: MoveOrder) throws -> Snapshot {
        do throws(SnapshotFormatError) {
            return try SnapshotReader.decode(order.snapshot)
        } catch {
            throw CommandError("the snapshot that arrived: \(error)")
        }
    }

    /// Makes a new file of it, byte for byte.
    private func keep(
        _ order: MoveOrder, _ snapshot: Snapshot, _ restore: RestoreCommand
    ) throws {
        let target = restore.target
        try target.checkOutput(.binary, keeping: [])
        try target.checkIsNew()
        try target.write(order.snapshot, access: .secret, orElse: "name a file")
        let report = ReceiveOutput(
            source: restore.source.text, target: target.text, vcpus: snapshot.vcpus.count)
        try report.print(as: restore.report.printing, after: target.writtenBefore)
    }
}
