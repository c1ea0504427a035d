internal import LinuxSystem
internal import QEMUStream

extension ImageInput {
    /// All bytes of a file that is read as a whole.
    /// - Throws: where it cannot be read, or has more than that.
    func whole(limit: Int) throws(FileError) -> [UInt8] {
        let bytes = try beginning(limit, of: name)
        guard bytes.count <= limit else { throw FileError(.read, name, .fileTooLarge) }
        return bytes
    }

    /// What there is, or one byte more than the limit.
    /// - Parameter name: for errors.
    func beginning(_ limit: Int, of name: String) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        do throws(Errno) {
            while bytes.count <= limit {
                let next = try read(upTo: limit + 1 - bytes.count)
                if next.isEmpty { break }
                bytes += next
            }
        } catch {
            throw FileError(.read, name, error)
        }
        return bytes
    }
}
