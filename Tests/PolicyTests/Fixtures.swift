import Registers
import TestSubjects
import Testing
import TextFormats
import Transfer
import VCPUModel

/// A policy of these lines, below the line that names the format.
func policy(_ lines: String...) throws -> RestorePolicy {
    let text = (["vpolicy 1"] + lines).joined(separator: "\n")
    return try RestorePolicy(parsing: text.utf8, file: "test.vpolicy")
}

/// The error of a text that must be refused.
func refusal(
    _ bytes: some Collection<UInt8>, _ place: SourceLocation = #_sourceLocation
) throws -> DirectiveError {
    do throws(DirectiveError) {
        _ = try RestorePolicy(parsing: bytes, file: "fleet.vpolicy")
    } catch {
        return error
    }
    return try #require(nil as DirectiveError?, "nothing was thrown", sourceLocation: place)
}

/// A guest of a few registers, as it was saved.
func guest(_ values: KeyValuePairs<String, UInt64>) throws -> RegisterList {
    var registers = RegisterList()
    for (name, bits) in values {
        let id = try register(name)
        registers.set(try value(bits, of: id), for: id)
    }
    return registers
}

/// A value with the register's size and these low bits.
func value(_ bits: UInt64, of id: RegisterID) throws -> RegisterValue {
    try value(String(bits), of: id)
}

/// A loss of a register.
/// - Parameter held: what the destination has, where that is known.
func loss(
    _ name: String, saved: UInt64 = 0, _ kind: PolicyLoss.Kind = .absent, held: UInt64? = nil
) throws -> PolicyLoss {
    let id = try register(name)
    return PolicyLoss(
        id, saved: try value(saved, of: id), kind, held: try held.map { try value($0, of: id) })
}

/// A loss of these bits.
func different(_ bits: UInt64) -> PolicyLoss.Kind { .different(RegisterValue(bits)) }
