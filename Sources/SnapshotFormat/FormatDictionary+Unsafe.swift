internal import CFormatData
internal import LinuxSystem

/// A zstd dictionary that snapshot files may be compressed with.
///
/// Dictionaries are part of the format: once shipped they stay, unchanged, so that every file
/// stays readable.
struct FormatDictionary: Sendable {
    /// The dictionary as libzstd takes it (RFC 8878, section 5); empty for none.
    let bytes: [UInt8]
    /// The dictionary id inside it; 0 for none.
    let id: UInt32
    /// The first eight bytes of its SHA-256 as a little-endian number; 0 for none.
    let digest: UInt64

    init(bytes: [UInt8]) {
        self.bytes = bytes
        id = bytes.isEmpty ? 0 : Self.number(bytes[4..<8])
        digest = bytes.isEmpty ? 0 : Self.number(SHA256.of([bytes])[..<8])
    }

    /// What a file without a dictionary has.
    static let none = FormatDictionary(bytes: [])

    /// Every dictionary in this program, by its id.
    static let all: [UInt32: FormatDictionary] = {
        var all: [UInt32: FormatDictionary] = [0: none]
        for index in 0..<cformat_zstd_dictionary_count() {
            guard let start = cformat_zstd_dictionary_bytes(index) else { continue }
            // SAFETY: the table gives a constant array and its length.
            let bytes = Array(
                UnsafeBufferPointer(start: start, count: cformat_zstd_dictionary_length(index)))
            guard bytes.count >= 8 else { continue }
            let dictionary = FormatDictionary(bytes: bytes)
            all[dictionary.id] = dictionary
        }
        return all
    }()

    /// The dictionary of version 1, `Formats/vcpusnap-v1.zdict`; its id is "vcs1".
    static let version1 = all[0x3173_6376] ?? none

    private static func number<Value: FixedWidthInteger & UnsignedInteger>(
        _ bytes: ArraySlice<UInt8>
    ) -> Value {
        bytes.reversed().reduce(0) { $0 << 8 | Value($1) }
    }
}
