/// What a zstd frame says of its window and its blocks (RFC 8878, section 3.1.1).
///
/// How strictly these are kept depends on the version of libzstd and on whether it decompresses in one step, and a
/// file must be read by all readers or by none.
extension ZstdDecompressor {
    /// The most bytes a block may have, whatever the window.
    private static let largestBlock = 128 << 10

    /// Refuses a window that limits blocks to less than the content and `largestBlock`.
    static func checkWindow(of frame: [UInt8], size: Int) throws(ZstdError) {
        guard let window = window(of: frame), window < min(size, largestBlock) else { return }
        throw ZstdError(
            message: "the frame's window of \(window) bytes is below its content's \(size) "
                + "bytes and below 128 KiB")
    }

    /// Refuses a block above the largest of its frame, and blocks that cannot hold the content.
    /// - Parameter frame: a whole one, whose header libzstd has accepted.
    static func checkBlocks(of frame: [UInt8], size: Int) throws(ZstdError) {
        let largest = min(window(of: frame) ?? size, largestBlock)
        var rest = frame.dropFirst(headerSize(of: frame))
        var (most, isLast) = (0, false)
        while !isLast, rest.count >= 3 {
            let header = rest.prefix(3).reversed().reduce(0) { $0 << 8 | Int($1) }
            let (kind, length) = (header >> 1 & 3, header >> 3)
            guard length <= largest else {
                throw ZstdError(
                    message: "a block of \(length) bytes, in this frame \(largest) are the most")
            }
            isLast = header & 1 == 1
            most += kind == 2 ? largest : length
            rest = rest.dropFirst(kind == 1 ? 4 : 3 + length)
        }
        guard size <= most else {
            throw ZstdError(message: "its blocks cannot hold the declared \(size)")
        }
    }

    /// The window that a frame declares; nil for one of a single segment.
    private static func window(of frame: [UInt8]) -> Int? {
        guard frame.count > 5, frame[4] & 0x20 == 0 else { return nil }
        let base = 1 << (10 + Int(frame[5] >> 3))
        return base + base / 8 * Int(frame[5] & 7)
    }

    private static func headerSize(of frame: [UInt8]) -> Int {
        let descriptor = frame.count > 4 ? Int(frame[4]) : 0
        let isSingle = descriptor & 0x20 != 0
        let dictionaryID = [0, 1, 2, 4][descriptor & 3]
        let contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]
        return 5 + (isSingle ? 0 : 1) + dictionaryID + contentSize
    }
}
