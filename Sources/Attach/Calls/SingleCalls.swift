internal import LinuxSystem

/// Makes calls each by itself and sees what it returns; each stops the thread twice.
///
/// A call that the thread's filter forbids is not made.
struct SingleCalls {
    /// Where a call's argument goes.
    let buffer: UInt64
    /// The frame that each call returns to.
    let next: UInt64

    func make(
        _ indices: some Collection<Int>, of batch: inout CallBatch, _ injection: Injection,
        _ threads: inout StoppedThreads
    ) throws(AttachError) {
        for index in indices where injection.allows(batch.call(index, at: buffer)) {
            let start = injection.calling(batch.call(index, at: buffer), next: next)
            let argument = batch.argument(index, at: buffer)
            try threads.perform(
                "place a call", try injection.process.write(argument, at: buffer))
            try threads.perform("place a call", try injection.stand(at: start))
            // Its beginning, and its end.
            try threads.run(injection, until: .systemCall)
            try threads.run(injection, until: .systemCall)
            let result = try threads.perform(
                "read a result", try injection.thread.registers()?.words[0] ?? 0)
            let words = try threads.perform(
                "read a result", try injection.process.read(argument.count, at: buffer))
            batch.take(index, result: Int64(bitPattern: result), words[...])
        }
    }
}
