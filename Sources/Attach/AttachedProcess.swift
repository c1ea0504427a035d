internal import CLinux
internal import LinuxSystem

/// A running VMM whose threads are all stopped, so that its vCPUs can be read and written.
///
/// KVM takes calls for a vCPU only from the process that made it, so they are made there, by one of its
/// own threads (see `Injection`). The process is let go when this value's life ends, at the latest, and
/// also when this program is killed; it is then as it was, but for what was written to its vCPUs.
public struct AttachedProcess: ~Copyable {
    /// How the calls are made.
    public enum Method: Hashable, Sendable {
        /// A routine makes all of them, where the process may have executable memory.
        case routine
        /// One at a time: where a filter (seccomp) or a policy forbids the routine.
        case singleCalls
    }

    /// What it cost.
    public struct Cost: Hashable, Sendable {
        /// How often a thread was stopped, each thread's first stop included.
        public var stops: Int
        public var threads: Int
        /// From when the first thread was interrupted to when the last was let go.
        public var nanoseconds: Int64
        public var method: Method
    }

    public let process: Int
    public private(set) var method: Method
    private var threads: StoppedThreads
    private let injection: Injection
    private let mappings: [ProcessFiles.Mapping]
    private var workspace: Workspace?
    private var gates: [Gate] = []
    private var single: SingleCalls?

    /// Stops every thread of the process.
    /// - Parameters:
    ///   - method: nil for what the process allows.
    ///   - milliseconds: how long it may be stopped; it is let go after that.
    public static func attach(
        to process: Int, vcpuCount: Int, method: Method? = nil, within milliseconds: Int = 10_000
    ) throws(AttachError) -> AttachedProcess {
        #if arch(arm64)
            var process = try stopped(process, method, milliseconds)
            try process.prepare(vcpuCount)
            return process
        #else
            throw AttachError(process: process, .notARM64)
        #endif
    }

    private init(
        _ threads: consuming StoppedThreads, _ method: Method, _ injection: Injection,
        _ mappings: [ProcessFiles.Mapping]
    ) {
        process = injection.process.process
        self.threads = threads
        self.method = method
        self.injection = injection
        self.mappings = mappings
    }

    private static func stopped(
        _ process: Int, _ method: Method?, _ milliseconds: Int
    ) throws(AttachError) -> AttachedProcess {
        let files = ProcessFiles(process: process)
        let memory = ProcessMemory(process: process)
        faultInOwnCode()
        var threads = StoppedThreads(of: process, within: milliseconds)
        try threads.stopAll()
        let mappings = files.mappings()
        guard let code = ExistingCode(in: memory, mappings),
            let chosen = try choose(threads, memory, mappings)
        else { throw AttachError(process: process, .noUsableThread) }
        let status = files.status(ofThread: chosen.thread.id)
        let isFiltered = status["Seccomp"] == Self.filtered
        return AttachedProcess(
            threads, method ?? (isFiltered ? .singleCalls : .routine),
            Injection(into: chosen, code, memory, status: status), mappings)
    }

    /// Has the kernel map this program's own code and data now, not page by page while others are stopped.
    private static func faultInOwnCode() {
        let own = ProcessFiles(process: Int(clinux_process_id()))
        for mapping in own.mappings() where mapping.range.count <= largestOwn {
            // What cannot be mapped ahead will be when it is used.
            _ = clinux_fault_in(mapping.range.lowerBound, mapping.range.count)
        }
    }

    private static let largestOwn = 1 << 25

    /// SECCOMP_MODE_FILTER.
    static let filtered: Substring = "2"

    private static func choose(
        _ threads: borrowing StoppedThreads, _ memory: ProcessMemory,
        _ mappings: [ProcessFiles.Mapping]
    ) throws(AttachError) -> ChosenThread? {
        do throws(Errno) {
            return try ChosenThread.choose(
                from: threads.threads, memory, mappings, room: SingleCalls.room)
        } catch {
            throw threads.error(error == .notExecutable ? .notAArch64 : .targetExited)
        }
    }

    private mutating func prepare(_ vcpuCount: Int) throws(AttachError) {
        let size = UInt64(max(1, vcpuCount)) * Self.workspacePerVCPU
        if method == .routine, let area = Workspace.freeArea(of: size, mappings) {
            workspace = try Workspace.make(in: area, injection, &threads)
            if workspace != nil {
                let isItsOwn = vcpuCount == 1 && injection.chosen.registers.isOutOfKVMRun
                if !isItsOwn { try closeGates(area) }
                return
            }
            // The chain goes on to its end, and the thread is itself again.
            try threads.run(injection, until: injection.announced)
        }
        method = .singleCalls
        single = try SingleCalls(injection, threads)
    }

    /// Closes a gate for every thread but the one that makes the calls.
    private mutating func closeGates(_ area: Range<UInt64>) throws(AttachError) {
        for thread in threads.threads where thread != injection.thread {
            let gate = try threads.perform("hold a thread") { () throws(Errno) in
                try Gate.close(for: thread, area, injection, mappings)
            }
            gates += gate.map { [$0] } ?? []
        }
    }

    /// Makes calls in the process.
    mutating func make(_ batch: inout CallBatch) throws(AttachError) {
        if let workspace {
            guard batch.size <= workspace.room else {
                throw threads.error(.call("the calls", .argumentListTooLong))
            }
            try workspace.make(&batch, injection, &threads)
        } else {
            try single?.make(&batch, injection, &threads)
        }
    }

    /// Words of the process's memory.
    func read(_ count: Int, at address: UInt64) throws(Errno) -> [UInt64] {
        try injection.process.read(count, at: address)
    }

    /// The addresses of the mapping that `/proc/PID/maps` names so; nil unless that is one.
    func onlyMapping(of name: String) -> Range<UInt64>? {
        let found = mappings.filter { $0.name == name }
        return found.count == 1 ? found[0].range : nil
    }

    /// Removes what was made in the process, makes its thread what it was, and lets it go.
    /// - Throws: `targetExited`; and when the thread is not what it was, which its chain of frames then
    ///   sees to.
    public consuming func letGo() throws(AttachError) -> Cost {
        if workspace != nil { try threads.run(injection, until: injection.announced) }
        let isAsBefore = try threads.perform("put the thread back") { () throws(Errno) in
            for gate in gates { try gate.open() }
            try injection.putBack()
            return try injection.isAsBefore()
        }
        guard isAsBefore else {
            throw threads.error(.call("put the thread back", .io))
        }
        let stops = threads.stops
        let count = threads.threads.count
        let nanoseconds = threads.letGo()
        return Cost(stops: stops, threads: count, nanoseconds: nanoseconds, method: method)
    }

    /// Enough for two thousand registers.
    private static let workspacePerVCPU: UInt64 = 1 << 18
}
