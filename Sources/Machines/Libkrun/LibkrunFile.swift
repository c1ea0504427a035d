package import VMMFiles

/// `checkpoint.bin` of libkrun, also as smolvm has it.
package enum LibkrunFile: VMMFileKind {
    /// What error messages call such a file.
    package static let phrase = "a checkpoint of libkrun"
    /// Reading only.
    package static let summary = SourceSummary(
        ofVMMFile: "libkrun checkpoint", "checkpoint.bin of libkrun or smolvm",
        example: "vcpusnap convert checkpoint.bin -o vm.vcpusnap")
    /// Of the largest VM it takes a quarter.
    package static var limit: Int { LibkrunCheckpoint.limit }

    /// Whether the file's first lengths and offsets are those of a checkpoint (Formats/libkrun-checkpoint.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        LibkrunCheckpoint.isBeginning(prefix)
    }

    /// Reads a whole file.
    /// - Throws: where it is damaged, or was not saved with KVM.
    package static func state(of bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        try LibkrunCheckpoint.read(bytes)
    }
}
