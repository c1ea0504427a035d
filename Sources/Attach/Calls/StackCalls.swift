internal import CLinux
internal import LinuxSystem

/// Calls made through memory below the stack pointer.
///
/// For processes that may have no executable memory of ours, or make no other system calls than those of a
/// VMM's filter (seccomp): this takes the ioctls themselves and rt_sigreturn(2). A chain of frames makes as
/// many of them as there is room for; where no answer is seen in a call's buffer, it is made again by itself.
struct StackCalls {
    /// What follows when this program dies; its first step is announced.
    private let release: Chain
    private let opening: GateOpening?
    /// What calls and their arguments may take.
    private let area: Range<UInt64>
    private let chains: Bool

    /// The word that gates wait at; nil without gates.
    var gateWord: (address: UInt64, value: UInt32)? { opening?.word }

    /// What it takes below the stack pointer, at least.
    static let room = UInt64(2 * RawVCPUImage.maximumListWords * 8 + 16384)
    /// What it takes at most: pages that the process keeps.
    private static let maximumRoom: UInt64 = 1 << 18

    /// - Parameters:
    ///   - descriptor: of the vCPU whose list is read at the end to open the gates; nil without gates.
    ///   - chains: whether a chain has more than one call.
    init(
        _ injection: Injection, openingGatesWith descriptor: Int?, chains: Bool,
        _ threads: borrowing StoppedThreads
    ) throws(AttachError) {
        let last = injection.lastFrame.words
        if let descriptor {
            let opening = GateOpening(with: descriptor, tail: last, injection)
            try threads.perform("prepare", try opening.write(to: injection.process))
            (self.opening, release) = (opening, opening.first)
        } else {
            opening = nil
            release = Chain(
                [Chain.Step(call: nil, isAnnounced: true)], tail: last,
                endingAt: injection.chosen.top, for: injection)
            try threads.perform(
                "prepare", try injection.process.write(release.words, at: release.base))
        }
        self.chains = chains
        let lowest = injection.chosen.stack.lowerBound + Self.distance
        area = max(lowest, release.base - min(release.base, Self.maximumRoom))..<release.base
    }

    /// Has the thread go to what follows when this program dies, from before any gate is closed.
    func enter(
        _ injection: Injection, _ threads: borrowing StoppedThreads
    ) throws(AttachError) {
        let start = injection.elsewhere(at: injection.code.trampoline, next: release.base)
        try threads.perform("start the calls", try injection.stand(at: start))
    }

    /// Has every gate hold its thread from now on, should this program die.
    func shutGates(
        _ injection: Injection, _ threads: borrowing StoppedThreads
    ) throws(AttachError) {
        guard let opening else { return }
        try threads.perform("close the gates", try opening.set(.shut, in: injection.process))
    }

    /// Has no gate hold its thread any more.
    func openGates(
        _ injection: Injection, _ threads: borrowing StoppedThreads
    ) throws(AttachError) {
        guard let opening else { return }
        try enter(injection, threads)
        try threads.perform("open the gates", try opening.set(.open, in: injection.process))
    }

    /// Makes the calls that the thread's filter allows.
    func make(
        _ batch: inout CallBatch, _ injection: Injection, _ threads: inout StoppedThreads
    ) throws(AttachError) {
        let together = (0..<batch.count).filter { chains && batch.fillsBuffer($0) }
        var alone = (0..<batch.count).filter { !chains || !batch.fillsBuffer($0) }
        var rest = together.filter { injection.allows(batch.call($0, at: 0)) }[...]
        while !rest.isEmpty {
            let group = rest.prefix(countThatFits(rest, batch, injection))
            alone += try makeTogether(group, &batch, injection, &threads)
            rest = rest.dropFirst(group.count)
        }
        alone = batch.takeAbsences(among: alone)
        let one = SingleCalls(buffer: area.lowerBound, next: release.base)
        try one.make(alone, of: &batch, injection, &threads)
    }

    /// Reads everything of some vCPUs: their lists, and then the registers; and makes other calls after that.
    func readAll(
        _ descriptors: [Int], _ batch: inout CallBatch, _ injection: Injection,
        _ threads: inout StoppedThreads
    ) throws(AttachError) -> [RawVCPUImage] {
        var lists = CallBatch()
        for descriptor in descriptors {
            let room = RawVCPUImage.maximumListWords - 1
            lists.add(CLINUX_KVM_GET_REG_LIST, on: descriptor, [UInt64(room)], room: room)
        }
        try make(&lists, injection, &threads)
        var readings = descriptors.indices.map { index in
            let answer = lists.answer(index)
            return RawVCPUImage(
                list: .init(result: answer.result, words: lists.buffer(index)), results: [],
                values: [], mpState: .notMade, events: .notMade)
        }
        try readRegisters(of: descriptors, &readings, injection, &threads)
        try make(&batch, injection, &threads)
        return readings
    }

    private func readRegisters(
        of descriptors: [Int], _ readings: inout [RawVCPUImage], _ injection: Injection,
        _ threads: inout StoppedThreads
    ) throws(AttachError) {
        var batch = CallBatch()
        for (descriptor, reading) in zip(descriptors, readings) {
            for id in reading.ids {
                batch.add(
                    CLINUX_KVM_GET_ONE_REG, on: descriptor, id: id, room: RawVCPUImage.words(of: id)
                )
            }
            batch.add(CLINUX_KVM_GET_MP_STATE, on: descriptor, room: RawVCPUImage.mpStateWords)
            batch.add(CLINUX_KVM_GET_VCPU_EVENTS, on: descriptor, room: RawVCPUImage.eventsWords)
        }
        try make(&batch, injection, &threads)
        var next = 0
        for index in readings.indices {
            for _ in readings[index].ids {
                readings[index].results.append(batch.result(next))
                readings[index].values += batch.answer(next).words
                next += 1
            }
            readings[index].mpState = batch.answer(next)
            readings[index].events = batch.answer(next + 1)
            next += 2
        }
    }

    /// At least one.
    private func countThatFits(
        _ indices: ArraySlice<Int>, _ batch: CallBatch, _ injection: Injection
    ) -> Int {
        var size: UInt64 = 0
        var count = 0
        for index in indices {
            size += UInt64(batch.size(index) * 8) + injection.frameSize
            guard count == 0 || size + 16 <= UInt64(area.count) else { break }
            count += 1
        }
        return count
    }

    /// - Returns: the calls that have filled nothing.
    private func makeTogether(
        _ group: ArraySlice<Int>, _ batch: inout CallBatch, _ injection: Injection,
        _ threads: inout StoppedThreads
    ) throws(AttachError) -> [Int] {
        let (chain, arguments, start) = layOut(group, batch, injection)
        let size = arguments.count
        try threads.perform(
            "place the calls", try injection.process.write(arguments + chain.words, at: start))
        try threads.run(
            injection, from: injection.elsewhere(at: injection.code.trampoline, next: chain.base),
            to: release.state(at: 0))
        let filled = try threads.perform(
            "read the results", try injection.process.read(size, at: start))
        var unanswered: [Int] = []
        var place = 0
        for index in group {
            let words = filled[place..<place + batch.size(index)]
            place += words.count
            if !batch.take(index, words) { unanswered.append(index) }
        }
        return unanswered
    }

    /// The frames, the arguments below them, and where those are.
    private func layOut(
        _ group: ArraySlice<Int>, _ batch: CallBatch, _ injection: Injection
    ) -> (chain: Chain, arguments: [UInt64], start: UInt64) {
        let frames = release.base - UInt64(group.count) * injection.frameSize
        let size = group.reduce(0) { $0 + batch.size($1) }
        let start = frames - UInt64((size + size % 2) * 8)
        var arguments: [UInt64] = []
        var steps: [Chain.Step] = []
        for index in group {
            let address = start + UInt64(arguments.count * 8)
            steps.append(Chain.Step(call: batch.call(index, at: address)))
            arguments += batch.argument(index, at: address)
        }
        if size % 2 != 0 { arguments.append(0) }
        return (Chain(steps, endingAt: release.base, for: injection), arguments, start)
    }

    private static let distance: UInt64 = 4096
}
