package import VMMFiles

/// The state that Firecracker keeps of a VM, beside a file with its memory.
package enum FirecrackerStateFile: VMMFileKind {
    /// What error messages call such a file.
    package static let phrase = "a state file of Firecracker"
    /// Reading, and making a snapshot of it.
    package static let summary = SourceSummary(
        ofVMMFile: "Firecracker state", "the snapshot file of a Firecracker microVM",
        example: "vcpusnap plan vm.vmstate --host other.vhost")
    /// As its own loader has it.
    package static let limit = FirecrackerFile.limit

    /// Whether the file begins with Firecracker's magic number (Formats/firecracker-vmstate.md, section 1).
    package static func recognizes(_ prefix: [UInt8]) -> Bool { FirecrackerFile.recognizes(prefix) }

    /// Reads it in whatever version it is.
    /// - Throws: where it is damaged, of another machine, or nothing is found in it.
    package static func state(of bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        try FirecrackerFile.state(of: bytes)
    }
}
