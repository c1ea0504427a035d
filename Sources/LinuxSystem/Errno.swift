internal import CLinux

/// An error number of the Linux kernel.
///
/// Numbers without a name here survive unchanged.
public struct Errno: RawRepresentable, Error, Hashable, Sendable {
    /// The number in `errno.h`; positive, as in the C variable `errno`.
    public let rawValue: Int32

    /// Takes any number, whether or not the kernel defines it.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// `EPERM`: the caller lacks the privilege, or the target does not allow the change.
    public static let notPermitted = Errno(rawValue: 1)  // EPERM
    /// `ENOENT`: no such file; from KVM, no such register on this vCPU.
    public static let noEntry = Errno(rawValue: 2)  // ENOENT
    /// `EINTR`: a signal ended the call.
    public static let interrupted = Errno(rawValue: 4)  // EINTR
    /// `E2BIG`: the argument is too long; from `KVM_GET_REG_LIST`, the array is too short for the list.
    public static let argumentListTooLong = Errno(rawValue: 7)  // E2BIG
    /// `ENOEXEC`: from KVM, the vCPU has not been through `KVM_ARM_VCPU_INIT`.
    public static let notExecutable = Errno(rawValue: 8)  // ENOEXEC
    /// `EBADF`: the descriptor is not open, or not open for this operation.
    public static let badFileDescriptor = Errno(rawValue: 9)  // EBADF
    /// `EAGAIN`: the call would have to wait; from `flock`, somebody else has the lock.
    public static let tryAgain = Errno(rawValue: 11)  // EAGAIN
    /// `ENOMEM`: out of memory.
    public static let noMemory = Errno(rawValue: 12)  // ENOMEM
    /// `EACCES`: the file's permissions forbid it.
    public static let accessDenied = Errno(rawValue: 13)  // EACCES
    /// `EBUSY`: in use; from KVM, the register can no longer change because a vCPU of the VM has run.
    public static let busy = Errno(rawValue: 16)  // EBUSY
    /// `EEXIST`: a file of that name exists already.
    public static let exists = Errno(rawValue: 17)  // EEXIST
    /// `EISDIR`: a directory, where a file is needed.
    public static let isDirectory = Errno(rawValue: 21)  // EISDIR
    /// `EINVAL`: the argument makes no sense; from KVM, the register does not accept the value.
    public static let invalidArgument = Errno(rawValue: 22)  // EINVAL
    /// `ENOSPC`: the file system is full.
    public static let noSpace = Errno(rawValue: 28)  // ENOSPC
    /// `EPIPE`: nobody reads the pipe or socket any longer.
    public static let brokenPipe = Errno(rawValue: 32)  // EPIPE
    /// `ECANCELED`: the call was not made or not finished, because somebody stopped it or forbids it.
    public static let canceled = Errno(rawValue: 125)  // ECANCELED
    /// `EOPNOTSUPP`: the object does not support the operation.
    public static let notSupported = Errno(rawValue: 95)  // EOPNOTSUPP
}

extension Errno: CustomStringConvertible {
    /// The symbol and the C library's sentence: `EINVAL (Invalid argument)`.
    public var description: String {
        "\(symbol) (\(sentence))"
    }

    /// The C library's sentence: `Invalid argument`.
    public var sentence: String { String(cString: clinux_strerror(rawValue)) }

    /// The symbol, `EINVAL`; the number where the C library has none.
    public var symbol: String {
        guard let name = clinux_strerrorname(rawValue) else { return "errno \(rawValue)" }
        return String(cString: name)
    }
}
