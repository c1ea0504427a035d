/// A C string that lives as long as this object.
final class CText {
    /// Where it begins.
    let start: UnsafePointer<CChar>
    private let room: UnsafeMutableRawBufferPointer

    init(_ text: String) {
        room = .allocate(byteCount: text.utf8.count + 1, alignment: 1)
        Self.copy(text, to: room)
        start = UnsafePointer(room.bindMemory(to: CChar.self).baseAddress.unsafelyUnwrapped)
    }

    deinit { room.deallocate() }

    /// Writes a text with a zero byte behind it, as much of it as there is room for, in whole characters.
    static func copy(_ text: String, to room: UnsafeMutableRawBufferPointer) {
        guard !room.isEmpty else { return }
        let bytes = Array(text.utf8.prefix(room.count))
        var length = bytes.count
        if length == room.count {
            length -= 1
            while length > 0, bytes[length] & 0xc0 == 0x80 { length -= 1 }
        }
        room.copyBytes(from: bytes.prefix(length))
        room[length] = 0
    }
}

/// The bytes of a value, that live as long as this object.
final class CBytes {
    /// Where they begin.
    let start: UnsafeRawPointer
    private let room: UnsafeMutableRawBufferPointer

    init(_ bytes: [UInt8]) {
        room = .allocate(byteCount: max(1, bytes.count), alignment: 16)
        room.copyBytes(from: bytes)
        start = UnsafeRawPointer(room.baseAddress.unsafelyUnwrapped)
    }

    deinit { room.deallocate() }
}
