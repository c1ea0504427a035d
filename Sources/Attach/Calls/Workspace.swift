internal import CLinux
internal import LinuxSystem

/// Memory in the process for the routine of `attach_routine.c` and its table.
///
/// It exists while one thread runs in it, and that thread's chain of frames ends with removing it. The
/// part with the code is never writable, the other never executable.
struct Workspace {
    let area: Range<UInt64>
    private let codeSize: UInt64
    private let chain: Chain

    /// The word that gates wait at: it is 0 for as long as it is there.
    var gateWord: (address: UInt64, value: UInt32) { (Self.gateWord(in: area), 0) }

    /// The frames that make an area, remove it, and open the gates.
    private enum Step: Int {
        case make
        case makeWritable
        case remove
        case openGates
        case end
    }

    /// Has the thread make the area; it comes to a stop about to remove it again.
    /// - Returns: nil when the process may not have executable memory; there is no area then.
    static func make(
        in area: Range<UInt64>, _ injection: Injection, _ threads: inout StoppedThreads
    ) throws(AttachError) -> Workspace? {
        let workspace = Workspace(in: area, injection)
        try threads.perform(
            "prepare",
            try injection.process.write(workspace.chain.words, at: workspace.chain.base))
        try threads.run(
            injection,
            from: injection.elsewhere(at: injection.code.trampoline, next: workspace.chain.base),
            to: workspace.state(at: .remove))
        if workspace.placeCode(injection) { return workspace }
        try workspace.remove(injection, &threads)
        return nil
    }

    private init(in area: Range<UInt64>, _ injection: Injection) {
        self.area = area
        codeSize = Self.page
        let calls = Self.calls(making: area, codeSize: codeSize)
        var steps = calls.map { Chain.Step(call: $0) } + [Chain.Step(call: nil, isAnnounced: true)]
        steps[Step.remove.rawValue].isAnnounced = true
        chain = Chain(
            steps, tail: injection.lastFrame.words, endingAt: injection.chosen.top, for: injection)
    }

    /// Every call that it takes to have a workspace, but the ioctls.
    static func calls(making area: Range<UInt64>, codeSize: UInt64 = page) -> [SystemCall] {
        [
            .mapCode(area), .makeWritable(area.lowerBound + codeSize..<area.upperBound),
            .unmap(area), .wake(gateWord(in: area)),
        ]
    }

    private static func gateWord(in area: Range<UInt64>) -> UInt64 { area.upperBound - 8 }

    private func state(at step: Step) -> ThreadRegisters { chain.state(at: step.rawValue) }

    /// Whether the area is there and has the code now.
    private func placeCode(_ injection: Injection) -> Bool {
        var count = 0
        let code = UnsafeBufferPointer(start: clinux_attach_routine(&count), count: count)
        do throws(Errno) {
            for index in stride(from: 0, to: count, by: 2) {
                let high = index + 1 < count ? UInt64(code[index + 1]) : 0
                try injection.thread.poke(
                    high << 32 | UInt64(code[index]), at: area.lowerBound + UInt64(index * 4))
            }
            return true
        } catch {
            return false
        }
    }

    /// Reads everything of some vCPUs, and makes other calls after that, as far as the thread's filter allows them; the
    /// thread stops once, unless there are more calls than there is room for.
    func readAll(
        _ descriptors: [Int], _ batch: inout CallBatch, _ injection: Injection,
        _ threads: inout StoppedThreads
    ) throws(AttachError) -> [RawVCPUImage] {
        let room = area.count / 2 / RoutineTable.sizePerCall
        var rest = injection.allowed(of: batch)
        let images = try run(descriptors, rest.prefix(room), of: &batch, injection, &threads)
        rest = Array(rest.dropFirst(room))
        while !rest.isEmpty {
            _ = try run([], rest.prefix(room), of: &batch, injection, &threads)
            rest = Array(rest.dropFirst(room))
        }
        return images
    }

    private func run(
        _ descriptors: [Int], _ calls: ArraySlice<Int>, of batch: inout CallBatch,
        _ injection: Injection, _ threads: inout StoppedThreads
    ) throws(AttachError) -> [RawVCPUImage] {
        let table = RoutineTable(
            of: descriptors, and: Array(calls), of: batch,
            in: area.lowerBound + codeSize..<gateWord.address)
        var start = injection.elsewhere(
            at: area.lowerBound, next: chain.address(of: Step.remove.rawValue, injection))
        start.words[19] = table.entries.lowerBound
        start.words[20] = table.entries.upperBound
        try threads.perform("place the calls", try table.write(batch, to: injection.process))
        try threads.run(injection, from: start, to: state(at: .remove))
        return try threads.perform(
            "read the results", try table.readings(in: injection.process, &batch))
    }

    /// Has the thread remove the area, and come to a stop about to be itself.
    func remove(
        _ injection: Injection, _ threads: inout StoppedThreads
    ) throws(AttachError) {
        try threads.run(injection, from: state(at: .remove), to: state(at: .end))
    }

    private static var page: UInt64 { UInt64(max(4096, clinux_page_size())) }

    /// Addresses that nothing uses, somewhere in the middle half of the largest gap.
    ///
    /// That is far from what grows, and from where the kernel puts new mappings. Calls that another attach
    /// has left behind may yet make and remove an area of theirs, so it is not the same each time.
    static func freeArea(
        forVCPUs count: Int, _ mappings: [ProcessFiles.Mapping]
    ) -> Range<UInt64>? {
        let size = (UInt64(count) * RoutineTable.sizePerVCPU + 2 * page) / page * page
        let gaps = zip(mappings, mappings.dropFirst()).map { below, above in
            let (start, end) = (below.range.upperBound, above.range.lowerBound)
            return (start: start, size: max(start, end) - start)
        }
        guard let gap = gaps.max(by: { $0.size < $1.size }), gap.size >= 4 * size else {
            return nil
        }
        let start = (gap.start + gap.size / 4 + .random(in: 0...gap.size / 2)) / page * page
        return start..<start + size
    }
}
