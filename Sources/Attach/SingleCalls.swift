internal import LinuxSystem

/// Calls made one at a time, through memory below the stack pointer.
///
/// For processes that may make no other system calls than those of a VMM's filter (seccomp): this takes
/// the ioctls themselves and rt_sigreturn. Each call stops the thread twice.
struct SingleCalls {
    /// The frame that each call returns to, and where its argument goes.
    private let frame: UInt64
    private let buffer: UInt64
    private var isFirst = true

    /// The most words a call's argument may have.
    static let mostWords = 2048
    /// What it takes below the stack pointer.
    static let room = UInt64(mostWords * 8 + 8192)

    init(_ injection: Injection, _ threads: borrowing StoppedThreads) throws(AttachError) {
        let last = injection.lastFrame.words
        let frame = injection.chosen.top - UInt64(last.count * 8)
        self.frame = frame
        buffer = frame - UInt64(Self.mostWords * 8)
        try threads.perform("prepare") { () throws(Errno) in
            try injection.process.write(last, at: frame)
        }
    }

    mutating func make(
        _ batch: inout CallBatch, _ injection: Injection, _ threads: inout StoppedThreads
    ) throws(AttachError) {
        for index in 0..<batch.count {
            let call = batch.single(index, at: buffer)
            let registers = injection.calling(
                SystemCall.ioctl,
                [UInt64(call.descriptor), call.request, buffer], next: frame)
            try threads.perform("place a call") { () throws(Errno) in
                try injection.process.write(call.buffer, at: buffer)
                try injection.thread.setRegisters(registers)
                if isFirst { try injection.thread.setSignalMask(injection.quietMask) }
            }
            isFirst = false
            // Its beginning, and its end.
            try threads.run(injection, until: .systemCall)
            try threads.run(injection, until: .systemCall)
            let (result, words) = try threads.perform("read a result") { () throws(Errno) in
                let result = try injection.thread.registers()?.words[0] ?? 0
                return (result, try injection.process.read(call.buffer.count, at: buffer))
            }
            batch.take(index, result: Int64(bitPattern: result), words)
        }
    }
}
