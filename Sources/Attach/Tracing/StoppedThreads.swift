internal import CLinux
internal import LinuxSystem

/// The threads of a process, traced and stopped.
///
/// At the end of this value's life, at the latest, each is let go as it is. Until then this program is not
/// stopped from its terminal (Ctrl-Z), for they would stand still with it.
struct StoppedThreads: ~Copyable {
    let process: Int
    private let deadline: Int64
    /// The traced threads, in the order in which they were found.
    private var traced: [Int] = []
    /// Those of them that were not seen to have stopped.
    private var running: Set<Int> = []
    /// Those of the others that have stopped for a signal, which they get when they go on with it.
    private var atSignals: Set<Int> = []
    /// Signals that a thread has yet to get, because they came while it ran injected code.
    private var owed: [Int: [CaughtSignal]] = [:]
    /// How often a thread was waited for and stopped.
    private(set) var stops = 0
    private var isComplete = false
    private let suspension = clinux_block_suspension()
    /// When the first thread was interrupted, in nanoseconds.
    private var began: Int64 = 0
    private var patience: Int {
        max(1, Int((deadline - clinux_monotonic_nanoseconds()) / 1_000_000))
    }

    init(of process: Int, within milliseconds: Int) {
        self.process = process
        deadline = clinux_monotonic_nanoseconds() + Int64(milliseconds) * 1_000_000
    }

    deinit {
        detachAll()
        clinux_unblock_suspension(suspension)
    }

    var threads: [TracedThread] { traced.map { TracedThread(id: $0) } }

    /// Stops every thread, those too that are born meanwhile.
    ///
    /// A running thread may have made others until it stopped. So the list of threads is read until
    /// it names no new one and agrees with their number.
    mutating func stopAll() throws(AttachError) {
        let files = ProcessFiles(process: process)
        while clinux_monotonic_nanoseconds() < deadline {
            let listed = files.threads()
            if listed.isEmpty { throw error(stops == 0 ? .noSuchProcess : .targetExited) }
            var fresh: [Int] = []
            for id in listed where !traced.contains(id) {
                if try seize(id, files) { fresh.append(id) }
            }
            if fresh.isEmpty, files.status()["Threads"] == Substring("\(listed.count)") {
                if traced.isEmpty { throw error(.targetExited) }
                isComplete = true
                return
            }
            try stop(fresh)
        }
        throw error(.outOfTime)
    }

    /// False when the thread has ended.
    private mutating func seize(_ id: Int, _ files: ProcessFiles) throws(AttachError) -> Bool {
        do throws(Errno) {
            try TracedThread(id: id).seize()
            traced.append(id)
            running.insert(id)
            return true
        } catch {
            let state = files.status(ofThread: id)["State"] ?? "X"
            if state.hasPrefix("Z") || state.hasPrefix("X") { return false }
            throw refusal(error, files)
        }
    }

    private func refusal(_ errno: Errno, _ files: ProcessFiles) -> AttachError {
        // `/proc` may be that of another namespace than this program's.
        if errno == .noProcess { return error(.otherNamespace) }
        guard errno == .notPermitted else { return error(.call("PTRACE_SEIZE", errno)) }
        let tracer = files.status()["TracerPid"].flatMap { Int($0) } ?? 0
        if tracer != 0 { return error(.alreadyTraced(by: tracer)) }
        return error(.notPermitted(yamaScope: Self.yamaScope()))
    }

    private static func yamaScope() -> Int? {
        let bytes = try? File.read("/proc/sys/kernel/yama/ptrace_scope", limit: 64)
        return bytes.flatMap { Int(String(decoding: $0.prefix { $0 != 10 }, as: UTF8.self)) }
    }

    private mutating func stop(_ ids: [Int]) throws(AttachError) {
        if began == 0 { began = clinux_monotonic_nanoseconds() }
        // One that has ended meanwhile is found by waiting for it.
        for id in ids { try? TracedThread(id: id).interrupt() }
        for id in ids { try waitUntilInterrupted(id) }
    }

    /// Signals on their way to the thread are passed on to it.
    private mutating func waitUntilInterrupted(_ id: Int) throws(AttachError) {
        let thread = TracedThread(id: id)
        while true {
            guard let stop = try next(id) else { return }
            guard stop.isForSignal else { return }
            // This stop has taken the place of the one that was asked for.
            do throws(Errno) {
                try thread.interrupt()
                try thread.resume(signal: Int(stop.signal))
                running.insert(id)
            } catch {
                if error != .noProcess { throw self.error(.call("PTRACE_CONT", error)) }
            }
        }
    }

    /// The next stop of a thread; nil when the thread has ended.
    mutating func next(_ id: Int) throws(AttachError) -> clinux_stop? {
        do throws(Errno) {
            guard let stop = try TracedThread(id: id).wait(milliseconds: patience) else {
                throw .timedOut
            }
            stops += 1
            running.remove(id)
            if stop.isForSignal { atSignals.insert(id) } else { atSignals.remove(id) }
            if stop.kind != Int32(CLINUX_STOP_EXITED.rawValue),
                stop.kind != Int32(CLINUX_STOP_KILLED.rawValue)
            {
                return stop
            }
        } catch {
            if error == .timedOut {
                throw self.error(isComplete ? .outOfTime : .threadDoesNotStop(thread: id))
            }
            guard error == .noChild else { throw self.error(.call("waitpid", error)) }
        }
        traced.removeAll { $0 == id }
        running.remove(id)
        return nil
    }

    /// Lets a thread go on, for now.
    mutating func resume(_ thread: TracedThread, toSystemCall: Bool) throws(Errno) {
        if toSystemCall { try thread.resumeToSystemCall() } else { try thread.resume() }
        running.insert(thread.id)
    }

    /// Has a thread get a signal when it is let go.
    mutating func owe(_ signal: CaughtSignal, to id: Int) { owed[id, default: []].append(signal) }

    /// Lets every thread go.
    /// - Returns: the nanoseconds since the first was interrupted.
    consuming func letGo() -> Int64 {
        detachAll()
        traced = []
        return clinux_monotonic_nanoseconds() - began
    }

    /// Lets every thread go.
    ///
    /// One that does not stop cannot be: the kernel does it when this program ends.
    private func detachAll() {
        for id in traced where !running.contains(id) {
            detach(TracedThread(id: id), isAtSignal: atSignals.contains(id), owed[id] ?? [])
        }
        for id in running { try? TracedThread(id: id).interrupt() }
        let end = clinux_monotonic_nanoseconds() + Self.grace
        for id in running {
            let left = max(0, end - clinux_monotonic_nanoseconds()) / 1_000_000
            detachWhenStopped(TracedThread(id: id), within: Int(left))
        }
    }

    /// A signal that the thread has stopped for is passed on.
    private func detachWhenStopped(_ thread: TracedThread, within milliseconds: Int) {
        guard let stop = try? thread.wait(milliseconds: milliseconds) else { return }
        let signal = stop.isForSignal ? try? thread.signal() : nil
        detach(
            thread, isAtSignal: stop.isForSignal,
            (signal.map { [$0] } ?? []) + (owed[thread.id] ?? []))
    }

    /// Lets a stopped thread go, and has it get signals.
    ///
    /// One that has stopped for a signal takes along one, as it was sent. Others are sent once more, and
    /// then come from this program.
    private func detach(_ thread: TracedThread, isAtSignal: Bool, _ signals: [CaughtSignal]) {
        var rest = signals[...]
        let first = isAtSignal ? rest.popFirst() : nil
        for signal in rest { try? thread.send(signal.number, process: process) }
        if let first { try? thread.setSignal(first) }
        try? thread.detach(signal: first?.number ?? 0)
    }

    /// For how many nanoseconds threads that were told to stop are waited for.
    private static let grace: Int64 = 1_000_000_000

    /// The error of this reason; of a process that has ended, or is about to, that is the reason, for all
    /// else follows from it.
    func error(_ reason: AttachError.Reason) -> AttachError {
        let wasThere = reason != .noSuchProcess && reason != .otherNamespace
        let hasEnded = wasThere && ProcessFiles(process: process).isEnding
        return AttachError(process: process, hasEnded ? .targetExited : reason)
    }
}

extension clinux_stop {
    fileprivate var isForSignal: Bool { kind == Int32(CLINUX_STOP_SIGNAL.rawValue) }
}

extension Errno {
    static let timedOut = Errno(rawValue: 110)  // ETIMEDOUT
}
