internal import LinuxSystem

/// A VM of a running process, whose vCPUs have been read in one stop.
///
/// The process stays stopped until `letGo()`, or until this value and its banks are gone.
public final class AttachedVM {
    /// How the calls are made.
    public enum Method: Hashable, Sendable {
        /// A routine makes all of them, where the process may have executable memory.
        case routine
        /// Many at a time, through memory below the stack pointer: where a filter (seccomp) or a policy
        /// forbids the routine.
        case chains
        /// Each by itself, through memory below the stack pointer: what chains fall back to.
        case singleCalls
    }

    /// What a process is attached to for.
    public struct Purpose: Hashable, Sendable {
        /// Whether its vCPUs are to be written.
        public var writes: Bool
        /// Whether a filter (seccomp) that cannot be read is taken to allow what Firecracker's does.
        public var takesFilterRisk: Bool
        /// Nil for what the process allows.
        public var method: Method?
        /// For how many milliseconds the process may be stopped; it is let go after that.
        public var patience: Int

        public init(
            writes: Bool = false, takesFilterRisk: Bool = false, method: Method? = nil,
            patience: Int = 10_000
        ) {
            self.writes = writes
            self.takesFilterRisk = takesFilterRisk
            self.method = method
            self.patience = patience
        }
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

    /// By ascending index of the vCPU.
    public let banks: [AttachedVCPUBank]
    private let calls: AttachedCalls

    /// Stops the process and reads every register of every vCPU.
    /// - Parameter vcpus: of one VM, or of several.
    public init(
        _ vcpus: [VMM.VCPU], of process: Int, for purpose: Purpose = .init()
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

    /// Reads every register of every vCPU, and lets the process go before looking at them.
    public static func capture(
        _ vcpus: [VMM.VCPU], of process: Int, for purpose: Purpose = .init()
    ) throws(AttachError) -> (banks: [AttachedVCPUBank], cost: Cost) {
        let vm = try AttachedVM(vcpus, of: process, for: purpose)
        guard let cost = try vm.letGo() else { throw AttachError(process: process, .targetExited) }
        return (vm.banks, cost)
    }

    /// Lets the process go; the banks can be read on, but not written.
    ///
    /// Nil when that was done before.
    public func letGo() throws(AttachError) -> Cost? {
        try calls.letGo()
    }
}
