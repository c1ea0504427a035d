/// The beginning and the end of bytes that are too many to keep.
struct KeptEnds {
    static let headLimit = 64 << 10
    static let tailLimit = 32 << 20

    private(set) var size: Int64 = 0
    private(set) var head: [UInt8] = []
    /// The last bytes, in a ring once it is full.
    private var ring: [UInt8] = []
    /// Where the oldest byte of the full ring is.
    private var start = 0
    private let limit: Int

    /// - Parameter limit: of the tail, in bytes.
    init(tailLimit limit: Int = Self.tailLimit) {
        self.limit = limit
    }

    var tail: [UInt8] { Array(ring[start...] + ring[..<start]) }

    mutating func append(_ bytes: [UInt8]) {
        size += Int64(bytes.count)
        head += bytes.prefix(Self.headLimit - head.count)
        let kept = bytes.suffix(limit)
        let fitting = kept.prefix(limit - ring.count)
        ring += fitting
        overwrite(kept.dropFirst(fitting.count))
    }

    private mutating func overwrite(_ bytes: ArraySlice<UInt8>) {
        let beforeTheEnd = bytes.prefix(limit - start)
        ring.replaceSubrange(start..<start + beforeTheEnd.count, with: beforeTheEnd)
        let rest = bytes.dropFirst(beforeTheEnd.count)
        ring.replaceSubrange(0..<rest.count, with: rest)
        start = (start + bytes.count) % limit
    }

    /// The byte that is `distance` before the end; nil when it was not kept.
    func byte(fromEnd distance: Int) -> UInt8? {
        guard distance >= 1, distance <= ring.count else { return nil }
        let index = start - distance
        return ring[index < 0 ? index + ring.count : index]
    }
}

extension KeptEnds {
    /// Whether the last thing is a whole description of the devices, with which a migration stream
    /// ends.
    ///
    /// It is QEMU_VM_EOF (0), QEMU_VM_VMDESCRIPTION (6), a length of four bytes, the highest first, and
    /// so many bytes of a JSON object (QEMU, migration/savevm.c).
    var endsInDescription: Bool {
        guard byte(fromEnd: 1) == UInt8(ascii: "}") else { return false }
        var length = 2
        while let first = byte(fromEnd: length) {
            if first == UInt8(ascii: "{"), isDescription(ofLength: length) { return true }
            length += 1
        }
        return false
    }

    private func isDescription(ofLength length: Int) -> Bool {
        var stated = 0
        for distance in 1...4 {
            guard let byte = byte(fromEnd: length + 5 - distance) else { return false }
            stated = stated << 8 | Int(byte)
        }
        return stated == length && byte(fromEnd: length + 5) == 6
            && byte(fromEnd: length + 6) == 0
    }
}
