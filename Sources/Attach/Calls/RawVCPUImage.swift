internal import LinuxSystem
internal import Registers

/// What the calls that read a vCPU left, before it is taken apart.
struct RawVCPUImage {
    /// What a call returned, and the words it has filled.
    struct Answer {
        var result: Int64
        var words: [UInt64]

        /// Nil when the call succeeded.
        var errno: Errno? { Errno(result: result) }

        /// Of a call that was not made, because a filter forbids it or there was no room.
        static let notMade = Answer(result: -Int64(Errno.canceled.rawValue), words: [])
    }

    /// KVM_GET_REG_LIST: the number of ids, then the ids.
    var list: Answer
    /// KVM_GET_ONE_REG of each id: what it returned, and all values one behind the other in whole words.
    var results: [Int64]
    var values: [UInt64]
    var mpState: Answer
    var events: Answer

    var ids: ArraySlice<UInt64> {
        list.errno == nil
            ? list.words.dropFirst().prefix(Int(clamping: list.words.first ?? 0)) : []
    }

    /// The lower 64 bits of a register; nil for one that was not read.
    func word(of id: UInt64) -> UInt64? {
        var place = 0
        for (index, listed) in ids.enumerated() {
            if listed == id {
                let wasRead = index < results.count && results[index] == 0
                return wasRead && place < values.count ? values[place] : nil
            }
            place += Self.words(of: listed)
        }
        return nil
    }

    /// How many words a register's value takes.
    static func words(of id: UInt64) -> Int {
        // KVM_REG_SIZE_MASK: the logarithm of the size in bytes.
        ((1 << Int(id >> 52 & 15)) + 7) / 8
    }

    /// The words that a list of registers may have, with their number.
    static let maximumListWords = 2048
    /// struct kvm_mp_state and struct kvm_vcpu_events.
    static let mpStateWords = 1
    static let eventsWords = 8
}
