public import LinuxSystem

/// Why the vCPUs of a running process were not reached.
///
/// Whatever the reason, the process has been let go and runs on as it was.
public struct AttachError: Error, Hashable, Sendable {
    /// Why the vCPUs were not reached, or why attaching ended.
    public enum Reason: Hashable, Sendable {
        /// There is no process of this id, or it is in another pid namespace.
        case noSuchProcess
        /// `/proc` shows it, but it has no id in this program's pid namespace.
        case otherNamespace
        /// The process of this id traces it: a debugger, `strace`, or another run of this program.
        case alreadyTraced(by: Int)
        /// The kernel does not allow this user to trace it; `kernel.yama.ptrace_scope`, or nil where that is not known.
        case notPermitted(yamaScope: Int?)
        /// Its vCPUs were to be written, and a thread was inside `KVM_RUN`.
        case isRunning
        /// It ended, or was killed, in the meantime.
        case targetExited
        /// A thread did not stop in time: it waits for something inside the kernel.
        case threadDoesNotStop(thread: Int)
        /// Stopping it and making the calls would take longer than it may stand still.
        case outOfTime
        /// It runs AArch32 code.
        case notAArch64
        /// This program was built for a machine that has no Arm vCPUs.
        case notARM64
        /// No thread has room below its stack pointer, or the process does not have the code that this needs.
        case noUsableThread
        /// A seccomp filter watches a thread, and this program may not read what the filter allows.
        case filterUnreadable
        /// The seccomp filters of all threads forbid these calls, by name.
        case callsForbidden([String])
        /// The calls made in the process ended with this signal.
        case injectionFailed(signal: Int)
        /// It has no VM with vCPUs, or not the vCPU that was asked for.
        case noVCPU
        /// A system call failed: its name or what it was for, and the errno.
        case call(String, Errno)
    }

    /// The id of the process.
    public var process: Int
    /// What was in the way.
    public var reason: Reason

    /// A failure to reach the vCPUs of this process.
    public init(process: Int, _ reason: Reason) {
        self.process = process
        self.reason = reason
    }
}

extension AttachError: CustomStringConvertible {
    /// What is wrong, and what to do about it.
    public var description: String {
        "process \(process): " + text
    }

    private var text: String {
        switch reason {
        case .noSuchProcess:
            "there is no such process: check the id, and that it is one of this pid namespace"
        case .otherNamespace:
            "it is not in this pid namespace, though /proc shows it: run outside the namespace"
        case .alreadyTraced(let tracer):
            "process \(tracer) (a debugger or strace) is tracing it already: stop that first"
        case .notPermitted(let scope): "no permission to trace it: " + Self.advice(scope)
        case .isRunning:
            "its vCPUs are running, and can be written only while they are not: stop the VM first"
        case .targetExited: "it ended in the meantime"
        case .threadDoesNotStop(let thread):
            "thread \(thread) does not stop: it waits inside the kernel; try again later"
        case .outOfTime: "it would have to stand still longer than allowed: allow more time"
        case .notAArch64: "it is not a 64-bit Arm program"
        case .notARM64: "this program was built for another machine: run the arm64 build"
        case .noUsableThread: "no thread has room on its stack for a call, or can make one"
        case .filterUnreadable:
            "a seccomp filter could kill it for a call, and reading the filter needs "
                + "CAP_SYS_ADMIN, no filter on this process, and a kernel with CONFIG_CHECKPOINT_RESTORE; "
                + "save --despite-filter assumes that it allows what Firecracker's does"
        case .callsForbidden(let names):
            "its seccomp filters forbid calls that this needs: \(names.joined(separator: ", ")); nothing was "
                + "done to it"
        case .injectionFailed(let signal):
            "the calls made in it ended with signal \(signal); what they had changed was put back"
        case .noVCPU:
            "it has no KVM VM with vCPUs that can be reached: vcpusnap list names the processes that "
                + "have one"
        case .call(let name, let errno): "\(name): \(errno)"
        }
    }

    private static func advice(_ scope: Int?) -> String {
        switch scope {
        case 1: "run as root or with CAP_SYS_PTRACE (kernel.yama.ptrace_scope is 1)"
        case 2: "this needs CAP_SYS_PTRACE (kernel.yama.ptrace_scope is 2)"
        case 3: "this host allows it to nobody until the next boot (kernel.yama.ptrace_scope is 3)"
        default: "run as its user or as root"
        }
    }
}
