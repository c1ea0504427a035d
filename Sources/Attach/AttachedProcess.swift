internal import CLinux
internal import LinuxSystem

/// A running VMM whose threads are all stopped, so that its vCPUs can be read and written.
///
/// KVM takes calls for a vCPU only from the process that made it, so they are made there, by one of its
/// own threads (see `Injection`). The process is let go when this value's life ends, at the latest, and
/// also when this program is killed; it is then as it was, but for what was written to its vCPUs.
struct AttachedProcess: ~Copyable {
    let process: Int
    private(set) var method: AttachedVM.Method
    private var threads: StoppedThreads
    private var injection: Injection
    /// The signals that the process catches, as `/proc` writes them.
    private let caught: Substring
    /// The one that may make the calls for devices, where the one that reads vCPUs may not.
    private(set) var threadForDevices: ChosenThread?
    private let mappings: [ProcessFiles.Mapping]
    private let filters: [CallFilter]
    /// Where a workspace may be made; nil without one.
    private let area: Range<UInt64>?
    private var workspace: Workspace?
    private var gates: [Gate] = []
    private var stack: StackCalls?

    /// Stops every thread of the process.
    /// - Parameters:
    ///   - vcpus: the descriptors that the process has of them.
    ///   - controller: those of the interrupt controller that is read, too.
    static func attach(
        to process: Int, vcpus: [Int], _ controller: VMMProcess.Controller?,
        for purpose: AttachedVM.Purpose
    ) throws(AttachError) -> AttachedProcess {
        #if arch(arm64)
            var process = try stopped(process, vcpus, controller, purpose)
            do throws(AttachError) {
                try process.prepare(vcpus)
            } catch {
                process.leave(after: error)
                throw error
            }
            return process
        #else
            throw AttachError(process: process, .notARM64)
        #endif
    }

    private static func stopped(
        _ process: Int, _ vcpus: [Int], _ controller: VMMProcess.Controller?,
        _ purpose: AttachedVM.Purpose
    ) throws(AttachError) -> AttachedProcess {
        let files = ProcessFiles(process: process)
        let memory = ProcessMemory(process: process)
        faultInOwnCode()
        // Read before the process stands still, because it takes long.
        let caught = files.status()["SigCgt"] ?? ""
        let filtered = files.filteredThreads()
        var threads = StoppedThreads(of: process, within: purpose.maximumPause)
        try threads.stopAll()
        // Descriptors may have been closed, and their numbers used again.
        guard vcpus.allSatisfy(files.isVCPU), controller.map(files.has) ?? true
        else { throw threads.error(.noVCPU) }
        try refuseOtherCode(threads)
        let mappings = files.mappings()
        guard let code = ExistingCode(in: memory, mappings) else {
            throw threads.error(.noUsableThread)
        }
        if purpose.writes { try refuseWritingWhileItRuns(threads) }
        let filters = try filters(of: threads, files, known: filtered, purpose)
        let choice = ThreadChoice(
            threads: Array(zip(threads.threads, filters)), code: code, memory: memory,
            mappings: mappings)
        let (chosen, method, area) = try choose(choice, threads, vcpus, purpose)
        let other =
            controller == nil
            ? nil
            : try threads.perform(
                "look at a thread", try forDevices(choice, besides: chosen, vcpus[0], purpose))
        return AttachedProcess(
            process: process, method: method, threads: threads,
            injection: Injection(into: chosen, code, memory, caught: caught), caught: caught,
            threadForDevices: other, mappings: mappings, filters: filters, area: area)
    }

    /// A guest that runs would go on with registers that do not go with its memory.
    private static func refuseWritingWhileItRuns(
        _ threads: borrowing StoppedThreads
    ) throws(AttachError) {
        for thread in threads.threads
        where try registers(of: thread, threads)?.isOutOfKVMRun == true {
            throw threads.error(.isRunning)
        }
    }

    /// All threads of a process run code of one kind.
    private static func refuseOtherCode(
        _ threads: borrowing StoppedThreads
    ) throws(AttachError) {
        guard let first = threads.threads.first, try registers(of: first, threads) == nil else {
            return
        }
        throw threads.error(.notAArch64)
    }

    private static func registers(
        of thread: TracedThread, _ threads: borrowing StoppedThreads
    ) throws(AttachError) -> ThreadRegisters? {
        try threads.perform("look at a thread", try thread.registers())
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

    // MARK: Filters

    private static func filters(
        of threads: borrowing StoppedThreads, _ files: ProcessFiles, known: [Int: Bool],
        _ purpose: AttachedVM.Purpose
    ) throws(AttachError) -> [CallFilter] {
        var filters: [CallFilter] = []
        for thread in threads.threads {
            let filter = try threads.perform(
                "PTRACE_SECCOMP_GET_FILTER",
                try CallFilter(of: thread) { known[thread.id] ?? files.isFiltered(thread.id) })
            guard filter != .unreadable || purpose.assumesFilterAllows else {
                throw threads.error(.filterUnreadable)
            }
            filters.append(filter)
        }
        return filters
    }

    private static func choose(
        _ choice: ThreadChoice, _ threads: borrowing StoppedThreads, _ vcpus: [Int],
        _ purpose: AttachedVM.Purpose
    ) throws(AttachError) -> (ChosenThread, AttachedVM.Method, area: Range<UInt64>?) {
        let needed = needed(vcpus, purpose)
        let throughStack = needed + GateOpening.calls(with: vcpus[0])
        do throws(Errno) {
            let attributes = attributesOf(vcpus[0], purpose)
            if purpose.method == nil || purpose.method == .routine,
                let area = Workspace.freeArea(forVCPUs: vcpus.count, choice.mappings),
                let chosen = try choice.best(
                    making: needed + statesOf(vcpus[0]) + Workspace.calls(making: area),
                    preferably: attributes)
            {
                return (chosen, .routine, area)
            }
            if let chosen = try choice.best(making: throughStack, preferably: attributes) {
                return (chosen, purpose.method == .singleCalls ? .singleCalls : .chains, nil)
            }
        } catch {
            throw threads.error(error == .notExecutable ? .notAArch64 : .targetExited)
        }
        var forbidden: [String] = []
        for call in choice.leastForbidden(of: throughStack) where !forbidden.contains("\(call)") {
            forbidden.append("\(call)")
        }
        throw threads.error(forbidden.isEmpty ? .noUsableThread : .callsForbidden(forbidden))
    }

    /// Nil where the chosen thread may make the calls itself, and where no other may.
    ///
    /// What is written goes through one thread.
    private static func forDevices(
        _ choice: ThreadChoice, besides chosen: ChosenThread, _ vcpu: Int,
        _ purpose: AttachedVM.Purpose
    ) throws(Errno) -> ChosenThread? {
        let calls = attributesOf(vcpu, purpose)
        guard !purpose.writes, !choice.allows(calls, to: chosen.filter) else { return nil }
        return try choice.best(making: calls + [.signalReturn])
    }

    /// The calls without which there is nothing to be done.
    private static func needed(_ vcpus: [Int], _ purpose: AttachedVM.Purpose) -> [SystemCall] {
        let requests =
            [CLINUX_KVM_GET_REG_LIST, CLINUX_KVM_GET_ONE_REG]
            + (purpose.writes ? [CLINUX_KVM_SET_ONE_REG] : [])
        return requests.map { .ioctl(UInt64($0), on: vcpus[0], 0) } + [.signalReturn, .wake(0)]
    }

    /// The calls for what devices have; of threads of a microVM the one may make these, the others those of a vCPU.
    private static func attributesOf(
        _ vcpu: Int, _ purpose: AttachedVM.Purpose
    ) -> [SystemCall] {
        let requests =
            [CLINUX_KVM_GET_DEVICE_ATTR] + (purpose.writes ? [CLINUX_KVM_SET_DEVICE_ATTR] : [])
        return requests.map { .ioctl(UInt64($0), on: vcpu, 0) }
    }

    /// The calls that the routine makes and that could be left out.
    private static func statesOf(_ vcpu: Int) -> [SystemCall] {
        [CLINUX_KVM_GET_MP_STATE, CLINUX_KVM_GET_VCPU_EVENTS].map {
            .ioctl(UInt64($0), on: vcpu, 0)
        }
    }

    // MARK: Calls

    private mutating func prepare(_ vcpus: [Int]) throws(AttachError) {
        if let area {
            workspace = try Workspace.make(in: area, injection, &threads)
            if let workspace {
                if !isAlone { try closeGates(workspace.gateWord) }
                return
            }
            method = .chains
        }
        let stack = try StackCalls(
            injection, openingGatesWith: isAlone ? nil : vcpus[0],
            chains: method == .chains, threads)
        self.stack = stack
        if let word = stack.gateWord {
            try stack.enter(injection, threads)
            try closeGates(word)
            try stack.shutGates(injection, threads)
        }
    }

    /// Whether the thread that makes the calls is the only one that runs a vCPU: nothing else could keep
    /// it waiting then.
    private var isAlone: Bool {
        injection.chosen.registers.isOutOfKVMRun
            && mappings.count(where: { $0.name.hasPrefix(VMMProcess.vcpuTarget) }) == 1
    }

    /// Closes a gate for every thread but the one that makes the calls.
    private mutating func closeGates(
        _ word: (address: UInt64, value: UInt32)
    ) throws(AttachError) {
        for (thread, filter) in zip(threads.threads, filters) where thread != injection.thread {
            let gate = try threads.perform(
                "hold a thread",
                try Gate.close(for: thread, filter: filter, until: word, injection, mappings))
            gates += gate.map { [$0] } ?? []
        }
    }

    /// Makes what calls come later in another thread, after the first is what it was.
    ///
    /// It needs no gates: should this program die, its calls for an interrupt controller do not wait for a thread that is in
    /// `KVM_RUN`, but fail.
    mutating func changeToThreadForDevices() throws(AttachError) {
        guard let next = threadForDevices.take() else { return }
        try putBack()
        try checkThread()
        workspace = nil
        gates = []
        injection = Injection(into: next, injection.code, injection.process, caught: caught)
        stack = try StackCalls(
            injection, openingGatesWith: nil, chains: method != .singleCalls, threads)
    }

    /// Reads everything of vCPUs, and makes other calls after that, as far as filters allow them.
    mutating func readAll(
        _ vcpus: [Int], _ batch: inout CallBatch
    ) throws(AttachError) -> [RawVCPUImage] {
        if let workspace {
            return try workspace.readAll(vcpus, &batch, injection, &threads)
        }
        return try stack?.readAll(vcpus, &batch, injection, &threads) ?? []
    }

    /// Makes calls, in their order, as far as filters allow them.
    mutating func make(_ batch: inout CallBatch) throws(AttachError) {
        if workspace != nil {
            _ = try readAll([], &batch)
        } else {
            try stack?.make(&batch, injection, &threads)
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

    /// Does what the chain of frames does otherwise, if it was the chain that failed.
    mutating func leave(after error: AttachError) {
        if case .injectionFailed = error.reason { try? putBack() }
    }

    /// Removes what was made in the process, and makes its threads what they were.
    private mutating func putBack() throws(AttachError) {
        var failure: AttachError?
        do throws(AttachError) {
            try workspace?.remove(injection, &threads)
        } catch {
            guard case .injectionFailed = error.reason else { throw error }
            failure = error
        }
        try stack?.openGates(injection, threads)
        for gate in gates { try threads.perform("put the threads back", try gate.open()) }
        try threads.perform("put the threads back", try injection.putBack())
        if let failure { throw failure }
    }

    private func checkThread() throws(AttachError) {
        guard try threads.perform("look at the thread", try injection.isAsBefore()) else {
            throw threads.error(.call("put the thread back", .io))
        }
    }

    /// Removes what was made in the process, makes its thread what it was, and lets it go.
    /// - Throws: `targetExited`; and when the thread is not what it was, which its chain of frames then
    ///   sees to.
    consuming func letGo() throws(AttachError) -> AttachedVM.Cost {
        try putBack()
        try checkThread()
        let stops = threads.stops
        let count = threads.threads.count
        let nanoseconds = threads.letGo()
        return AttachedVM.Cost(
            stops: stops, threads: count, nanoseconds: nanoseconds, method: method)
    }
}
