/// How the files begin that more than one target looks for.
package enum FileMagic {
    /// A snapshot: `F6 v C S CR LF SUB LF` (`Formats/vcpusnap-v1.md`, section 3, says why).
    package static let snapshot: [UInt8] = [0xf6, 0x76, 0x43, 0x53, 0x0d, 0x0a, 0x1a, 0x0a]
    /// A QEMU migration stream (`QEMU_VM_FILE_MAGIC`, `migration/savevm.h`).
    package static let stream = Array("QEVM".utf8)
    /// A zstd frame (RFC 8878, section 3.1.1): chunks of snapshots are some, and streams are compressed by it.
    package static let zstd: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]
}
