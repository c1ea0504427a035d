public import VCPUModel

/// Why a restore was not begun, or its outcome could not be read.
public enum RestoreError: Error, Hashable, Sendable {
    /// There is no vCPU to restore.
    case noVCPU
    /// There are more vCPUs on one side than on the other.
    case counts(states: Int, banks: Int)
    /// A bank cannot even list its registers.
    case bank(RegisterBankError)
}

extension RestoreError: CustomStringConvertible {
    /// What is wrong with the units or banks.
    public var description: String {
        switch self {
        case .noVCPU: "there is no vCPU to restore"
        case .counts(let states, let banks):
            "\(states) vCPUs cannot be restored into \(banks): make as many as were saved"
        case .bank(let error): error.description
        }
    }
}

extension RestoreError {
    /// What `body` throws, as an error of a restore.
    /// - Throws: what `body` throws, as `RestoreError.bank`.
    package static func wrapping<Value>(
        _ body: () throws(RegisterBankError) -> Value
    ) throws(RestoreError) -> Value {
        try Result(catching: body).mapError(RestoreError.bank).get()
    }
}
