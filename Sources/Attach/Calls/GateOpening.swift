internal import CLinux
internal import LinuxSystem

/// How a thread opens the gates of the others when this program dies, with no calls but those for a vCPU
/// and futex(2).
///
/// KVM_GET_REG_LIST overwrites the word that gates wait at. The call itself waits while another thread is
/// inside `KVM_RUN` with the vCPU. So it must not lie ahead of the thread while one that runs a vCPU has no
/// gate, and no gate may be shut unless it does. Both change at one instant, for they are one word in
/// memory: X0 in the frame that makes the call. Its lower half is the descriptor; the upper half, which
/// ioctl(2) ignores, is what gates wait at; and the list is written over it. While the gates are open, the
/// descriptor is none, and the call does nothing.
struct GateOpening {
    enum State {
        case open
        case shut
    }

    /// The frame that makes the call.
    let first: Chain
    private let others: Chain
    private let descriptor: UInt32
    private let place: UInt64

    /// - Parameter tail: the frames that follow.
    init(with descriptor: Int, tail: [UInt64], _ injection: Injection) {
        let wordInFrame = SignalFrame.firstRegisterOffset
        let listSize = UInt64(RawVCPUImage.maximumListWords * 8)
        let room = (max(wordInFrame + listSize, injection.frameSize) + 15) & ~15
        let wakeSize = injection.frameSize + UInt64(tail.count * 8)
        let base = injection.chosen.top - wakeSize - room
        place = base + wordInFrame
        self.descriptor = UInt32(truncatingIfNeeded: descriptor)
        others = Chain(
            [Chain.Step(call: .wake(Self.word(at: place).address))], tail: tail,
            endingAt: injection.chosen.top, for: injection)
        let call = Self.call(Self.value(.open, self.descriptor), listAt: place)
        first = Chain(
            [Chain.Step(call: call, isAnnounced: true)], endingAt: base + injection.frameSize,
            leadingTo: others.base, for: injection)
    }

    /// Every call that a thread may come to make so.
    static func calls(with descriptor: Int) -> [SystemCall] {
        let descriptor = UInt32(truncatingIfNeeded: descriptor)
        return [
            call(value(.shut, descriptor), listAt: 0), call(value(.open, descriptor), listAt: 0),
        ]
    }

    var word: (address: UInt64, value: UInt32) { Self.word(at: place) }

    /// Writes the frames; the gates are open.
    func write(to process: ProcessMemory) throws(Errno) {
        try process.write(others.words, at: others.base)
        try process.write(first.words, at: first.base)
    }

    /// What the thread does when it has not taken the frame yet.
    func set(_ state: State, in process: ProcessMemory) throws(Errno) {
        try process.write([Self.value(state, descriptor)], at: place)
    }

    private static func value(_ state: State, _ descriptor: UInt32) -> UInt64 {
        state == .shut ? UInt64(unlisted) << 32 | UInt64(descriptor) : UInt64(UInt32.max)
    }

    private static func call(_ value: UInt64, listAt place: UInt64) -> SystemCall {
        .ioctl(UInt64(CLINUX_KVM_GET_REG_LIST), on: Int(bitPattern: UInt(value)), place)
    }

    /// The upper half of a word in memory.
    private static func word(at place: UInt64) -> (address: UInt64, value: UInt32) {
        (place + 4, unlisted)
    }

    /// The upper half of a number of ids that no list has.
    private static let unlisted: UInt32 = 0x6e6f_6c69
}
