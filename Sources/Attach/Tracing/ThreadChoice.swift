internal import LinuxSystem

/// The threads of a stopped process, to choose one from.
struct ThreadChoice {
    let threads: [(thread: TracedThread, filter: CallFilter)]
    let code: ExistingCode
    let memory: ProcessMemory
    let mappings: [ProcessFiles.Mapping]

    /// The best thread that may make all the calls, and some more if there is such a one.
    func best(
        making calls: [SystemCall], preferably others: [SystemCall]
    ) throws(Errno) -> ChosenThread? {
        if let chosen = try best(making: calls + others) { return chosen }
        return try best(making: calls)
    }

    /// The best thread that may make all the calls; nil when there is none with room on its stack.
    func best(making calls: [SystemCall]) throws(Errno) -> ChosenThread? {
        var best: (ChosenThread, StopContext)?
        for (thread, filter) in threads {
            guard let registers = try thread.registers() else { throw .notExecutable }
            let interrupted = StopContext(thread, registers, memory)
            if let best, best.1 <= interrupted { continue }
            guard allows(calls, to: filter),
                let chosen = try ChosenThread.candidate(
                    thread, registers, filter, mappings, StackCalls.room)
            else { continue }
            best = (chosen, interrupted)
            if interrupted == .runOfVCPU { break }
        }
        return best?.0
    }

    /// Those of some calls that the thread which may make most of them may not make.
    func leastForbidden(of calls: [SystemCall]) -> [SystemCall] {
        threads.map { forbidden(of: calls, by: $0.filter) }.min { $0.count < $1.count } ?? []
    }

    /// Whether a filter allows all the calls.
    func allows(_ calls: [SystemCall], to filter: CallFilter) -> Bool {
        forbidden(of: calls, by: filter).isEmpty
    }

    private func forbidden(of calls: [SystemCall], by filter: CallFilter) -> [SystemCall] {
        filter == .none
            ? [] : calls.filter { !filter.allows($0, returningTo: code.behindSystemCall) }
    }
}
