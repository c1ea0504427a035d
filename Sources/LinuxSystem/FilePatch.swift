/// Ranges of a file with what stands in their place, of any length; everything else stays.
package struct FilePatch: Hashable, Sendable {
    /// One range of the file, and the bytes that take its place.
    ///
    /// An empty range inserts, and no bytes delete.
    package struct Replacement: Hashable, Sendable {
        /// Offsets in the file as it is before the patch, in bytes.
        package var range: Range<Int64>
        /// What stands there afterward; it may be longer or shorter than `range`.
        package var bytes: [UInt8]

        /// Replaces a range, in offsets of the file as it is, by `bytes`.
        package init(_ range: Range<Int64>, _ bytes: [UInt8]) {
            self.range = range
            self.bytes = bytes
        }
    }

    /// In ascending order of their ranges, none of which overlap.
    package let replacements: [Replacement]

    /// A patch of these replacements, given in any order.
    /// - Precondition: no two ranges overlap.
    package init(_ replacements: [Replacement]) {
        let sorted = replacements.sorted { $0.range.lowerBound < $1.range.lowerBound }
        precondition(Self.areApart(sorted), "replaced ranges are apart")
        self.replacements = sorted
    }

    /// A patch of ranges that a file names; nil where two of them overlap.
    package init?(unchecked replacements: [Replacement]) {
        let sorted = replacements.sorted { $0.range.lowerBound < $1.range.lowerBound }
        guard Self.areApart(sorted) else { return nil }
        self.replacements = sorted
    }

    private static func areApart(_ sorted: [Replacement]) -> Bool {
        zip(sorted, sorted.dropFirst()).allSatisfy { $0.range.upperBound <= $1.range.lowerBound }
    }

    /// Whether the patch replaces nothing and the file stays as it is.
    package var isEmpty: Bool { replacements.isEmpty }

    /// How many bytes the file gains; negative when it becomes shorter.
    package var growth: Int64 {
        replacements.reduce(0) {
            $0 + Int64($1.bytes.count) - Int64($1.range.count)
        }
    }

    /// The same patch of a file that has `distance` bytes before this one.
    package func moved(by distance: Int64) -> FilePatch {
        FilePatch(
            replacements.map {
                Replacement(
                    $0.range.lowerBound + distance..<$0.range.upperBound + distance, $0.bytes)
            })
    }

    /// What the patched file is made of, from its start to its end.
    package enum Piece: Hashable, Sendable {
        /// A range of the file as it is, in bytes, that stays.
        case kept(Range<Int64>)
        /// Bytes that a replacement puts there.
        case new([UInt8])
    }

    /// The pieces of a file of that size, from `start` on.
    /// - Precondition: the ranges are inside, and none begins before `start`.
    package func pieces(from start: Int64 = 0, size: Int64) -> [Piece] {
        var result: [Piece] = []
        var position = start
        for replacement in replacements {
            if position < replacement.range.lowerBound {
                result.append(.kept(position..<replacement.range.lowerBound))
            }
            result.append(.new(replacement.bytes))
            position = replacement.range.upperBound
        }
        return position < size ? result + [.kept(position..<size)] : result
    }
}

extension FilePatch {
    /// Everything from `start` on in the patched file.
    /// - Parameter end: everything from there on in the file as it is.
    /// - Precondition: no range begins before `start`.
    package func end(from start: Int64, of end: [UInt8]) -> [UInt8] {
        pieces(from: start, size: start + Int64(end.count)).flatMap { piece in
            switch piece {
            case .new(let bytes): return bytes[...]
            case .kept(let range):
                return end[Int(range.lowerBound - start)..<Int(range.upperBound - start)]
            }
        }
    }
}

// MARK: - Writing

extension FilePatch {
    /// Writes the patched file in place of `path`, whole or not at all (see `AtomicFile`); what is kept is
    /// copied inside the kernel, and holes stay holes.
    /// - Throws: where the file would be too large or cannot be written; `path` is then as it was.
    package func write(of base: SeekableFile, to path: String) throws(FileError) {
        let pieces = pieces(size: base.size)
        let size = try (Checked(base.size) + Checked(growth)).value(
            or: FileError(.write, path, .fileTooLarge))
        try AtomicFile.replace(
            path,
            writing: { file throws(Errno) in
                try Self.write(pieces, of: base, to: file)
                // A hole at the end was never written.
                try file.truncate(to: size)
            },
            directly: { file throws(Errno) in try file.write(pieces, of: base) })
    }

    /// Writes the patched file to a stream.
    /// - Throws: where `base` cannot be read or the stream cannot be written.
    package func write(of base: any SeekableBytes, to stream: StandardStream) throws(FileError) {
        do throws(Errno) {
            let file = try FileDescriptor(duplicating: stream)
            try file.write(pieces(size: base.size), of: base)
            try file.close()
        } catch {
            throw FileError(.write, stream.name, error)
        }
    }

    private static func write(
        _ pieces: [Piece], of base: SeekableFile, to file: borrowing FileDescriptor
    ) throws(Errno) {
        var place: Int64 = 0
        for piece in pieces {
            switch piece {
            case .kept(let range):
                try base.file.copy(range, to: file, at: place)
                place += Int64(range.count)
            case .new(let bytes):
                try file.write(bytes, at: place)
                place += Int64(bytes.count)
            }
        }
    }
}

extension FileDescriptor {
    /// Writes pieces one after the other, to what cannot be written at any place.
    /// - Throws: where `base` cannot be read or the bytes cannot be written.
    package borrowing func write(
        _ pieces: [FilePatch.Piece], of base: any SeekableBytes
    ) throws(Errno) {
        for piece in pieces {
            switch piece {
            case .kept(let range): try write(range, of: base)
            case .new(let bytes): try writeAll(bytes)
            }
        }
    }

    private borrowing func write(
        _ range: Range<Int64>, of base: any SeekableBytes
    ) throws(Errno) {
        if let base = base as? SeekableFile { return try base.file.send(range, to: self) }
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(range.upperBound - position, 1 << 20))
            try writeAll(
                try FileError.translating(try base.read(at: position, count: count)) { $0.errno })
            position += Int64(count)
        }
    }
}
