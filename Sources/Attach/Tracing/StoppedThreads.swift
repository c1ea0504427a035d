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
    /// The signals that others have stopped for, and get when they go on.
    private var signals: [Int: Int] = [:]
    /// The signal that was sent to a thread to stop it; 0 for none.
    private var announcement = 0
    /// How often a thread was waited for and stopped.
    private(set) var stops = 0
    private var isComplete = false
    private let suspension = clinux_block_suspension()
    /// When the first thread was interrupted, in nanoseconds.
    private var began: Int64 = 0

    init(of process: Int, within milliseconds: Int) {
        self.process = process
        let time = Checked<Int64>(max(0, milliseconds)) * 1_000_000
        let end = time + Checked(clinux_monotonic_nanoseconds())
        deadline = end.value ?? .max
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
                try resume(thread, toSystemCall: false)
            } catch {
                if error != .noProcess { throw self.error(.call("PTRACE_CONT", error)) }
            }
        }
    }

    /// The next stop of a thread; nil when the thread has ended.
    mutating func next(_ id: Int) throws(AttachError) -> clinux_stop? {
        do throws(Errno) {
            guard let stop = try wait(for: id, until: deadline) else { throw .timedOut }
            stops += 1
            running.remove(id)
            signals[id] = signal(of: TracedThread(id: id), at: stop)
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

    /// Waits until a thread stops or is gone; nil when the time is up.
    ///
    /// The kernel tells the end of a process's first thread, and completes execve(2) of another, only once the
    /// other threads that have ended were waited for as well (`delay_group_leader` in `kernel/exit.c`,
    /// `de_thread` in `fs/exec.c`).
    private func wait(for id: Int, until end: Int64) throws(Errno) -> clinux_stop? {
        while true {
            let left = max(1, Int(clamping: (end - clinux_monotonic_nanoseconds()) / 1_000_000))
            let stop = try TracedThread(id: id).wait(milliseconds: min(left, Self.longestWait))
            if stop != nil || clinux_monotonic_nanoseconds() >= end { return stop }
            for other in traced where other != id { TracedThread(id: other).takeEnd() }
        }
    }

    /// In milliseconds.
    private static let longestWait = 10

    /// The signal that a thread has stopped for; nil when that is none, or the one that was sent to stop it.
    private func signal(of thread: TracedThread, at stop: clinux_stop) -> Int? {
        let number = Int(stop.signal)
        guard stop.isForSignal, number != announcement || (try? thread.signal().isOwn) != true
        else { return nil }
        return number
    }

    /// Sends a thread a signal to stop it, once it does not block it any more.
    ///
    /// One of somebody else's that has stopped it waits again when it goes on, and stops it as well: the two
    /// would be one.
    mutating func announce(_ signal: Int, to thread: TracedThread) throws(Errno) {
        announcement = signal
        if signals[thread.id] != signal { try thread.send(signal, process: process) }
    }

    /// Lets a thread go on, for now, with the signal that it has stopped for.
    mutating func resume(_ thread: TracedThread, toSystemCall: Bool) throws(Errno) {
        try thread.resume(signal: signals[thread.id] ?? 0, toSystemCall: toSystemCall)
        signals[thread.id] = nil
        running.insert(thread.id)
    }

    /// Has a thread not get the signal that it has stopped for.
    mutating func dropSignal(of thread: TracedThread) {
        try? thread.forgetSignal()
        signals[thread.id] = nil
    }

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
    /// So that the end of one that was killed is told, it is waited for.
    private func detachAll() {
        for id in running { try? TracedThread(id: id).interrupt() }
        let stopped = traced.filter { !running.contains($0) }
        let killed = stopped.filter { id in
            (try? TracedThread(id: id).detach(signal: signals[id] ?? 0)) == nil
        }
        let end = clinux_monotonic_nanoseconds() + Self.grace
        for id in killed + running.sorted() { detachWhenStopped(id, until: end) }
    }

    private func detachWhenStopped(_ id: Int, until end: Int64) {
        guard let stop = try? wait(for: id, until: end) else { return }
        let thread = TracedThread(id: id)
        try? thread.detach(signal: signal(of: thread, at: stop) ?? 0)
    }

    /// For how many nanoseconds threads that were told to stop are waited for.
    private static let grace: Int64 = 1_000_000_000

    /// The error of this reason; of a process that has ended, or is about to, that is the reason, for all
    /// else follows from it.
    func error(_ reason: AttachError.Reason) -> AttachError {
        let hasEnded = reason != .noSuchProcess && ProcessFiles(process: process).isEnding
        return AttachError(process: process, hasEnded ? .targetExited : reason)
    }
}

extension clinux_stop {
    fileprivate var isForSignal: Bool { kind == Int32(CLINUX_STOP_SIGNAL.rawValue) }
}
