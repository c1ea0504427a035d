internal import LinuxSystem
package import Planning
package import Registers
package import Transfer
package import VCPUModel

extension JSONObject {
    /// The VM itself, where a report says something of it, and its vCPUs, each made when it is written.
    /// - Parameters:
    ///   - units: in ascending order.
    ///   - unit: which unit one is of.
    ///   - members: what the report says of one.
    package static func units<Units: Sequence>(
        _ units: Units, _ unit: @escaping (Units.Element) -> UnitID,
        _ members: @escaping (Units.Element) -> JSONObject
    ) -> JSONObject {
        [
            "vcpus": units.lazy.filter { unit($0) != .vm }.json {
                ["index": unit($0).index] + members($0)
            },
            "vm": units.first { _ in true }.flatMap { unit($0) == .vm ? members($0) : nil },
        ]
    }

    /// A register, with what a report says of it.
    package static func register(_ id: RegisterID, _ members: JSONObject) -> JSONObject {
        members + ["id": id.hex, "name": id.name]
    }

    /// A field, with its place in the register and what a report says of it.
    package static func field(_ field: RegisterField, _ members: JSONObject) -> JSONObject {
        ["lsb": field.lsb, "msb": field.msb, "name": field.name] + members
    }

    /// An entry of a provenance.
    package static func entry(_ key: Provenance.Key, _ members: JSONObject) -> JSONObject {
        ["key": key.rawValue] + members
    }

    /// What differs between two sides, of which one may have nothing.
    package static func sides(_ left: String?, _ right: String?) -> JSONObject {
        ["left": left, "right": right]
    }
}

extension ValueText {
    /// A register with some of its values, hidden where they must be, and what else a report says of it.
    package func register(
        _ id: RegisterID, _ held: KeyValuePairs<String, RegisterValue?>, _ members: JSONObject
    ) -> JSONObject {
        let isHidden = isHidden(id)
        var object = members
        for (key, value) in held {
            object.add(key, value.map { isHidden ? Self.hidden : $0.description })
        }
        return .register(id, object)
    }
}

extension RegisterOutcome {
    /// The error of a refusal.
    package var errno: String? {
        if case .refused(let number) = self { number.symbol } else { nil }
    }

    /// The bits that a value kept but masked does not have as wanted.
    package var lostBits: RegisterValue? {
        if case .keptButMasked(let lost) = self { lost } else { nil }
    }
}

extension Pardon: JSONConvertible {
    package var json: JSONObject { ["proof": proof, "rule": rule] }

    /// `safe: the guest has ...`.
    package var text: String { rule + (proof.map { ": \($0)" } ?? "") }
}

extension CounterMismatch: JSONConvertible {
    package var json: JSONObject {
        [
            "guest": guest, "host": host, "pardon": pardon,
            "remedies": isLoss ? remedies : nil,
        ]
    }
}

extension VectorLengths: JSONConvertible {
    package var json: JSONObject { ["longest": longest, "shown": shown] }
}

extension Remedy: JSONConvertible {
    package var json: JSONObject { ["remedy": name, "text": text] }
}
