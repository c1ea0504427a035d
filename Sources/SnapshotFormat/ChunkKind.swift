/// The kind of a chunk: four ASCII characters.
public struct ChunkKind: Hashable, Sendable {
    /// The characters, the first in the least significant byte.
    public let rawValue: UInt32

    /// A kind by its four bytes, whether or not this version knows it.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    private init(_ name: StaticString) {
        rawValue = name.withUTF8Buffer { $0.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }

    /// Where the snapshot comes from.
    public static let provenance = ChunkKind("PROV")
    /// Register ids and values of every vCPU.
    public static let vcpus = ChunkKind("VCPU")
    /// What the VM has once, beside its vCPUs.
    public static let vm = ChunkKind("VM  ")
    /// The digest of everything before it.
    public static let end = ChunkKind("END ")
}

extension ChunkKind: CustomStringConvertible {
    /// The characters without trailing spaces; the four bytes in hexadecimal, in the order of the
    /// file, where one is not printable.
    public var description: String {
        let characters = (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> ($0 * 8)) }
        guard characters.allSatisfy({ 0x20..<0x7f ~= $0 }) else {
            return "0x" + characters.map { String(0x100 | Int($0), radix: 16).dropFirst() }.joined()
        }
        let name = String(decoding: characters, as: UTF8.self)
        return String(name.prefix { $0 != " " })
    }
}
