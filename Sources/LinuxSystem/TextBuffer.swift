/// Text that a C function writes into a buffer of the caller's.
enum TextBuffer {
    /// Calls `fill` with a buffer and its size; nil when it returns a negated error number instead
    /// of the text's length.
    static func read(_ fill: (UnsafeMutablePointer<CChar>, Int) -> Int32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer -> String? in
            // SAFETY: `fill` writes at most `count` bytes and returns how many of them are text.
            guard let address = buffer.baseAddress else { return nil }
            let length = fill(address, buffer.count)
            guard length >= 0 else { return nil }
            let text = buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
