internal import CFormatData
internal import TextFormats

/// What is known about registers by id and by name: the data of Formats/registers.
///
/// Lookups are binary searches in constant tables; nothing is built when the program starts.
public enum RegisterDictionary {
    /// The entry of a register; nil for one the dictionary does not have.
    public static func entry(for id: RegisterID) -> RegisterEntry? {
        let rows = Tables.registers
        let index = rows.lowerBound { $0.id <= id.rawValue } - 1
        guard index >= 0 else { return nil }
        let (member, rest) = (id.rawValue - rows[index].id).quotientAndRemainder(
            dividingBy: UInt64(rows[index].member_stride))
        guard rest == 0, member < rows[index].member_count else { return nil }
        return RegisterEntry(index: UInt16(index), member: UInt16(member))
    }

    /// The bits of a register that change while nothing runs; none for one that is not known.
    public static func volatileBits(of id: RegisterID) -> UInt64 {
        entry(for: id)?.volatileBits ?? 0
    }

    /// The first kernel that lists every CCSIDR_EL1 and lets userspace choose it; older ones list those of the
    /// CPU's caches.
    public static let cachesChosenSince = entry(for: .ccsidr0)?.chosenSince

    /// The newest kernel that was examined, without its patch level.
    public static let newestKernel = KernelVersion(packed: cformat_newest_kernel)

    /// The entry with a name or alias, whatever its case; nil when no register is called that.
    public static func entry(named name: some StringProtocol) -> RegisterEntry? {
        guard name.utf8.count <= maximumNameLength, !name.utf8.contains(familySign) else {
            return nil
        }
        return rows(named: name).first.map { RegisterEntry(index: $0) } ?? familyMember(named: name)
    }

    /// No name is longer.
    private static let maximumNameLength = 64
    private static let familySign = UInt8(ascii: "#")

    /// The rows with a name, of which only families can have the same.
    private static func rows(named name: some StringProtocol) -> [UInt16] {
        let rows = Tables.names
        let start = rows.lowerBound { order(of: $0.name, name) < 0 }
        return rows[start...].prefix { order(of: $0.name, name) == 0 }.map(\.reg)
    }

    /// The register of a family: one of the numbers in the name is its own.
    private static func familyMember(named name: some StringProtocol) -> RegisterEntry? {
        let bytes = Array(name.utf8)
        let isDigit = { (byte: UInt8) in UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
        let starts = bytes.indices.filter {
            isDigit(bytes[$0]) && ($0 == 0 || !isDigit(bytes[$0 - 1]))
        }
        return starts.lazy.compactMap { start in
            let digits = bytes[start...].prefix(while: isDigit)
            guard digits.count == 1 || digits.first != UInt8(ascii: "0"),
                let number = UInt16(String(decoding: digits, as: UTF8.self))
            else { return nil }
            let family = bytes[..<start] + [familySign] + bytes[digits.endIndex...]
            return rows(named: String(decoding: family, as: UTF8.self)).lazy
                .compactMap { RegisterEntry(index: $0, number: number) }.first
        }.first
    }

    /// An entry for each line of the dictionary, in ascending order of id: of a family the first register.
    public static var all: some RandomAccessCollection<RegisterEntry> {
        Tables.registers.indices.lazy.map { RegisterEntry(index: UInt16($0)) }
    }

    /// Every register, in ascending order of id.
    public static var everyRegister: some Sequence<RegisterEntry> {
        all.lazy.flatMap(\.family)
    }

    /// Compares a string of the tables with a text, both in ASCII capitals: below, at or above 0.
    private static func order(of offset: UInt32, _ text: some StringProtocol) -> Int {
        let stored = cformat_string(offset)
        var position = 0
        for byte in text.utf8 {
            let own = UInt8(bitPattern: stored[position])
            // A string sorts before its continuations, even one that starts with a NUL.
            guard own != 0 else { return -1 }
            let difference = Int(capital(own)) - Int(capital(byte))
            guard difference == 0 else { return difference }
            position += 1
        }
        return Int(UInt8(bitPattern: stored[position]))
    }

    private static func capital(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte ? byte - 32 : byte
    }
}

extension RegisterDictionary {
    /// `; did you mean NAME?` for a name that no register has, or nothing.
    package static func question(about name: String) -> String {
        NameSuggestion.question(about: name, among: all.lazy.map(\.name))
    }
}
