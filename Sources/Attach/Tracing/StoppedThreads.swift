internal import CLinux
internal import LinuxSystem

/// The threads of a process, traced and stopped.
///
/// At the end of this value's life, at the latest, each is let go as it is.
struct StoppedThreads: ~Copyable {
    let process: Int
    private let deadline: Int64
    private var stopped: [Int] = []
    /// Signals that a thread has yet to get, because they came while it ran injected code.
    private var owed: [Int: Int] = [:]
    /// How often a thread was waited for and stopped.
    private(set) var stops = 0
    private var isComplete = false
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
        for id in stopped { try? TracedThread(id: id).detach(signal: owed[id] ?? 0) }
    }

    var threads: [TracedThread] { stopped.map { TracedThread(id: $0) } }

    /// Stops every thread, those too that are born meanwhile.
    ///
    /// A running thread may have made others until it stopped. So the list of threads is read until
    /// it names no new one and agrees with their number.
    mutating func stopAll() throws(AttachError) {
        let files = ProcessFiles(process: process)
        for _ in 0..<Self.mostRounds {
            let listed = files.threads()
            if listed.isEmpty { throw error(stops == 0 ? .noSuchProcess : .targetExited) }
            var fresh: [Int] = []
            for id in listed where !stopped.contains(id) {
                if try seize(id, files) { fresh.append(id) }
            }
            if fresh.isEmpty, files.status()["Threads"] == Substring("\(listed.count)") {
                if stopped.isEmpty { throw error(.targetExited) }
                isComplete = true
                return
            }
            try stop(fresh)
        }
        throw error(.tooManyNewThreads)
    }

    /// False when the thread has ended.
    private mutating func seize(_ id: Int, _ files: ProcessFiles) throws(AttachError) -> Bool {
        do throws(Errno) {
            try TracedThread(id: id).seize()
            stopped.append(id)
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
            guard stop.kind == Int32(CLINUX_STOP_SIGNAL.rawValue) else { return }
            // This stop has taken the place of the one that was asked for.
            do throws(Errno) {
                try thread.interrupt()
                try thread.resume(signal: Int(stop.signal))
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
        stopped.removeAll { $0 == id }
        return nil
    }

    /// Has a thread get a signal when it is let go.
    mutating func owe(_ signal: Int, to id: Int) { owed[id] = signal }

    /// Lets every thread go.
    /// - Returns: the nanoseconds since the first was interrupted.
    consuming func letGo() -> Int64 {
        for id in stopped { try? TracedThread(id: id).detach(signal: owed[id] ?? 0) }
        stopped = []
        return clinux_monotonic_nanoseconds() - began
    }

    func error(_ reason: AttachError.Reason) -> AttachError {
        AttachError(process: process, reason)
    }

    private static let mostRounds = 1000
}

extension Errno {
    static let timedOut = Errno(rawValue: 110)  // ETIMEDOUT
}
