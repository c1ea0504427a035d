internal import LinuxSystem
internal import Registers
internal import VCPUModel

/// Why a read or write was refused; the bank makes it an error that names the register.
struct Refusal: Error {
    var errno: Errno
    /// Nil where the errno says it all.
    var explanation: String?
    /// Whether it has nothing to do with the register's rules.
    var isBeyondRules: Bool

    init(
        _ explanation: String?, errno: Errno = .invalidArgument, isBeyondRules: Bool = false
    ) {
        self.errno = errno
        self.explanation = explanation
        self.isBeyondRules = isBeyondRules
    }

    /// What a VM does not have of the state of its devices.
    static let noDeviceState = Refusal(nil, errno: .noEntry)

    /// What a VM without an interrupt controller does not have of one.
    static let noController = Refusal(
        RegisterBankError.noController, errno: .noEntry, isBeyondRules: true)
}

extension RegisterBankError {
    init(_ operation: Operation, _ id: RegisterID, _ refusal: Refusal) {
        self.init(operation, id, refusal.errno, explanation: refusal.explanation)
        isBeyondRules = refusal.isBeyondRules
    }
}
