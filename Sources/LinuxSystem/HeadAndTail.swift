/// The beginning and the end of bytes that can be read only once, from front to back: a pipe.
///
/// Everything between is read and forgotten, so memory is bounded whatever comes.
package final class HeadAndTail: SeekableBytes {
    /// What messages call the source, such as `standard input`.
    package let name: String
    /// How many bytes have come so far, including those that were forgotten.
    package private(set) var size: Int64 = 0
    private let first: Int
    private let last: Int
    private var head: [UInt8] = []
    /// The last bytes; once it is full, the oldest one is replaced next.
    private var ring: [UInt8] = []
    private var oldest = 0

    /// Nothing yet.
    /// - Parameters:
    ///   - name: for messages.
    ///   - first: how many bytes of the beginning to keep.
    ///   - last: how many bytes of the end to keep.
    package init(of name: String, first: Int = 1 << 16, last: Int = 1 << 26) {
        precondition(first >= 0 && last > 0, "an end has a size")
        self.name = name
        self.first = first
        self.last = last
    }

    /// Reads to the end.
    /// - Parameter next: gives the bytes that come next, and none at the end.
    /// - Throws: what `next` throws.
    package convenience init<Failure: Error>(
        of name: String, first: Int = 1 << 16, last: Int = 1 << 26,
        reading next: () throws(Failure) -> [UInt8]
    ) throws(Failure) {
        self.init(of: name, first: first, last: last)
        while true {
            let bytes = try next()
            if bytes.isEmpty { return }
            append(bytes)
        }
    }

    /// Exactly `count` bytes from `offset` on, which counts from the first byte that came.
    /// - Throws: step `read`; `EINVAL` for a range that is not inside, `ESPIPE` for one with bytes that were not kept.
    package func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        if let error = rangeError(at: offset, count: count) { throw error }
        let fromHead = Int(max(0, min(Int64(count), Int64(head.count) - offset)))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        if fromHead > 0 { bytes += head[Int(offset)..<Int(offset) + fromHead] }
        guard fromHead < count else { return bytes }
        let tailStart = lastBytesStart
        guard offset + Int64(fromHead) >= tailStart else {
            throw FileError(.read, name, .illegalSeek)
        }
        append(to: &bytes, at: Int(offset + Int64(fromHead) - tailStart), count - fromHead)
        return bytes
    }
}

extension HeadAndTail {
    /// Where the last bytes that are kept begin.
    package var lastBytesStart: Int64 { size - Int64(ring.count) }

    /// The bytes that are no longer among the last ones after appending these, in order.
    package func surplus(appending bytes: [UInt8]) -> [UInt8] {
        let count = ring.count + bytes.count - last
        guard count > 0 else { return [] }
        var result: [UInt8] = []
        append(to: &result, at: 0, min(count, ring.count))
        return result + bytes.prefix(count - result.count)
    }

    /// Takes what comes next.
    package func append(_ bytes: [UInt8]) {
        if head.count < first { head += bytes.prefix(first - head.count) }
        size += Int64(bytes.count)
        var rest = bytes.suffix(last)
        if ring.count < last {
            // Growing by and by would need twice the memory for a moment; what is not used yet costs
            // nothing.
            if ring.count >= first { ring.reserveCapacity(last) }
            let room = last - ring.count
            ring += rest.prefix(room)
            rest = rest.dropFirst(room)
        }
        while !rest.isEmpty {
            let count = min(rest.count, last - oldest)
            replaceOldest(with: rest.prefix(count))
            rest = rest.dropFirst(count)
        }
    }

    /// Replaces bytes of a full ring up to its end, at most.
    private func replaceOldest(with bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { source in
            ring.withUnsafeMutableBytes { ring in
                // SAFETY: the rebased buffer ends before the ring does; it checks that `bytes` fit in.
                UnsafeMutableRawBufferPointer(rebasing: ring[oldest..<oldest + source.count])
                    .copyMemory(from: source)
            }
        }
        oldest = (oldest + bytes.count) % last
    }

    /// Appends `count` bytes of the end, `start` counting from its oldest.
    private func append(to bytes: inout [UInt8], at start: Int, _ count: Int) {
        guard count > 0 else { return }
        let place = (oldest + start) % ring.count
        let untilWrap = min(count, ring.count - place)
        bytes += ring[place..<place + untilWrap]
        bytes += ring[..<(count - untilWrap)]
    }
}
