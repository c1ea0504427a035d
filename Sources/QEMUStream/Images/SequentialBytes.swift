internal import LinuxSystem

/// Bytes that come from front to back, and can be looked at before they are taken.
final class SequentialBytes {
    let name: String
    /// Whether a program made them.
    let isDecompressed: Bool
    /// How much may come out of them when they are decompressed.
    let budget: ExpansionBudget
    /// How many bytes were taken.
    private(set) var position: Int64 = 0
    private var ahead: ArraySlice<UInt8>
    private let more: () throws(SavedImageError) -> [UInt8]

    /// - Parameters:
    ///   - name: for messages.
    ///   - ahead: the first bytes, which somebody read already.
    ///   - isDecompressed: whether a program makes them.
    ///   - more: gives the bytes that come next, and none at the end, again and again.
    init(
        of name: String, ahead: [UInt8] = [], isDecompressed: Bool = false,
        _ budget: ExpansionBudget = ExpansionBudget(),
        reading more: @escaping () throws(SavedImageError) -> [UInt8]
    ) {
        self.name = name
        self.isDecompressed = isDecompressed
        self.budget = budget
        self.ahead = ahead[...]
        self.more = more
    }

    convenience init(of name: String, ahead: [UInt8] = [], _ stream: ByteStream) {
        let budget = ExpansionBudget(input: Int64(ahead.count))
        self.init(of: name, ahead: ahead, budget) { () throws(SavedImageError) in
            do throws(Errno) {
                let bytes = try stream.read(upTo: 1 << 18)
                budget.add(bytes.count)
                return bytes
            } catch {
                throw SavedImageError(FileError(.read, name, error))
            }
        }
    }

    /// A regular file, from its beginning.
    convenience init(_ file: SeekableFile) {
        var position: Int64 = 0
        let budget = ExpansionBudget(input: file.size)
        self.init(of: file.name, budget) { () throws(SavedImageError) in
            let bytes = try SavedImageError.reading(
                try file.readWhatIsThere(at: position, upTo: 1 << 18))
            position += Int64(bytes.count)
            return bytes
        }
    }

    convenience init(_ program: Decompressor, of name: String) {
        self.init(
            of: name, isDecompressed: true, program.budget
        ) { () throws(SavedImageError) in
            try program.next()
        }
    }

    /// Some bytes; none at the end.
    func next() throws(SavedImageError) -> [UInt8] {
        guard ahead.isEmpty else { return takeAhead(upTo: ahead.count) }
        let bytes = try more()
        position += Int64(bytes.count)
        return bytes
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
        position += Int64(bytes.count)
        return bytes
    }

    /// Takes bytes and forgets them; false when there are fewer.
    func skip(_ count: Int64) throws(SavedImageError) -> Bool {
        var rest = count
        while rest > 0 {
            let bytes = try next()
            if bytes.isEmpty { return false }
            if Int64(bytes.count) > rest { ahead = bytes.dropFirst(Int(rest)) }
            position -= Int64(ahead.count)
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

/// How much a compressed file may become, so that a small one cannot cost hours
/// (`Formats/saved-images.md`, section 7).
final class ExpansionBudget {
    /// Of what came from outside so far, or is there, in bytes.
    private var input: Int64

    init(input: Int64 = 0) {
        self.input = input
    }

    /// Counts what came from outside.
    func add(_ count: Int) {
        input += Int64(count)
    }

    /// - Parameters:
    ///   - size: of what came out of a program, in bytes.
    ///   - file: for the message.
    func check(_ size: Int64, _ compression: Compression, of file: String) throws(SavedImageError) {
        let factor = Checked<Int64>(SavedImageLimits.expansion)
        let limit = Checked(input) * factor + Checked(SavedImageLimits.freeExpansion)
        guard size > limit.value ?? .max else { return }
        throw SavedImageError(
            .limitExceeded, file,
            "decompressed, it is more than \(SavedImageLimits.expansion) times as large: decompress "
                + "it with \(compression.program), and name the stream itself")
    }
}
