extension Errno {
    /// Turns a result of CLinux, a negated error number or a value, into that value or a thrown error.
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

extension Errno {
    public static let io = Errno(rawValue: 5)  // EIO
    public static let noDeviceOrAddress = Errno(rawValue: 6)  // ENXIO
    public static let fileTooLarge = Errno(rawValue: 27)  // EFBIG
    public static let illegalSeek = Errno(rawValue: 29)  // ESPIPE
    public static let tooManyLinks = Errno(rawValue: 40)  // ELOOP
    static let readOnlyFileSystem = Errno(rawValue: 30)  // EROFS
    static let quotaExceeded = Errno(rawValue: 122)  // EDQUOT
}
