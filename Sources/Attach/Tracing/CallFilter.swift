internal import CLinux
internal import LinuxSystem

/// Which system calls a thread may make.
enum CallFilter: Hashable {
    /// All.
    case none
    /// Those that every one of its filters allows.
    case programs([SeccompProgram])
    /// It has filters, and they may not be read.
    case unreadable

    /// Whether the call does what it says; false also where a filter has it fail.
    ///
    /// What is not known is taken to be what the vCPU threads of a microVM may do: Firecracker's filter for
    /// aarch64 allows them these ioctls, waiting and waking by futex(2), and going on after a signal.
    /// - Parameter address: behind the instruction that makes the call.
    func allows(_ call: SystemCall, returningTo address: UInt64) -> Bool {
        switch self {
        case .none: return true
        case .unreadable: return Self.isTakenForAllowed(call)
        case .programs(let programs):
            let data = SeccompProgram.Data(
                number: call.number, arguments: call.arguments, returningTo: address)
            return programs.allSatisfy { SeccompProgram.isAllowed($0.run(on: data)) }
        }
    }

    private static func isTakenForAllowed(_ call: SystemCall) -> Bool {
        if call.number == SystemCall.ioctl { return requests.contains(UInt(call.arguments[1])) }
        return [SystemCall.futex, SystemCall.signalReturn.number, SystemCall.restart.number]
            .contains(call.number)
    }

    private static let requests: Set<UInt> = [
        CLINUX_KVM_GET_REG_LIST, CLINUX_KVM_GET_ONE_REG, CLINUX_KVM_GET_MP_STATE,
    ]
}

extension CallFilter {
    /// The filters of a stopped thread.
    /// - Parameter isKnownToFilter: what `/proc` says of the thread; it decides where the kernel has no
    ///   way to read filters (CONFIG_CHECKPOINT_RESTORE) or this program may not (CAP_SYS_ADMIN).
    init(of thread: TracedThread, isKnownToFilter: () -> Bool) throws(Errno) {
        do throws(Errno) {
            self = .programs(try thread.filters())
        } catch {
            switch error {
            case .invalidArgument, .accessDenied, .io, .wrongMediumType:
                self = isKnownToFilter() ? .unreadable : .none
            default: throw error
            }
        }
    }
}

extension ProcessFiles {
    /// Whether filters decide which system calls a thread may make.
    func isFiltered(_ thread: Int) -> Bool {
        status(ofThread: thread)["Seccomp"].map { $0 != Self.noFilter } ?? false
    }

    /// The same of all threads.
    func filteredThreads() -> [Int: Bool] {
        Dictionary(threads().map { ($0, isFiltered($0)) }) { first, _ in first }
    }

    /// SECCOMP_MODE_DISABLED; the strict mode is a filter that cannot be read.
    private static let noFilter: Substring = "0"
}
