import CFuzz

/// Numbers that follow from libFuzzer's seed (SplitMix64).
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<max(1, limit), using: &self) }

    /// True once in so many times.
    mutating func once(in count: Int) -> Bool { below(count) == 0 }

    /// A number near which programs go wrong, or any.
    mutating func number() -> UInt64 {
        switch below(6) {
        case 0: return UInt64(below(17))
        case 1: return 1 << UInt64(below(64))
        case 2: return (1 << UInt64(below(64))) &- 1
        case 3: return .max &- UInt64(below(17))
        case 4: return UInt64(Int64.max) &+ UInt64(below(3)) &- 1
        default: return next()
        }
    }
}

/// libFuzzer's own changes of some bytes.
func mutated(_ bytes: [UInt8], most: Int) -> [UInt8] {
    let most = max(most, 1)
    var room = Array(bytes.prefix(most))
    let size = room.count
    room += [UInt8](repeating: 0, count: most - size)
    let count = room.withUnsafeMutableBufferPointer {
        LLVMFuzzerMutate($0.baseAddress, size, most)
    }
    return Array(room.prefix(count))
}
