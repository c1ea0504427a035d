internal import CLinux

/// An error number of the Linux kernel.
///
/// Numbers without a name here survive unchanged.
public struct Errno: RawRepresentable, Error, Hashable, Sendable {
    public let rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    public static let notPermitted = Errno(rawValue: 1)  // EPERM
    public static let noEntry = Errno(rawValue: 2)  // ENOENT
    public static let interrupted = Errno(rawValue: 4)  // EINTR
    public static let argumentListTooLong = Errno(rawValue: 7)  // E2BIG
    public static let notExecutable = Errno(rawValue: 8)  // ENOEXEC
    public static let badFileDescriptor = Errno(rawValue: 9)  // EBADF
    public static let tryAgain = Errno(rawValue: 11)  // EAGAIN
    public static let noMemory = Errno(rawValue: 12)  // ENOMEM
    public static let accessDenied = Errno(rawValue: 13)  // EACCES
    public static let busy = Errno(rawValue: 16)  // EBUSY
    public static let exists = Errno(rawValue: 17)  // EEXIST
    public static let isDirectory = Errno(rawValue: 21)  // EISDIR
    public static let invalidArgument = Errno(rawValue: 22)  // EINVAL
    public static let noSpace = Errno(rawValue: 28)  // ENOSPC
    public static let brokenPipe = Errno(rawValue: 32)  // EPIPE
    public static let canceled = Errno(rawValue: 125)  // ECANCELED
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
