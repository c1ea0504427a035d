internal import LinuxSystem
internal import TextFormats
package import VMMFiles

/// The folder of a snapshot of crosvm, or the file of one vCPU.
package enum CrosvmFile: VMMFileKind {
    /// What error messages call such a file.
    package static let phrase = "a vCPU of crosvm"
    /// Reading only.
    package static let summary = SourceSummary(
        ofVMMFile: "crosvm snapshot", "the folder of a snapshot, or vcpu/vcpu0 in it",
        example: "vcpusnap diff crosvm.snap cpu.vcpusnap")
    /// Also of all files together.
    package static var limit: Int { CrosvmSnapshot.limit }
    /// Each snapshot has it.
    package static let nameInFolder: String? = folderOfVCPUs + "/" + firstName + "0"

    private static let folderOfVCPUs = "vcpu"
    private static let firstName = "vcpu"
    private static let controller = "irqchip"

    /// Whether it is a map, of CBOR or JSON, that begins as that of a vCPU does (Formats/crosvm-snapshot.md).
    package static func recognizes(_ prefix: [UInt8]) -> Bool {
        CrosvmSnapshot.isBeginning(prefix)
    }

    /// Reads the file of one vCPU.
    /// - Throws: where it is damaged.
    package static func state(of bytes: [UInt8]) throws(VMMFileError) -> VMMState {
        try CrosvmSnapshot.read(vcpus: [try CrosvmSnapshot.Part(named: "the vCPU", bytes)])
    }

    /// Reads all vCPUs of a snapshot, and its interrupt controller.
    /// - Throws: where a file cannot be read, is too long, or is damaged.
    package static func open(
        folder: String, named name: String, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        var left = limit
        func part(_ name: String) throws(SourceError) -> CrosvmSnapshot.Part {
            let path = "\(folder)/\(name)"
            let bytes = try SourceError.passing { try File.readRegular(path, limit: left) }
            left -= bytes.count
            return try SourceError.naming(FileName.shown(path)) { () throws(VMMFileError) in
                try CrosvmSnapshot.Part(named: name, bytes)
            }
        }
        let names = try SourceError.passing {
            try Folder.names(in: "\(folder)/\(folderOfVCPUs)") { name in
                name.hasPrefix(firstName)
                    && NumberText.decimal(name.dropFirst(firstName.count)) != nil
            }
        }
        var vcpus: [CrosvmSnapshot.Part] = []
        for name in names { vcpus.append(try part("\(folderOfVCPUs)/\(name)")) }
        let isThere = File.beginning(of: "\(folder)/\(controller)", count: 1) != nil
        let chip = isThere ? try part(controller) : nil
        return try VMMFile(named: name) { () throws(VMMFileError) in
            try CrosvmSnapshot.read(vcpus: vcpus, controller: chip)
        }
    }
}
