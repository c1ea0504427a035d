internal import LinuxSystem

/// Bytes that come from front to back, and can be looked at before they are taken.
final class SequentialBytes {
    let name: String
    /// Whether a program made them.
    let isDecompressed: Bool
    private var ahead: ArraySlice<UInt8>
    private let more: () throws(SavedImageError) -> [UInt8]

    /// - Parameters:
    ///   - name: for messages.
    ///   - ahead: the first bytes, which somebody read already.
    ///   - isDecompressed: whether a program makes them.
    ///   - more: gives the bytes that come next, and none at the end, again and again.
    init(
        of name: String, ahead: [UInt8] = [], isDecompressed: Bool = false,
        reading more: @escaping () throws(SavedImageError) -> [UInt8]
    ) {
        self.name = name
        self.isDecompressed = isDecompressed
        self.ahead = ahead[...]
        self.more = more
    }

    convenience init(of name: String, ahead: [UInt8] = [], _ stream: ByteStream) {
        self.init(of: name, ahead: ahead) { () throws(SavedImageError) in
            do throws(Errno) {
                return try stream.read(upTo: 1 << 18)
            } catch {
                throw SavedImageError(FileError(.read, name, error))
            }
        }
    }

    convenience init(_ program: FilterProgram, of name: String) {
        self.init(of: name, isDecompressed: true) { () throws(SavedImageError) in
            try program.next()
        }
    }

    /// Some bytes; none at the end.
    func next() throws(SavedImageError) -> [UInt8] {
        guard ahead.isEmpty else { return takeAhead(upTo: ahead.count) }
        return try more()
    }

    /// The next bytes without taking them: `count`, or as many as there are.
    func peek(_ count: Int) throws(SavedImageError) -> [UInt8] {
        while ahead.count < count {
            let bytes = try more()
            if bytes.isEmpty { break }
            ahead += bytes
        }
        return Array(ahead.prefix(count))
    }

    /// Takes `count` bytes, or as many as there are.
    func take(_ count: Int) throws(SavedImageError) -> [UInt8] {
        _ = try peek(count)
        return takeAhead(upTo: count)
    }

    /// Takes what was read already, at most `count` bytes.
    func takeAhead(upTo count: Int) -> [UInt8] {
        let bytes = Array(ahead.prefix(count))
        ahead = ahead.dropFirst(count)
        return bytes
    }

    /// Takes bytes and forgets them; false when there are fewer.
    func skip(_ count: Int64) throws(SavedImageError) -> Bool {
        var rest = count
        while rest > 0 {
            let bytes = try next()
            if bytes.isEmpty { return false }
            if Int64(bytes.count) > rest { ahead = bytes.dropFirst(Int(rest)) }
            rest -= Int64(bytes.count)
        }
        return true
    }

    /// Looks for the program's own error when its output is not what was expected: bzip2 gives what it
    /// made of a damaged block of 900 kB before it finds out.
    func checkProgram() throws(SavedImageError) {
        if isDecompressed { _ = try skip(16 << 20) }
    }
}
