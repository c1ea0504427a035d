internal import LinuxSystem

/// ioctls to be made inside a process one by one, each with its argument in a buffer of whole words.
struct CallBatch {
    private struct Call {
        var descriptor: Int
        var request: UInt64
        /// Where its buffer is in `buffers`.
        var buffer: Range<Int>
        /// The words of its buffer that the call fills, if it succeeds.
        var filled: Range<Int>
        /// The word of the buffer that is the address of what follows it; nil for none.
        var pointer: Int?
        /// Of an attribute: it can be absent, which is nothing to look into where others of the group are there.
        var attributeGroup: AttributeGroup?
    }

    private struct AttributeGroup: Hashable {
        var descriptor: Int
        var number: UInt32
    }

    private var calls: [Call] = []
    private var buffers: [UInt64] = []
    /// What each call returned: a value, or a negated error number.
    private var results: [Int64] = []

    var count: Int { calls.count }

    /// Adds a call whose argument is a structure, of which the call fills the words behind the given.
    mutating func add(_ request: UInt, on descriptor: Int, _ given: [UInt64] = [], room: Int = 0) {
        add(request, descriptor, given, room, pointer: nil)
    }

    /// Adds a call whose argument is `struct kvm_one_reg`, with a value or room for one behind it.
    mutating func add(
        _ request: UInt, on descriptor: Int, id: UInt64, value: [UInt64] = [], room: Int = 0
    ) {
        add(request, descriptor, [id, 0] + value, room, pointer: 1)
    }

    /// Adds a call whose argument is `struct kvm_device_attr`, with a value or room for one behind it.
    ///
    /// There are hundreds while a process stands still, so no array is made for each.
    /// - Parameter value: nil for room.
    mutating func add(
        _ request: UInt, on descriptor: Int, group: UInt32, attribute: UInt64, value: UInt64?
    ) {
        let start = buffers.count
        buffers.append(UInt64(group) << 32)
        buffers.append(attribute)
        buffers.append(0)
        buffers.append(value ?? Self.unfilled)
        calls.append(
            Call(
                descriptor: descriptor, request: UInt64(request), buffer: start..<buffers.count,
                filled: (value == nil ? start + 3 : buffers.count)..<buffers.count, pointer: 2,
                attributeGroup: .init(descriptor: descriptor, number: group)))
        results.append(RawVCPUImage.Answer.notMade.result)
    }

    private mutating func add(
        _ request: UInt, _ descriptor: Int, _ given: [UInt64], _ room: Int, pointer: Int?
    ) {
        let start = buffers.count
        buffers += given
        buffers += repeatElement(Self.unfilled, count: room)
        calls.append(
            Call(
                descriptor: descriptor, request: UInt64(request), buffer: start..<buffers.count,
                filled: start + given.count..<buffers.count, pointer: pointer))
        results.append(RawVCPUImage.Answer.notMade.result)
    }

    /// The first calls of it, of which none was made.
    func prefix(_ count: Int) -> CallBatch {
        var batch = CallBatch()
        batch.calls = Array(calls.prefix(count))
        batch.buffers = Array(buffers.prefix(batch.calls.last?.buffer.upperBound ?? 0))
        batch.results = Array(results.prefix(count))
        return batch
    }

    func result(_ index: Int) -> Int64 { results[index] }

    /// What a call has returned and filled.
    func answer(_ index: Int) -> RawVCPUImage.Answer {
        RawVCPUImage.Answer(result: results[index], words: Array(buffers[calls[index].filled]))
    }

    /// The buffer of a call, as the call left it.
    func buffer(_ index: Int) -> [UInt64] { Array(buffers[calls[index].buffer]) }

    /// How many words a call's buffer has.
    func size(_ index: Int) -> Int { calls[index].buffer.count }

    /// Whether the buffer alone can show that the call has succeeded.
    func fillsBuffer(_ index: Int) -> Bool { !calls[index].filled.isEmpty }

    /// A call with its argument at `address`.
    func call(_ index: Int, at address: UInt64) -> SystemCall {
        .ioctl(calls[index].request, on: calls[index].descriptor, address)
    }

    /// The number of the request, and the descriptor that it is made on.
    func request(_ index: Int) -> (number: UInt64, descriptor: Int) {
        (calls[index].request, calls[index].descriptor)
    }

    /// What its argument has to be there.
    func argument(_ index: Int, at address: UInt64) -> [UInt64] {
        var words: [UInt64] = []
        append(argument: index, at: address, to: &words)
        return words
    }

    /// Appends what the argument of a call has to be at an address.
    func append(argument index: Int, at address: UInt64, to words: inout [UInt64]) {
        let start = words.count
        words += buffers[calls[index].buffer]
        if let pointer = calls[index].pointer {
            words[start + pointer] = address + UInt64((pointer + 1) * 8)
        }
    }

    mutating func take(_ index: Int, result: Int64, _ words: ArraySlice<UInt64>) {
        results[index] = result
        buffers.replaceSubrange(calls[index].buffer, with: words)
    }

    /// Takes a buffer whose call's result was not seen: it was 0 if the call has filled it.
    /// - Returns: whether it has.
    mutating func take(_ index: Int, _ words: ArraySlice<UInt64>) -> Bool {
        let call = calls[index]
        let given = call.filled.lowerBound - call.buffer.lowerBound
        guard words.dropFirst(given).contains(where: { $0 != Self.unfilled }) else { return false }
        take(index, result: 0, words)
        return true
    }

    /// Takes attributes to be absent that have filled nothing, while others of their group have.
    /// - Returns: the calls of which that cannot be said.
    mutating func takeAbsences(among unanswered: [Int]) -> [Int] {
        let present = Set(
            calls.indices.filter { results[$0] == 0 }.compactMap { calls[$0].attributeGroup })
        return unanswered.filter { index in
            guard fillsBuffer(index), let group = calls[index].attributeGroup,
                present.contains(group)
            else { return true }
            results[index] = -Int64(Errno.noDeviceOrAddress.rawValue)
            return false
        }
    }

    /// A word that no call has filled, but by a rare chance.
    private static let unfilled: UInt64 = 0x6e6f_7420_6669_6c6c
}
