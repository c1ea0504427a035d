extension Errno {
    /// Turns a result of CLinux, a negated error number or a value, into that value or a thrown error.
    /// - Throws: the error that the result stands for.
    @discardableResult
    package static func check<Value: FixedWidthInteger & SignedInteger>(
        _ result: Value
    ) throws(Errno) -> Value {
        if let errno = Errno(result: result) { throw errno }
        return result
    }

    /// The error of such a result, which may come from another process; nil for a value.
    package init?(result: some FixedWidthInteger & SignedInteger) {
        guard result < 0 else { return nil }
        // The least number has no counterpart above zero.
        self.init(rawValue: Int32(clamping: result.magnitude))
    }
}

extension Error {
    /// What `work` returns; an error of this type is told as the error that `failure` makes of it.
    /// - Throws: what `failure` makes of the error.
    package static func translating<Result: ~Copyable, Failure: Error>(
        _ work: @autoclosure () throws(Self) -> Result, to failure: (Self) -> Failure
    ) throws(Failure) -> Result {
        do throws(Self) {
            return try work()
        } catch {
            throw failure(error)
        }
    }
}

extension Errno {
    /// `EIO`: the device failed, or a file turned out shorter than it was.
    public static let io = Errno(rawValue: 5)  // EIO
    /// `ENXIO`: no such device or address; from `lseek` with `SEEK_DATA`, no more data follows.
    public static let noDeviceOrAddress = Errno(rawValue: 6)  // ENXIO
    /// `EFBIG`: the file would grow past a limit, or has more bytes than the caller accepts.
    public static let fileTooLarge = Errno(rawValue: 27)  // EFBIG
    /// `ESPIPE`: a pipe, socket or device, where only a regular file will do.
    public static let illegalSeek = Errno(rawValue: 29)  // ESPIPE
    /// `ELOOP`: too many symbolic links, or a symbolic link where none is followed.
    public static let tooManyLinks = Errno(rawValue: 40)  // ELOOP
    package static let noProcess = Errno(rawValue: 3)  // ESRCH
    package static let noChild = Errno(rawValue: 10)  // ECHILD
    package static let badAddress = Errno(rawValue: 14)  // EFAULT
    package static let noDevice = Errno(rawValue: 19)  // ENODEV
    package static let noTTY = Errno(rawValue: 25)  // ENOTTY
    package static let nameTooLong = Errno(rawValue: 36)  // ENAMETOOLONG
    package static let connectionReset = Errno(rawValue: 104)  // ECONNRESET
    package static let timedOut = Errno(rawValue: 110)  // ETIMEDOUT
    package static let connectionRefused = Errno(rawValue: 111)  // ECONNREFUSED
    package static let wrongMediumType = Errno(rawValue: 124)  // EMEDIUMTYPE
    static let readOnlyFileSystem = Errno(rawValue: 30)  // EROFS
    static let quotaExceeded = Errno(rawValue: 122)  // EDQUOT
}
