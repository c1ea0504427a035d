extension FilePatch {
    /// Changes a regular file in place.
    ///
    /// A crash in the middle leaves a file that is neither the old nor the new one: what undoes the
    /// change must be on the disk before.
    /// - Throws: `EFBIG` when more than `limit` bytes follow the first change; nothing is changed then.
    public func applyInPlace(to path: String, limit: Int) throws(FileError) {
        guard let first = replacements.first?.range.lowerBound else { return }
        let base = try SeekableFile(opening: path)
        guard base.size - first <= Int64(limit) else {
            throw FileError(.write, path, .fileTooLarge)
        }
        var tail: [UInt8] = []
        for piece in pieces(from: first, size: base.size) {
            switch piece {
            case .new(let bytes): tail += bytes
            case .kept(let range):
                tail += try base.read(at: range.lowerBound, count: range.count)
            }
        }
        do throws(Errno) {
            let file = try FileDescriptor(opening: path, for: .readingAndWriting)
            try file.write(tail, at: first)
            try file.truncate(to: first + Int64(tail.count))
            try file.synchronize()
            try file.close()
        } catch {
            throw FileError(.write, path, error)
        }
    }
}
