// The layout of Formats/undo-v1.md.
extension UndoFile {
    private static let numbersEnd = 8 + 4 * 8
    private static let contextEnd = numbersEnd + SHA256.size

    /// Where `original` begins in the undo file, in bytes from its start.
    package var originalOffset: Int {
        Self.contextEnd + (changedBytes == nil ? SHA256.size : 0)
    }

    /// All bytes of a file of version 2.
    ///
    /// Do not write one that was read as version 1: it does not have the changed bytes.
    package var encoded: [UInt8] {
        let numbers = [
            Self.version, UInt64(originalSize), UInt64(changedSize), UInt64(start),
        ]
        let body =
            Self.magic + numbers.flatMap { BigEndian.bytes($0, 8) } + contextDigest + original
            + (changedBytes ?? [])
        return body + SHA256.of([body])
    }

    /// Reads version 1 or 2.
    /// - Parameter bytes: the whole file.
    /// - Throws: `damaged` for a wrong magic, digest or size, and for other versions.
    package init(decoding bytes: [UInt8]) throws(UndoFileError) {
        try Self.check(bytes)
        let version = bytes.bigEndian(at: 8, count: 8)
        guard 1...2 ~= version else {
            throw Self.damaged("the undo file's version", 8, "1 or 2", "\(version)")
        }
        originalSize = Int64(bitPattern: bytes.bigEndian(at: 16, count: 8))
        changedSize = Int64(bitPattern: bytes.bigEndian(at: 24, count: 8))
        start = Int64(bitPattern: bytes.bigEndian(at: 32, count: 8))
        contextDigest = Array(bytes[Self.numbersEnd..<Self.contextEnd])
        let content = bytes[Self.contextEnd...].dropLast(SHA256.size)
        guard start >= 0, changedSize >= start, originalSize >= start,
            let parts = Self.parts(
                of: content, version, originalSize - start, changedSize - start)
        else {
            throw Self.damaged(
                "the undo file's sizes", 16, "sizes that fit its content", "others")
        }
        (original, changed) = parts
    }

    /// Nil where the sizes, which are not negative, are not those of the content.
    private static func parts(
        of content: ArraySlice<UInt8>, _ version: UInt64, _ originalSize: Int64,
        _ changedSize: Int64
    ) -> (original: [UInt8], changed: Changed)? {
        let count = Int64(content.count)
        if version == 1 {
            guard count - Int64(SHA256.size) == originalSize else { return nil }
            return (
                Array(content.dropFirst(SHA256.size)),
                .digest(Array(content.prefix(SHA256.size)))
            )
        }
        guard originalSize <= count, changedSize == count - originalSize else { return nil }
        return (
            Array(content.prefix(Int(originalSize))),
            .bytes(Array(content.dropFirst(Int(originalSize))))
        )
    }

    /// Magic and digest.
    private static func check(_ bytes: [UInt8]) throws(UndoFileError) {
        guard bytes.starts(with: magic) else {
            let found = bytes.prefix(magic.count).hexadecimal
            throw damaged("the undo file", 0, "VCPUUNDO", "bytes \(found)")
        }
        guard bytes.count >= contextEnd + SHA256.size,
            SHA256.of([Array(bytes.dropLast(SHA256.size))]) == bytes.suffix(SHA256.size)
        else {
            throw damaged(
                "the undo file", max(0, bytes.count - SHA256.size),
                "the SHA-256 of what is before", "another")
        }
    }

    private static func damaged(
        _ part: String, _ offset: Int, _ expected: String, _ found: String
    ) -> UndoFileError {
        .damaged(part: part, offset: offset, expected: expected, found: found)
    }
}
