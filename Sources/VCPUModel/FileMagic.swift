/// How the files begin that more than one target looks for.
package enum FileMagic {
    /// A zstd frame (RFC 8878, section 3.1.1): chunks of snapshots are some, and streams are compressed by it.
    package static let zstd: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]
}
