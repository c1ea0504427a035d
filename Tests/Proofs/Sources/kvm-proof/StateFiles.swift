import GuestPrograms
import VCPUSnap

/// The files stops of the guest are kept in: `N.snap` and `N.memory` for each, and
/// `reference`.
struct StateFiles {
    let directory: String

    /// Saves the vCPU with the library and the guest's memory beside it.
    func save(_ machine: GuestMachine, point: Int) throws {
        let capture = try Capture(of: machine.bank)
        guard capture.unreadable.isEmpty else {
            throw ProofError("registers could not be read: \(capture.unreadable)")
        }
        let snapshot = Snapshot(
            provenance: Provenance(), vcpus: [VCPUState(index: 0, registers: capture.registers)])
        try write([SnapshotWriter.encode(snapshot, level: 3)], to: "\(point).snap")
        try write(Self.pages(of: machine.memory), to: "\(point).memory")
    }

    /// Restores both into a machine that has never run.
    /// - Returns: what the library says about the vCPU.
    func restore(
        _ machine: GuestMachine, point: Int, without excluded: Set<RegisterID>
    ) throws -> RestoreReport {
        try Self.fill(machine.memory, from: read("\(point).memory"))
        var options = Restore.Options()
        options.policy = RestorePolicy(.exact).ignoring(excluded)
        let reports = try Restore.run(
            [try state(point).unit], into: [machine.bank], options: options)
        guard let report = reports.first else { throw ProofError("the restore reported nothing") }
        return report
    }

    /// The saved state of the vCPU.
    func state(_ point: Int) throws -> VCPUState {
        let snapshot = try SnapshotReader.decode(read("\(point).snap"))
        guard let state = snapshot.vcpus.first else { throw ProofError("a snapshot is empty") }
        return state
    }

    // MARK: Reference

    /// Notes the checksum of the undisturbed run and how many stops there are.
    func write(_ checksum: UInt64, count: Int) throws {
        try write([Array("\(checksum) \(count)\n".utf8)], to: "reference")
    }

    func expectedChecksum() throws -> UInt64 {
        try reference().checksum
    }

    /// The numbers of the stops.
    func points() throws -> Range<Int> {
        0..<(try reference().count)
    }

    private func reference() throws -> (checksum: UInt64, count: Int) {
        let text = String(decoding: try read("reference"), as: UTF8.self)
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let checksum = UInt64(words[0]), let count = Int(words[1]),
            count >= 0
        else { throw ProofError("the reference file is damaged") }
        return (checksum, count)
    }

    // MARK: Memory

    private static let pageSize = 4096

    /// Every page that is not zero: its number in 8 bytes, then its contents.
    static func pages(of memory: UnsafeMutableRawBufferPointer) -> [[UInt8]] {
        stride(from: 0, to: memory.count, by: pageSize).compactMap { offset in
            let page = Array(memory[offset..<offset + pageSize])
            guard page.contains(where: { $0 != 0 }) else { return nil }
            return RegisterValue(UInt64(offset / pageSize)).littleEndianBytes + page
        }
    }

    static func fill(_ memory: UnsafeMutableRawBufferPointer, from bytes: [UInt8]) throws {
        let record = 8 + pageSize
        for start in stride(from: 0, to: bytes.count, by: record) {
            guard start + record <= bytes.count,
                let number = RegisterValue(littleEndian: bytes[start..<start + 8])?.bits,
                number < UInt64(memory.count / pageSize)
            else { throw ProofError("a memory file is damaged") }
            let page = bytes[start + 8..<start + record]
            let offset = Int(number) * pageSize
            UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + pageSize])
                .copyBytes(from: page)
        }
    }

    // MARK: Files

    private func write(_ chunks: [[UInt8]], to name: String) throws {
        try AtomicFile.replace("\(directory)/\(name)", with: chunks)
    }

    private func read(_ name: String) throws -> [UInt8] {
        try File.read("\(directory)/\(name)", limit: 16 << 20)
    }
}
