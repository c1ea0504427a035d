/// The bounds of format version 1; `Formats/vcpusnap-v1.md`, section "Limits", says why these.
///
/// Reader and writer both enforce them, and a reader before it allocates.
public enum SnapshotLimits {
    /// The longest file, in bytes; also the most bytes its chunks may hold when decompressed.
    public static let fileSize = 64 << 20
    /// The longest header, in bytes; versions 1.0 and 1.1 write 56.
    public static let headerSize = 4096
    /// The most chunks, the end chunk included.
    public static let chunks = 256
    /// The most vCPUs.
    public static let vcpus = 4096
    /// The most different register ids.
    public static let registers = 4096
    /// The most vCPUs times different register ids.
    public static let cells = 1 << 21
    /// The most registers of the VM itself.
    public static let vmRegisters = 1 << 14
    /// The most bytes the values of all registers of all vCPUs may have.
    public static let valueBytes = 64 << 20
    /// The most provenance entries.
    public static let provenanceEntries = 1024
    /// The longest provenance key or value, in bytes of UTF-8.
    public static let provenanceText = 4096
}
