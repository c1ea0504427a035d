public import CVCPUSnap
internal import Registers
internal import VCPUModel

/// Writes a text to the room that a caller has for it.
/// - Returns: its length, whatever room there is.
private func copy(_ text: String, to start: UnsafeMutablePointer<CChar>?, _ size: Int) -> Int {
    if let start, size > 0 {
        CText.copy(text, to: UnsafeMutableRawBufferPointer(start: start, count: size))
    }
    return text.utf8.count
}

/// The size that an id says.
@_cdecl("vcpusnap_register_size")
public func registerSize(_ id: UInt64) -> Int { RegisterID(rawValue: id).size ?? 0 }

/// Writes a register's name.
@_cdecl("vcpusnap_register_name")
public func registerName(_ id: UInt64, _ name: UnsafeMutablePointer<CChar>?, _ size: Int) -> Int {
    keepingErrno { copy(RegisterID(rawValue: id).name, to: name, size) }
}

/// Finds a register by its name.
@_cdecl("vcpusnap_register_find")
public func findRegister(
    _ name: UnsafePointer<CChar>?, _ id: UnsafeMutablePointer<UInt64>?, _ error: ErrorPlace?
) -> vcpusnap_status {
    answering(error) { () throws(Failure) in
        let (name, place) = (try text(name, "the name"), try needed(id, "id"))
        guard let id = RegisterID(spelled: name) else {
            throw .notFound("no register is called \(name)")
        }
        place.pointee = id.rawValue
    }
}

/// Says what a value means.
@_cdecl("vcpusnap_register_describe")
public func describeRegister(
    _ id: UInt64, _ value: UnsafeRawPointer?, _ valueSize: Int,
    _ text: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
    keepingErrno {
        guard let entry = RegisterDictionary.entry(for: RegisterID(rawValue: id)),
            let given = try? bytes(value, valueSize, limit: RegisterID.maximumSize),
            let value = RegisterValue(littleEndian: given), value.size == entry.id.size
        else { return copy("", to: text, size) }
        let lines = DecodedField.all(of: value, in: entry).filter(\.isNotable).map { field in
            ["\(field.field.name) \(RegisterValue(field.bits))", field.explanation]
                .compactMap { $0 }.joined(separator: " ")
        }
        return copy(lines.joined(separator: "\n"), to: text, size)
    }
}
