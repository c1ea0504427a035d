/// Cuts what comes from a QMP server into messages.
///
/// A message is one JSON object. QEMU ends each with a line break, but `pretty=on` puts more of them
/// inside, so it is the brackets that are counted.
struct MessageSplitter {
    enum Failure: Error {
        case tooLong
        /// The line that starts where an object should.
        case noObject([UInt8])
    }

    /// The most bytes of a message, and so the most that are held, but for one piece as received.
    static let limit = 16 << 20

    private var buffer: [UInt8] = []
    private var position = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    mutating func append(_ bytes: [UInt8]) {
        buffer += bytes
    }

    /// The next whole message; nil when more has to be received.
    mutating func next() throws(Failure) -> [UInt8]? {
        if depth == 0 { try skipToMessage() }
        while position < buffer.count {
            let isEnd = pass(buffer[position])
            position += 1
            guard isEnd else { continue }
            defer { drop(position) }
            return Array(buffer[..<position])
        }
        if buffer.count > Self.limit { throw .tooLong }
        return nil
    }

    /// Drops the space between two messages.
    private mutating func skipToMessage() throws(Failure) {
        drop(buffer.prefix { [0x20, 0x09, 0x0a, 0x0d].contains($0) }.count)
        guard let first = buffer.first, first != UInt8(ascii: "{") else { return }
        throw .noObject(Array(buffer.prefix { $0 != 0x0a && $0 != 0x0d }))
    }

    private mutating func drop(_ count: Int) {
        buffer.removeSubrange(..<count)
        position = 0
    }

    /// Whether this byte ends a message.
    private mutating func pass(_ byte: UInt8) -> Bool {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return false
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            return depth == 0
        default: break
        }
        return false
    }
}
