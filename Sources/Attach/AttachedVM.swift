internal import LinuxSystem

/// A VM of a running process, whose vCPUs were read in one stop.
///
/// The process stays stopped until `letGo()`, or until this value and its banks are gone.
public final class AttachedVM {
    /// How the calls are made.
    public enum Method: Hashable, Sendable {
        /// One routine makes all of them, where the process may have executable memory.
        case routine
        /// Many at a time, through memory below the stack pointer: where a seccomp filter or a policy forbids the
        /// routine.
        case chains
        /// One at a time, through memory below the stack pointer: what chains fall back to.
        case singleCalls
    }

    /// What a process is attached to for.
    public struct Purpose: Hashable, Sendable {
        /// Whether its vCPUs are to be written.
        public var writes: Bool
        /// Whether a seccomp filter that cannot be read is assumed to allow what Firecracker's does.
        public var assumesFilterAllows: Bool
        /// The method to use; nil for the best that the process allows.
        public var method: Method?
        /// For how many milliseconds the process may be stopped; after that, it is let go.
        public var maximumPause: Int

        /// By default the vCPUs are only read, by whatever method works, and the process is stopped for 10 seconds at
        /// most.
        public init(
            writes: Bool = false, assumesFilterAllows: Bool = false, method: Method? = nil,
            maximumPause: Int = 10_000
        ) {
            self.writes = writes
            self.assumesFilterAllows = assumesFilterAllows
            self.method = method
            self.maximumPause = maximumPause
        }
    }

    /// What reaching the vCPUs cost the process.
    public struct Cost: Hashable, Sendable {
        /// How many times threads were stopped, the first stop of each included.
        public var stops: Int
        /// How many threads of the process were stopped.
        public var threads: Int
        /// From when the first thread was interrupted to when the last was let go.
        public var nanoseconds: Int64
        /// The method that was used in the end.
        public var method: Method
    }

    /// By ascending index of the vCPU.
    public let banks: [AttachedVCPUBank]
    private let calls: AttachedCalls

    /// Stops the process and reads every register of every vCPU.
    /// - Parameter vcpus: vCPUs of one VM of the process, or of several.
    /// - Throws: when they cannot be reached; the process runs on then.
    public init(
        _ vcpus: [VMMProcess.VCPUDescriptor], of process: Int, for purpose: Purpose = .init()
    ) throws(AttachError) {
        guard !vcpus.isEmpty else { throw AttachError(process: process, .noVCPU) }
        calls = AttachedCalls(
            try AttachedProcess.attach(
                to: process, vcpus: vcpus.map(\.descriptor), for: purpose))
        banks = vcpus.map { [calls] in AttachedVCPUBank($0, calls) }
        do throws(Errno) {
            try AttachedVCPUBank.refresh(banks, calls)
        } catch {
            throw calls.problem ?? AttachError(process: process, .call("read the vCPUs", error))
        }
    }

    /// Reads every register of every vCPU, and lets the process go before anything is made of them.
    /// - Throws: what `init` throws, and where the process ended before it was let go.
    public static func capture(
        _ vcpus: [VMMProcess.VCPUDescriptor], of process: Int, for purpose: Purpose = .init()
    ) throws(AttachError) -> (banks: [AttachedVCPUBank], cost: Cost) {
        let vm = try AttachedVM(vcpus, of: process, for: purpose)
        guard let cost = try vm.letGo() else { throw AttachError(process: process, .targetExited) }
        return (vm.banks, cost)
    }

    /// Lets the process go; what the banks have read can still be read, but nothing can be written.
    /// - Returns: nil when it was let go before.
    /// - Throws: where the process has ended, or cannot be left as it was found.
    public func letGo() throws(AttachError) -> Cost? {
        try calls.letGo()
    }
}
