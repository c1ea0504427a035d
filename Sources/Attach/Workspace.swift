internal import CLinux
internal import LinuxSystem

/// Memory in the process for the routine of `attach_routine.c` and its table.
///
/// It exists while one thread runs in it, and that thread's chain of frames ends with removing it. The
/// part with the code is never writable, the other never executable.
struct Workspace {
    let area: Range<UInt64>
    let codeSize: UInt64
    /// The frame that removes the area.
    private let removal: UInt64

    /// Where a table goes, and how many words have room.
    var tableAt: UInt64 { area.lowerBound + codeSize }
    var room: Int { Int((Gate.word(in: area) - tableAt) / 8) }

    /// Has the thread make the area; it comes to a stop about to remove it again.
    /// - Returns: nil when the process may not have executable memory; the thread stops all the same.
    static func make(
        in area: Range<UInt64>, _ injection: Injection, _ threads: inout StoppedThreads
    ) throws(AttachError) -> Workspace? {
        let chain = Chain(for: injection, making: area, codeSize: page)
        try threads.perform("prepare") { () throws(Errno) in
            try injection.process.write(chain.words, at: chain.base)
            try injection.thread.setRegisters(
                injection.elsewhere(at: injection.code.trampoline, next: chain.base))
            try injection.thread.setSignalMask(injection.quietMask)
        }
        try threads.run(injection, until: injection.announced)
        let workspace = Workspace(area: area, codeSize: page, removal: chain.removal)
        return workspace.placeCode(injection) ? workspace : nil
    }

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
            try injection.process.write([0], at: tableAt)
            return true
        } catch {
            return false
        }
    }

    /// Makes all calls of a batch; the thread stops once.
    func make(
        _ batch: inout CallBatch, _ injection: Injection, _ threads: inout StoppedThreads
    ) throws(AttachError) {
        let image = batch.image(at: tableAt)
        var registers = injection.elsewhere(at: area.lowerBound, next: removal)
        registers.words[19] = tableAt
        registers.words[20] = tableAt + UInt64(batch.count * CallBatch.entrySize * 8)
        for (index, word) in injection.announcing.enumerated() {
            registers.words[21 + index] = word
        }
        try threads.perform("place the calls") { () throws(Errno) in
            try injection.process.write(image, at: tableAt)
            try injection.thread.setRegisters(registers)
        }
        let end = area.lowerBound + UInt64(CLINUX_ATTACH_ROUTINE_ANNOUNCED * 4)
        try threads.run(injection, until: .announcement(at: end))
        let done = try threads.perform("read the results") { () throws(Errno) in
            try injection.process.read(image.count, at: tableAt)
        }
        batch.take(done)
    }

    private static var page: UInt64 { UInt64(max(4096, clinux_page_size())) }

    /// Addresses that nothing uses, far from what grows: the heap upwards, the stack downwards.
    static func freeArea(
        of size: UInt64, _ mappings: [ProcessFiles.Mapping]
    ) -> Range<UInt64>? {
        let size = (size + 2 * page) / page * page
        for (below, above) in zip(mappings, mappings.dropFirst()).reversed() {
            guard below.name != "[heap]", above.name != "[stack]",
                above.range.lowerBound - below.range.upperBound >= size + 2 * guardSize
            else { continue }
            let end = above.range.lowerBound - guardSize
            return end - size..<end
        }
        return nil
    }

    private static let guardSize: UInt64 = 1 << 20
}

/// The frames that make a workspace, announce it, remove it, open the gates, announce that, and go back.
private struct Chain {
    let base: UInt64
    let removal: UInt64
    let words: [UInt64]

    init(for injection: Injection, making area: Range<UInt64>, codeSize: UInt64) {
        let size = UInt64(area.count)
        let start = area.lowerBound
        let calls: [(number: UInt64, arguments: [UInt64])] = [
            (SystemCall.mmap, [start, size, Self.readExecute, Self.privateHere, ~0, 0]),
            (SystemCall.mprotect, [start + codeSize, size - codeSize, Self.readWrite]),
            (SystemCall.tgkill, injection.announcing),
            (SystemCall.munmap, [start, size]),
            (SystemCall.futex, [Gate.word(in: area), Gate.wake, Gate.everyone]),
            (SystemCall.tgkill, injection.announcing),
        ]
        let last = injection.lastFrame.words
        let frameSize = UInt64(injection.frame(injection.chosen.registers).words.count * 8)
        base = injection.chosen.top - UInt64(last.count * 8) - UInt64(calls.count) * frameSize
        removal = base + 3 * frameSize
        var words: [UInt64] = []
        var next = base
        for call in calls {
            next += frameSize
            let registers = injection.calling(call.number, call.arguments, next: next)
            words += injection.frame(registers).words
        }
        self.words = words + last
    }

    // PROT_* of <asm-generic/mman-common.h>.
    private static let readExecute: UInt64 = 1 | 4
    private static let readWrite: UInt64 = 1 | 2
    /// MAP_PRIVATE, MAP_ANONYMOUS and MAP_FIXED_NOREPLACE.
    private static let privateHere: UInt64 = 0x2 | 0x20 | 0x10_0000
}

extension StoppedThreads {
    /// Names the step in which a call failed.
    func perform<Result>(
        _ step: String, _ body: () throws(Errno) -> Result
    ) throws(AttachError) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            throw self.error(error == .noProcess ? .targetExited : .call(step, error))
        }
    }
}
