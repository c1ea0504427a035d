import Registers
import VCPUModel

/// A snapshot as text, the form in which the golden files say what they hold:
/// `provenance KEY = VALUE`, `vcpu INDEX` or `vm`, `ID VALUE` (both hexadecimal), `#` for comments.
struct SnapshotText {
    struct Defect: Error {
        var line: String
    }

    static func parse(_ text: String) throws -> Snapshot {
        var provenance = Provenance()
        /// The VM has no number.
        var units: [(index: UInt32?, pairs: [(RegisterID, RegisterValue)])] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("provenance "), let equals = line.firstRange(of: " = ") {
                let key = line[..<equals.lowerBound].dropFirst("provenance ".count)
                provenance[.init(rawValue: String(key))] = String(line[equals.upperBound...])
            } else if line.hasPrefix("vcpu "), let index = UInt32(line.dropFirst(5)) {
                units.append((index, []))
            } else if line == "vm" {
                units.append((nil, []))
            } else {
                let words = line.split(separator: " ")
                guard words.count == 2, !units.isEmpty,
                    let id = UInt64(words[0], radix: 16).map(RegisterID.init(rawValue:)),
                    let size = id.size, let value = RegisterValue(parsing: words[1], size: size)
                else { throw Defect(line: String(line)) }
                units[units.count - 1].pairs.append((id, value))
            }
        }
        var snapshot = Snapshot(provenance: provenance, vcpus: [])
        for unit in units {
            guard let list = RegisterList(unit.pairs) else { throw Defect(line: "\(unit)") }
            if let index = unit.index {
                snapshot.vcpus.append(VCPUState(index: index, registers: list))
            } else {
                snapshot.vm = list
            }
        }
        return snapshot
    }
}
