/// The uncompressed start of a snapshot file: what the file is, and how large everything in it is.
public struct SnapshotHeader: Hashable, Sendable {
    /// Readers refuse a major version they do not know.
    public static let majorVersion: UInt16 = 1
    /// The bytes every header of this major version has.
    static let size = 56

    /// The minor version that the file says it has.
    public var minorVersion: UInt16 = 0
    /// The length of the header itself in bytes; more than 56 in a file of a later minor version.
    public var headerSize = Self.size
    /// The number of chunks, the end chunk included.
    public var chunkCount: Int
    /// Features a reader has to know; none is defined.
    public var incompatibleFeatures: UInt32 = 0
    /// Features a reader may ignore.
    public var compatibleFeatures: UInt32 = 0
    /// The length of the whole file in bytes.
    public var fileSize: Int
    /// The sum of the sizes of all chunks, decompressed, in bytes.
    public var contentSize: Int
    /// The size of the largest chunk, decompressed, in bytes.
    public var largestContent: Int
    /// The number of vCPUs.
    public var vcpuCount: Int
    /// The number of different register ids of all vCPUs.
    public var registerCount: Int
    /// The dictionary of every compressed chunk; 0 for none.
    public var dictionaryID: UInt32
    /// The first eight bytes of the SHA-256 of that dictionary, little-endian; 0 for none.
    public var dictionaryDigest: UInt64
}
