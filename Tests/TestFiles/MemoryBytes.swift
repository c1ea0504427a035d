public import LinuxSystem

/// Bytes in memory, as a file; it knows how it was read.
public final class MemoryBytes: SeekableBytes {
    /// What messages call it.
    public let name = "memory"
    /// All of it.
    public let bytes: [UInt8]
    /// The most bytes that were asked for at once.
    public private(set) var maximumAtOnce = 0
    /// The lowest offset that was read, apart from the start; `Int64.max` before that.
    public private(set) var lowestOffset = Int64.max

    /// A file of these bytes.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// In bytes.
    public var size: Int64 { Int64(bytes.count) }

    /// At most so many bytes, fewer at the end.
    public func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= size, Int64(count) <= size - offset else {
            throw FileError(.read, name, .invalidArgument)
        }
        maximumAtOnce = max(maximumAtOnce, count)
        if offset > 0 { lowestOffset = min(lowestOffset, offset) }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }
}
