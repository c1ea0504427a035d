internal import TextFormats

/// What a file of a later minor version holds beyond version 1.1: what its reader left out, and
/// what is lost when the snapshot is written again.
package struct UnknownContent: Hashable, Sendable {
    /// The kinds of the chunks that were left out, in the order of the file.
    package var chunks: [ChunkKind] = []
    /// Compatible features that the file uses, flag bits of the header.
    package var features: UInt32 = 0
    /// How many bytes the header has beyond those of version 1.1.
    package var headerBytes = 0

    /// Nothing.
    package init() {}

    /// Whether the file holds nothing beyond version 1.1.
    package var isEmpty: Bool { chunks.isEmpty && features == 0 && headerBytes == 0 }
}

extension UnknownContent: CustomStringConvertible {
    /// `2 chunks (NOTE, NOTE), features 0x4`.
    package var description: String {
        var parts: [String] = []
        if !chunks.isEmpty {
            let kinds = chunks.map(\.description).listed(atMost: 8)
            parts.append("\(chunks.count) chunk\(chunks.count == 1 ? "" : "s") (\(kinds))")
        }
        if features != 0 { parts.append("features \(features.hex)") }
        if headerBytes != 0 { parts.append("\(headerBytes) bytes of header") }
        return parts.joined(separator: ", ")
    }
}
