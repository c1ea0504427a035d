internal import LinuxSystem

extension Errno {
    static let nameTooLong = Errno(rawValue: 36)  // ENAMETOOLONG
    static let connectionReset = Errno(rawValue: 104)  // ECONNRESET
    static let connectionRefused = Errno(rawValue: 111)  // ECONNREFUSED
}
