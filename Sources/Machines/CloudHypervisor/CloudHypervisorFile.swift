package import VMMFiles

/// `state.json` of cloud-hypervisor, or the folder that it is in.
package enum CloudHypervisorFile: VMMFileKind {
    /// What error messages call such a file.
    package static let phrase = "a state.json of cloud-hypervisor"
    /// Reading only.
    package static let summary = SourceSummary(
        ofVMMFile: "cloud-hypervisor state", "state.json, or the folder of a snapshot",
        example: "vcpusnap plan state.json --host rack1.vhost")
    /// Of the largest VM it takes a quarter.
    package static var limit: Int { CloudHypervisorState.limit }
    /// Of a snapshot.
    package static var nameInFolder: String? { CloudHypervisorState.name }

    /// Whether it is a JSON object that begins as the root of the tree does (Formats/cloud-hypervisor-state.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        CloudHypervisorState.isBeginning(prefix)
    }

    /// Reads a whole file.
    /// - Throws: where it is damaged, or was not saved with KVM.
    package static func state(of bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        try CloudHypervisorState.read(bytes)
    }
}
