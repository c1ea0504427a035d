import Foundation
import Registers
import Testing

/// The files the tests read from the checkout.
enum DataFiles {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The records of a file of Formats/registers.
    static func records(_ name: String) throws -> [[String: Any]] {
        let file = root.appending(path: "Formats/registers/\(name)")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(object as? [String: Any])
        }
    }

    /// Every register id real KVM listed on some host.
    static func listedIDs() throws -> [RegisterID] {
        let file = root.appending(path: "Tests/RegistersTests/Fixtures/kvm-register-ids.txt")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .filter { !$0.hasPrefix("#") }
            .map { try #require(RegisterID(parsing: $0)) }
    }
}

extension [String: Any] {
    func text(_ key: String) throws -> String {
        try #require(self[key] as? String)
    }

    /// The name of the first register of a line.
    var firstName: String {
        let name = self["name"] as? String ?? ""
        let first = (self["family"] as? [String: Int])?["first"]
        return first.map { name.replacingOccurrences(of: "#", with: "\($0)") } ?? name
    }

    /// The fields of a line of layouts.jsonl, most significant first.
    var repeated: [[String: Any]] {
        guard let count = self["count"] as? Int, let msb = self["msb"] as? Int else {
            return [self]
        }
        return (0..<count).reversed().map { place in
            var field = self
            (field["field"], field["msb"]) = ("\(place)", msb + place * (msb + 1))
            field["lsb"] = place * (msb + 1)
            return field
        }
    }
}
