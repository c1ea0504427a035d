/// ioctls to be made inside a process, each with its argument in a buffer, in words of eight bytes.
struct CallBatch {
    private struct Call {
        var descriptor: Int
        var request: UInt64
        /// Where its buffer is in `buffers`.
        var buffer: Range<Int>
        /// Whether word 1 of the buffer is the address of word 2, as in `struct kvm_one_reg`.
        var pointsIntoItself: Bool
    }

    private var calls: [Call] = []
    private var buffers: [UInt64] = []
    /// What each call returned: a value, or a negated error number.
    private var results: [Int64] = []

    var count: Int { calls.count }

    /// The words of the table and all buffers.
    var size: Int { calls.count * Self.entrySize + buffers.count }

    /// Adds a call whose argument is a structure.
    mutating func add(_ request: UInt, on descriptor: Int, _ structure: [UInt64]) {
        add(request, descriptor, structure, pointsIntoItself: false)
    }

    /// Adds a call whose argument is `struct kvm_one_reg`, with the value behind it.
    mutating func add(_ request: UInt, on descriptor: Int, id: UInt64, value: [UInt64]) {
        add(request, descriptor, [id, 0] + value, pointsIntoItself: true)
    }

    /// Adds a call whose argument is `struct kvm_one_reg`, with room for a value behind it.
    mutating func add(_ request: UInt, on descriptor: Int, id: UInt64, room: Int) {
        let start = buffers.count
        buffers.append(id)
        buffers.append(contentsOf: repeatElement(0, count: room + 1))
        add(request, descriptor, from: start, pointsIntoItself: true)
    }

    private mutating func add(
        _ request: UInt, _ descriptor: Int, _ words: [UInt64], pointsIntoItself: Bool
    ) {
        let start = buffers.count
        buffers += words
        add(request, descriptor, from: start, pointsIntoItself: pointsIntoItself)
    }

    private mutating func add(
        _ request: UInt, _ descriptor: Int, from start: Int, pointsIntoItself: Bool
    ) {
        calls.append(
            Call(
                descriptor: descriptor, request: UInt64(request), buffer: start..<buffers.count,
                pointsIntoItself: pointsIntoItself))
        results.append(-Int64(Self.notMade))
    }

    func result(_ index: Int) -> Int64 { results[index] }

    /// The buffer of a call, as the call left it.
    func buffer(_ index: Int) -> ArraySlice<UInt64> { buffers[calls[index].buffer] }

    /// The value behind a `struct kvm_one_reg`.
    func value(_ index: Int) -> ArraySlice<UInt64> { buffer(index).dropFirst(2) }

    // MARK: All at once

    /// The table that the routine of `attach_routine.c` takes, and behind it the buffers, for `address`.
    func image(at address: UInt64) -> [UInt64] {
        let base = address + UInt64(calls.count * Self.entrySize * 8)
        var words: [UInt64] = []
        words.reserveCapacity(size)
        for call in calls {
            words.append(UInt64(UInt32(truncatingIfNeeded: call.descriptor)))
            words.append(call.request)
            words.append(base + UInt64(call.buffer.lowerBound * 8))
            words.append(UInt64(bitPattern: -Int64(Self.notMade)))
        }
        words += buffers
        let behind = calls.count * Self.entrySize
        for call in calls where call.pointsIntoItself {
            let start = call.buffer.lowerBound
            words[behind + start + 1] = base + UInt64((start + 2) * 8)
        }
        return words
    }

    /// Takes results and buffers from such an image after the routine.
    mutating func take(_ image: [UInt64]) {
        for index in calls.indices {
            results[index] = Int64(bitPattern: image[index * Self.entrySize + 3])
        }
        buffers = Array(image[(calls.count * Self.entrySize)...])
    }

    // MARK: One by one

    struct Single {
        var descriptor: Int
        var request: UInt64
        var buffer: [UInt64]
    }

    /// A call with its buffer for `address`.
    func single(_ index: Int, at address: UInt64) -> Single {
        let call = calls[index]
        var words = Array(buffer(index))
        if call.pointsIntoItself { words[1] = address + 16 }
        return Single(descriptor: call.descriptor, request: call.request, buffer: words)
    }

    mutating func take(_ index: Int, result: Int64, _ words: [UInt64]) {
        results[index] = result
        buffers.replaceSubrange(calls[index].buffer, with: words)
    }

    /// The words of an entry of the routine's table.
    static let entrySize = 4
    /// The error number of a call that was not made, ECANCELED.
    private static let notMade = 125
}
