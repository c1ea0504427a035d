/// Bytes that can be read at any place: a file, part of one, or what was kept of a pipe.
///
/// Reading is all there is; nothing is held but what was asked for.
public protocol SeekableBytes: AnyObject {
    /// What messages call it: a path, `standard input`.
    var name: String { get }
    /// How many bytes there are.
    var size: Int64 { get }

    /// Exactly `count` bytes from `offset` on.
    /// - Throws: step `read`; `EINVAL` for a range that is not inside, `EIO` when the file has become
    ///   shorter, `ESPIPE` for a part of a pipe that was not kept.
    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8]
}

extension SeekableBytes {
    /// The bytes from `offset` on, at most `count`; fewer or none where the bytes end before.
    /// - Throws: what `read(at:count:)` throws.
    public func readWhatIsThere(at offset: Int64, upTo count: Int) throws(FileError) -> [UInt8] {
        guard 0..<size ~= offset else { return [] }
        return try read(at: offset, count: Int(min(Int64(count), size - offset)))
    }

    /// The error for a range that is not inside; nil for one that is.
    package func rangeError(at offset: Int64, count: Int) -> FileError? {
        let isInside = offset >= 0 && count >= 0 && offset <= size && Int64(count) <= size - offset
        return isInside ? nil : FileError(.read, name, .invalidArgument)
    }
}

/// A regular file, read at any place.
public final class SeekableFile: SeekableBytes {
    /// The path as messages show it, or the stream's name.
    public let name: String
    /// The size in bytes when the file was opened.
    public let size: Int64
    package let file: FileDescriptor

    /// Opens a path for reading.
    /// - Throws: step `open`; `ESPIPE` for a pipe or device, `EISDIR` for a directory.
    public convenience init(opening path: String) throws(FileError) {
        try self.init(
            FileName.shown(path), path, try FileDescriptor(opening: path, for: .reading))
    }

    /// A standard stream that is connected to a regular file.
    ///
    /// Offsets count from the start of the file, not from the stream's position.
    /// - Throws: step `open`; `ESPIPE` for a pipe or device, `EISDIR` for a directory.
    package convenience init(_ stream: StandardStream) throws(FileError) {
        try self.init(stream.name, stream.name, try FileDescriptor(duplicating: stream))
    }

    /// What is locked, by a descriptor of its own; its size is what it is now.
    /// - Throws: where its descriptor cannot be duplicated, or its size cannot be told.
    package convenience init(_ locked: LockedFile) throws(FileError) {
        try self.init(locked.name, locked.name, try FileDescriptor(duplicating: locked.file))
    }

    private init(
        _ name: String, _ path: String, _ opened: @autoclosure () throws(Errno) -> FileDescriptor
    ) throws(FileError) {
        self.name = name
        file = try FileError.during(.open, path, try opened())
        size = try FileError.during(.open, path, try file.regularSize())
    }

    /// Exactly `count` bytes from `offset` on, which counts from the start of the file.
    /// - Throws: step `read`; `EINVAL` for a range that is not inside, `EIO` when the file has become shorter.
    public func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        if let error = rangeError(at: offset, count: count) { throw error }
        return try FileError.during(.read, name, try file.read(at: offset, count: count))
    }
}

/// A part of other bytes, with offsets of its own.
package final class SeekableSlice: SeekableBytes {
    private let base: any SeekableBytes
    private let start: Int64
    /// How many bytes the base has from `start` on.
    package let size: Int64

    /// The base's name.
    package var name: String { base.name }

    /// From `start` to the end.
    /// - Precondition: `start` is inside.
    package init(of base: any SeekableBytes, from start: Int64) {
        precondition(0...base.size ~= start, "a slice starts inside its base")
        self.base = base
        self.start = start
        size = base.size - start
    }

    /// Exactly `count` bytes from `offset` on, which counts from the start of the slice.
    /// - Throws: step `read`; `EINVAL` for a range that is not inside, and what reading the base throws.
    package func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        if let error = rangeError(at: offset, count: count) { throw error }
        return try base.read(at: start + offset, count: count)
    }
}

/// Bytes that are in memory as a whole.
public final class MemoryBytes: SeekableBytes {
    /// What messages call the bytes.
    public let name: String
    private let bytes: [UInt8]

    /// How many bytes there are.
    public var size: Int64 { Int64(bytes.count) }

    /// Bytes that a program already has.
    /// - Parameter name: for messages.
    public init(_ bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }

    /// Exactly `count` bytes from `offset` on.
    /// - Throws: step `read` and `EINVAL` for a range that is not inside.
    public func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        if let error = rangeError(at: offset, count: count) { throw error }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }
}
