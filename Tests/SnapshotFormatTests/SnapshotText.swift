import LinuxSystem
import Registers
import VCPUModel

/// A snapshot as text, the form in which the golden files and vectors say what they hold:
/// `provenance KEY = VALUE`, `vcpu INDEX` or `vm`, `ID VALUE` (both hexadecimal), `#` for comments.
struct SnapshotText {
    /// Of a longer text a vector has the SHA-256 (`Formats/vectors/vcpusnap-v1/README.md`).
    private static let longest = 16 << 10
    private static let escapes: [ClosedRange<UInt32>] = [
        0x5c...0x5c, 0x80...0x9f, 0x61c...0x61c, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069,
    ]

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

    /// The text of a vector, with which that of another reader can be compared.
    static func write(_ snapshot: Snapshot) -> [UInt8] {
        var text: [UInt8] = []
        for (key, value) in snapshot.provenance.entries {
            let words = escaped(key.rawValue, and: "=") + " = " + escaped(value)
            text += "provenance \(words)\n".utf8
        }
        for vcpu in snapshot.vcpus {
            text += "vcpu \(vcpu.index)\n".utf8
            append(vcpu.registers, to: &text)
        }
        if snapshot.vm.count > 0 { text += "vm\n".utf8 }
        append(snapshot.vm, to: &text)
        return text
    }

    /// What the text file beside a good vector has.
    static func ofVector(_ snapshot: Snapshot) -> [UInt8] {
        let text = write(snapshot)
        return text.count <= longest ? text : Array("sha256 \(sha256(text))\n".utf8)
    }

    static func sha256(_ bytes: [UInt8]) -> String {
        SHA256.of([bytes]).map { String(0x100 | Int($0), radix: 16).dropFirst() }.joined()
    }

    private static func append(_ registers: RegisterList, to text: inout [UInt8]) {
        for (id, value) in zip(registers.ids, registers.values) {
            text += "\(id.hex.dropFirst(2)) \(value)\n".utf8
        }
    }

    private static func escaped(_ text: String, and other: Unicode.Scalar? = nil) -> String {
        text.unicodeScalars.map { scalar -> String in
            guard scalar == other || escapes.contains(where: { $0.contains(scalar.value) })
            else { return String(scalar) }
            return "\\u{" + String(scalar.value, radix: 16) + "}"
        }.joined()
    }
}
