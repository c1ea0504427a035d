internal import CVCPUSnap
internal import KVM
internal import LinuxSystem
internal import Machines
internal import QEMUStream
internal import Registers
internal import SnapshotFormat
internal import Transfer
internal import VCPUModel

/// Why a C function did not do what it was asked for.
struct Failure: Error {
    var status: vcpusnap_status
    var errno: Errno?
    var register: RegisterID?
    var message: String

    /// Of an argument that cannot be meant.
    static func argument(_ message: String) -> Failure {
        Failure(status: VCPUSNAP_ERROR_ARGUMENT, message: message)
    }

    /// Of a name that nothing has.
    static func notFound(_ message: String) -> Failure {
        Failure(status: VCPUSNAP_ERROR_NOT_FOUND, message: message)
    }

    /// Of a register that could not be read.
    static func unreadable(_ error: RegisterBankError) -> Failure {
        Failure(
            status: VCPUSNAP_ERROR_REGISTER, errno: error.errno, register: error.id,
            message: "\(error)")
    }

    /// Calls something of the layers below, whose errors say everything.
    static func passing<Result>(_ body: () throws -> Result) throws(Failure) -> Result {
        do {
            return try body()
        } catch {
            throw Failure(error)
        }
    }

    private init(
        status: vcpusnap_status, errno: Errno? = nil, register: RegisterID? = nil, message: String
    ) {
        self.status = status
        self.errno = errno
        self.register = register
        self.message = message
    }

    private init(_ error: any Error) {
        let message = String(describing: error)
        let cause = (error as? SourceError)?.cause ?? error
        switch cause {
        case let error as Failure: self = error
        case let error as RegisterBankError:
            self = .unreadable(error)
            if error.needsStandstill || error.id == nil { status = VCPUSNAP_ERROR_SYSTEM }
        case RestoreError.bank(let error): self.init(error)
        case RestoreError.canceled: self.init(status: VCPUSNAP_ERROR_CANCELED, message: message)
        case is RestoreError: self.init(status: VCPUSNAP_ERROR_MISMATCH, message: message)
        default:
            let errno = Self.errno(of: cause)
            self.init(
                status: errno == nil ? VCPUSNAP_ERROR_FORMAT : VCPUSNAP_ERROR_SYSTEM, errno: errno,
                message: message)
        }
    }

    /// That of the system's call that failed; nil where the content is at fault.
    private static func errno(of error: any Error) -> Errno? {
        switch error {
        case let errno as Errno: errno
        case let error as KVMError: error.errno
        case let error as FileError: error.errno
        case let error as SavedImageError: error.errno
        case let error as SnapshotFormatError: error.errno
        default: nil
        }
    }
}

extension vcpusnap_error {
    /// As the caller gets it; a message that is too long is cut between two characters.
    init(_ failure: Failure) {
        self.init()
        status = failure.status
        os_error = failure.errno?.rawValue ?? 0
        register_id = failure.register?.rawValue ?? 0
        withUnsafeMutableBytes(of: &message) { room in
            CText.copy(Shown.line(failure.message), to: room)
        }
    }
}
