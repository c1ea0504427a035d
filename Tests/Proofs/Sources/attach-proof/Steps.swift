import AttachSeam
import Glibc
import SeededRandom
import VCPUSnap

/// Attaches that end, or meanwhile have signals sent to the process, at a chosen step; afterward each signal has come
/// and the process is what it was.
struct Steps {
    private let process: Int
    private let method: AttachedVM.Method?
    /// Its last vCPU first: the thread that makes the calls runs the first one, so what it does at the end concerns one that
    /// another thread runs.
    private let vm: VMMProcess.VM
    /// One that runs a vCPU.
    private let thread: Int
    private let arrived: UnsafePointer<UInt64>
    private let before: [String]
    /// - Parameter counts: the file in which the process counts the signals that come to it.
    init?(_ process: Int, counts: String, _ method: AttachedVM.Method?) throws {
        self.process = process
        self.method = method
        guard var vm = try VMMProcess(process: process).vms.first,
            let arrived = attach_seam_map(counts),
            let thread = try Self.threads(process).dropFirst(2).first
        else { return nil }
        vm.vcpus.reverse()
        self.vm = vm
        self.arrived = arrived
        self.thread = thread
        before = try Self.state(process)
    }

    /// The signals are sent, and the tracer ends, at every step, one after the other.
    func each() throws -> Bool {
        var step = 0
        while true {
            let steps = try attach([seam(sendAt: step)])
            guard try settle("signals at step \(step)") else { return false }
            if steps <= step { return true }
            for ending in Self.endings {
                // Elsewhere the two are one.
                let isWait = attach_seam_was_wait()
                if ending == ATTACH_SEAM_STOP_IS_UNSEEN, !isWait { continue }
                try attach([seam(sendAt: step, endAt: step, ending)])
                guard try settle("signals and \(ending) at step \(step)") else { return false }
            }
            step += 1
        }
    }

    /// Both at random, several times before it is looked at what came of it.
    func random(_ times: Int, seed: UInt64) throws -> Bool {
        var random = SeededGenerator(seed: seed)
        let steps = try attach([seam()])
        while attach_seam_begun() < times {
            for _ in 0...Int.random(in: 0...1, using: &random) {
                let seams = (0...Int.random(in: 0...2, using: &random)).map { _ in
                    seam(
                        sendAt: .random(in: 0..<2 * steps, using: &random),
                        endAt: .random(in: 0..<2 * steps, using: &random),
                        Self.endings.randomElement(using: &random), pauses: random.next())
                }
                try attach(seams)
            }
            guard try settle("seed \(seed), until attach \(attach_seam_begun())") else {
                return false
            }
        }
        return true
    }

    private static let endings = [
        ATTACH_SEAM_TIME_IS_UP, ATTACH_SEAM_STOP_IS_UNSEEN, ATTACH_SEAM_KILLED,
    ]

    private func seam(
        sendAt: Int = -1, endAt: Int = -1, _ ending: attach_seam_ending? = nil, pauses: UInt64 = 0
    ) -> attach_seam {
        attach_seam(
            process: Int32(process), thread: Int32(thread), send_at: Int32(sendAt),
            end_at: Int32(endAt), ending: ending ?? ATTACH_SEAM_TIME_IS_UP, seed: pauses)
    }

    // MARK: Attaching

    /// Attaches several times, one after the other, in a child of this program.
    /// - Returns: how many steps there were in the last.
    @discardableResult
    private func attach(_ seams: [attach_seam]) throws -> Int {
        let child = attach_seam_fork()
        if child == 0 { _exit(capture(seams)) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {}
        guard status == 0 || status & 0x7f == SIGKILL || status >> 8 == Self.notEnoughTime else {
            print("status \(status)")
            throw AttachError(process: process, .call("attach-proof", Errno(rawValue: 5)))
        }
        return Int(attach_seam_steps())
    }

    private func capture(_ seams: [attach_seam]) -> Int32 {
        var status: Int32 = 0
        for var seam in seams {
            attach_seam_begin(&seam, arrived)
            var isComplete = true
            do throws(AttachError) {
                _ = try AttachedVM.capture(
                    vm, of: process, for: .init(method: method, maximumPause: Self.maximumPause))
            } catch {
                switch error.reason {
                // A thread that did not stop in time is traced until this program ends.
                case .outOfTime, .threadDoesNotStop, .alreadyTraced(by: Int(getpid())):
                    isComplete = false
                    status = Self.notEnoughTime
                default:
                    print("attach-proof: \(error)")
                    fflush(nil)
                    return 1
                }
            }
            attach_seam_end(isComplete)
        }
        return status
    }

    private static let notEnoughTime: Int32 = 6
    /// In milliseconds.
    private static let maximumPause = 600_000

    // MARK: Afterward

    /// Waits until every signal has come and the process is what it was; false when that takes more than a minute.
    private func settle(_ text: String) throws -> Bool {
        let end = time(nil) + 60
        while time(nil) < end {
            if hasAll, try Self.state(process) == before { return true }
            usleep(1000)
        }
        print("FAILED: \(text)")
        try report()
        return false
    }

    private var hasAll: Bool {
        let sent = attach_seam_sent()
        return (0..<Int(ATTACH_SEAM_SIGNALS)).allSatisfy { sent[$0] == arrived[$0] }
    }

    private func report() throws {
        let sent = attach_seam_sent()
        for number in 0..<Int(ATTACH_SEAM_SIGNALS) where sent[number] != arrived[number] {
            print("signal \(number): \(sent[number]) were sent, \(arrived[number]) have come")
        }
        let after = try Self.state(process)
        for line in before where !after.contains(line) { print("- \(line)") }
        for line in after where !before.contains(line) { print("+ \(line)") }
        for thread in try Self.threads(process) {
            let call = try File.read("/proc/\(process)/task/\(thread)/syscall", limit: 4096)
            print("\(thread): \(String(decoding: call, as: UTF8.self))", terminator: "")
        }
    }

    static func threads(_ process: Int) throws -> [Int] {
        try Folder.names(in: "/proc/\(process)/task").compactMap { Int($0) }.sorted()
    }

    /// What must not change: who traces each thread, its signals, and the memory map.
    private static func state(_ process: Int) throws -> [String] {
        let threads = try threads(process).flatMap { thread in
            try lines("/proc/\(process)/task/\(thread)/status")
                .filter { line in watched.contains { line.hasPrefix($0) } }
                .map { "\(thread): \($0)" }
        }
        return try threads + lines("/proc/\(process)/maps")
    }

    private static let watched = [
        "TracerPid:", "SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:",
    ]

    static func lines(_ path: String) throws -> [String] {
        try File.read(path, limit: 1 << 24).split(separator: 10)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
