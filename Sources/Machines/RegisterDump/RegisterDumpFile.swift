package import VMMFiles

/// A text with a register and its value in each line.
package enum RegisterDumpFile: VMMFileKind {
    /// What error messages call such a file.
    package static let phrase = "a dump of registers"
    /// Reading only.
    package static let summary = SourceSummary(
        ofVMMFile: "register dump", "a text: id or name and value of a register in each line",
        example: "vcpusnap show registers.txt")
    /// Of many vCPUs.
    package static var limit: Int { RegisterDump.limit }

    /// Whether it begins with an id of KVM, or with the number of a vCPU (Formats/register-dump.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool { RegisterDump.isBeginning(prefix) }

    /// Reads the whole text.
    /// - Throws: for a line that is none of a dump.
    package static func state(of bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        try RegisterDump.read(bytes)
    }
}
