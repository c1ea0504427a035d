internal import CLinux

/// A system call of arm64, as a thread would make it (`include/uapi/asm-generic/unistd.h`).
struct SystemCall: Hashable {
    var number: UInt64
    var arguments: [UInt64]

    private init(_ number: UInt64, _ arguments: [UInt64] = []) {
        self.number = number
        self.arguments = arguments
    }

    static let ioctl: UInt64 = 29
    static let futex: UInt64 = 98
    static let nanosleep: UInt64 = 101
    static let clockNanosleep: UInt64 = 115
    private static let signalReturnNumber: UInt64 = 139
    private static let restartNumber: UInt64 = 128
    private static let unmapNumber: UInt64 = 215
    private static let mapNumber: UInt64 = 222
    private static let protectNumber: UInt64 = 226

    static func ioctl(_ request: UInt64, on descriptor: Int, _ argument: UInt64) -> SystemCall {
        SystemCall(ioctl, [UInt64(bitPattern: Int64(descriptor)), request, argument])
    }

    /// rt_sigreturn(2), whose argument is the stack pointer.
    static let signalReturn = SystemCall(signalReturnNumber)

    /// restart_syscall(2): how the kernel goes on with a wait for a time that something interrupted.
    static let restart = SystemCall(restartNumber)

    /// mmap(2) of memory that may be read and executed, at an address that nothing uses.
    static func mapCode(_ area: Range<UInt64>) -> SystemCall {
        SystemCall(
            mapNumber,
            [area.lowerBound, UInt64(area.count), readExecute, privateAnonymousHere, ~0, 0])
    }

    /// mprotect(2) to memory that may be read and written.
    static func makeWritable(_ area: Range<UInt64>) -> SystemCall {
        SystemCall(protectNumber, [area.lowerBound, UInt64(area.count), readWrite])
    }

    /// munmap(2).
    static func unmap(_ area: Range<UInt64>) -> SystemCall {
        SystemCall(unmapNumber, [area.lowerBound, UInt64(area.count)])
    }

    /// futex(2) that waits without a limit while a word has a value.
    static func wait(while word: UInt64, is value: UInt32) -> SystemCall {
        SystemCall(futex, [word, waitPrivate, UInt64(value), 0])
    }

    /// futex(2) that ends all waiting at a word.
    static func wake(_ word: UInt64) -> SystemCall {
        SystemCall(futex, [word, wakePrivate, everyone])
    }

    // PROT_* and MAP_* of <asm-generic/mman-common.h>: MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE.
    private static let readExecute: UInt64 = 1 | 4
    private static let readWrite: UInt64 = 1 | 2
    private static let privateAnonymousHere: UInt64 = 0x2 | 0x20 | 0x10_0000
    // FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG.
    private static let waitPrivate: UInt64 = 0 | 128
    private static let wakePrivate: UInt64 = 1 | 128
    private static let everyone: UInt64 = 0x7fff_ffff
}

extension SystemCall: CustomStringConvertible {
    /// `ioctl KVM_GET_ONE_REG`.
    var description: String {
        switch number {
        case Self.ioctl: "ioctl " + (Self.requests[UInt(arguments[1])] ?? "\(arguments[1])")
        case Self.futex: "futex"
        case Self.signalReturnNumber: "rt_sigreturn"
        case Self.restartNumber: "restart_syscall"
        case Self.unmapNumber: "munmap"
        case Self.mapNumber: "mmap"
        case Self.protectNumber: "mprotect"
        default: "system call \(number)"
        }
    }

    private static let requests: [UInt: String] = [
        CLINUX_KVM_GET_REG_LIST: "KVM_GET_REG_LIST", CLINUX_KVM_GET_ONE_REG: "KVM_GET_ONE_REG",
        CLINUX_KVM_SET_ONE_REG: "KVM_SET_ONE_REG", CLINUX_KVM_GET_MP_STATE: "KVM_GET_MP_STATE",
        CLINUX_KVM_SET_MP_STATE: "KVM_SET_MP_STATE",
        CLINUX_KVM_GET_VCPU_EVENTS: "KVM_GET_VCPU_EVENTS",
        CLINUX_KVM_SET_VCPU_EVENTS: "KVM_SET_VCPU_EVENTS",
        CLINUX_KVM_GET_DEVICE_ATTR: "KVM_GET_DEVICE_ATTR",
        CLINUX_KVM_SET_DEVICE_ATTR: "KVM_SET_DEVICE_ATTR",
    ]
}
