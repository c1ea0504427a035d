internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import SavedImage
internal import VCPUModel

/// QEMU migration streams, with the file's name in every error.
struct StreamFile {
    let name: String
    let stream: QEMUStream
    private let image: SavedImage?

    init(_ image: SavedImage) throws {
        try self.init(image.stream, of: image)
    }

    init(
        _ bytes: any SeekableBytes, of image: SavedImage? = nil, named name: String? = nil
    ) throws {
        self.name = name ?? bytes.name
        self.image = image
        do throws(QEMUStreamError) {
            stream = try QEMUStream(bytes)
        } catch {
            throw CommandError("\(self.name): \(error)")
        }
    }

    /// Whether it came through a pipe, and cannot be read again.
    var isOfPipe: Bool { stream.bytes is KeptEnds && image?.compression == nil }

    var banks: [QEMUVCPUBank] {
        stream.cpus.map { QEMUVCPUBank($0, origin: stream.origin) }
    }

    /// The registers of every vCPU, by KVM's ids.
    func snapshot() throws(RegisterBankError) -> (
        snapshot: Snapshot, unreadable: [UnreadableRegister]
    ) {
        var result = try SnapshotSource.capture(
            banks, provenance, indices: stream.cpus.map(\.instance))
        result.snapshot.vcpus.sort { $0.index < $1.index }
        return result
    }

    /// What the stream says of its vCPUs' host, which is little: QEMU and the kernel are not in it.
    private var provenance: Provenance {
        var result = Provenance()
        result[.tool] = Version.text
        result[.source] = name
        result[.qemuMachine] = stream.header.machineType
        result[.accelerator] = stream.origin == .unknown ? nil : stream.origin.rawValue
        let midrs = Set(banks.compactMap { try? $0.read(.midr).description })
        result[.midr] = midrs.count == 1 ? midrs.first : nil
        return result
    }

    /// What is known to be lost goes to standard error.
    func warn() {
        for warning in stream.warnings {
            StandardError.write("vcpusnap: \(name): warning: \(warning)\n")
        }
    }

    /// The same changes of the file that the stream is part of.
    /// - Throws: where the file has the stream compressed or scattered, and cannot be changed.
    func filePatch(replacing sections: [CPUSection]) throws -> FilePatch {
        if let problem = whyUnchangeable { throw CommandError("\(name): \(problem)") }
        do throws(QEMUStreamError) {
            return try stream.patch(replacing: sections).moved(by: image?.streamOffset ?? 0)
        } catch {
            throw CommandError("\(name): \(error)")
        }
    }

    private var whyUnchangeable: String? {
        guard let image else { return nil }
        if let compression = image.compression {
            let program = compression.program
            return image.libvirt == nil
                ? "the stream is compressed: run \(program) -dc FILE | vcpusnap mend - ... -o - | "
                    + "\(program) -c"
                : "libvirt compressed the stream with \(program): set save_image_format to raw in "
                    + "qemu.conf, or change the image's format field to 0 and its stream to a "
                    + "decompressed one"
        }
        return image.kind == .qcow2
            ? "the stream is the state of an internal snapshot, whose clusters this program does "
                + "not move: load it with the QEMU that made it and use migrate file:"
            : nil
    }
}
