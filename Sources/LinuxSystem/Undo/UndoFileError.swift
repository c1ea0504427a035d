/// Why an undo file was not made or read.
package enum UndoFileError: Error, Hashable, Sendable {
    /// The file that is to be changed could not be read, or would become too large.
    case file(FileError)
    /// The patch changes nothing.
    case nothingToUndo
    /// More bytes, this many, follow the first change than an undo file keeps.
    case tooLong(Int64)
    /// The undo file does not have what the format says.
    /// - Parameters:
    ///   - part: what was being read.
    ///   - offset: in bytes from the start of the undo file.
    case damaged(part: String, offset: Int, expected: String, found: String)
}

extension UndoFileError: CustomStringConvertible {
    /// What is wrong with the undo file, and what to do about it.
    package var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .nothingToUndo: "nothing is to be changed"
        case .tooLong(let count):
            "\(count) bytes follow the first change, and an undo file keeps "
                + "\(UndoFile.longestEnd) at most"
        case .damaged(let part, let offset, let expected, let found):
            "damaged at byte \(offset): \(part): expected \(expected), found \(found)"
        }
    }
}
