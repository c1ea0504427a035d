import Glibc
import LinuxVMM
import VCPUSnap

/// A folder with the stops of one guest.
///
/// Of each there are `N.snap`, `N.memory`, which is what differs from that of the first one, and `N.console`.
struct Stops {
    let folder: String

    private static let pageSize = 4096
    private static let recordSize = 8 + pageSize
    private static let largestFile = 1 << 30

    // MARK: Memory

    /// - Parameter base: the memory of the first stop, or zeros.
    func save(
        _ memory: UnsafeMutableRawBufferPointer, over base: UnsafeMutableRawBufferPointer,
        at point: Int
    ) throws {
        var changed: [UInt8] = []
        for offset in stride(from: 0, to: memory.count, by: Self.pageSize) {
            let page = UnsafeRawBufferPointer(rebasing: memory[offset..<offset + Self.pageSize])
            guard let now = page.baseAddress, let then = base.baseAddress,
                memcmp(now, then + offset, Self.pageSize) != 0
            else { continue }
            changed += RegisterValue(UInt64(offset)).littleEndianBytes
            changed += page
        }
        try AtomicFile.replace(path(point, "memory"), with: [changed])
    }

    func fill(_ memory: UnsafeMutableRawBufferPointer, at point: Int) throws {
        for number in point == 0 ? [0] : [0, point] {
            let bytes = try File.read(path(number, "memory"), limit: Self.largestFile)
            for start in stride(from: 0, to: bytes.count, by: Self.recordSize) {
                guard start + Self.recordSize <= bytes.count,
                    let offset = RegisterValue(littleEndian: bytes[start..<start + 8])?.bits,
                    offset <= UInt64(memory.count - Self.pageSize)
                else { throw ProofError("\(path(number, "memory")) is damaged") }
                UnsafeMutableRawBufferPointer(rebasing: memory[Int(offset)...])
                    .copyBytes(from: bytes[start + 8..<start + Self.recordSize])
            }
        }
    }

    // MARK: The rest

    func save(_ snapshot: Snapshot, at point: Int) throws {
        let bytes = try SnapshotWriter.encode(snapshot, level: 3)
        try AtomicFile.replace(path(point, "snap"), with: [bytes])
    }

    func snapshot(_ point: Int) throws -> Snapshot {
        try SnapshotReader.decode(
            File.read(path(point, "snap"), limit: Self.largestFile))
    }

    /// The console, with the last beat and what the guest has written of a line.
    func save(_ console: linux_console, _ log: BeatLog, at point: Int) throws {
        let text =
            "\(console.interrupt_mask) \(console.typed) \(console.unread) \(console.line) "
            + "\(log.lastBeat) \(log.unfinished)"
        try AtomicFile.replace(path(point, "console"), with: [Array(text.utf8)])
    }

    func console(_ point: Int) throws -> (linux_console, BeatLog) {
        let text = String(
            decoding: try File.read(path(point, "console"), limit: 4096), as: UTF8.self)
        let words = text.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: false)
        let numbers = words.prefix(5).compactMap { UInt32($0) }
        guard words.count == 6, numbers.count == 5 else {
            throw ProofError("\(path(point, "console")) is damaged")
        }
        return (
            linux_console(
                interrupt_mask: numbers[0], typed: numbers[1], unread: numbers[2],
                line: numbers[3]),
            BeatLog(after: Int(numbers[4]), unfinished: String(words[5]))
        )
    }

    private func path(_ point: Int, _ what: String) -> String { "\(folder)/\(point).\(what)" }
}
