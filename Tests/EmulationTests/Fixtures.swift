import Emulation
import LinuxSystem
import Registers
import TestSubjects
import Testing
import VCPUModel

extension EmulatedCPU {
    /// The errno of a write that is refused; nil when it is accepted.
    func refusal(_ name: String, _ bits: UInt64) throws -> Errno? {
        do {
            try set(name, bits)
            return nil
        } catch let error as RegisterBankError {
            #expect(try error.id == register(name))
            #expect(error.operation == .write)
            #expect(error.explanation != nil)
            return error.errno
        }
    }

    /// The errno of a read that fails; nil when it succeeds.
    func readFailure(_ name: String) throws -> Errno? {
        do {
            _ = try bits(name)
            return nil
        } catch let error as RegisterBankError {
            return error.errno
        }
    }
}

/// The error of a body that must fail.
func failure<Failure: Error>(_ type: Failure.Type, _ body: () throws -> Void) throws -> Failure {
    do {
        try body()
    } catch let error as Failure {
        return error
    }
    return try #require(nil as Failure?, "nothing was thrown")
}
