internal import LinuxSystem
internal import QEMUStream
internal import Registers
internal import VCPUModel

/// QEMU migration streams, with the file's name in every error.
struct StreamFile {
    let name: String
    let stream: QEMUStream

    init(_ bytes: any SeekableBytes) throws {
        name = bytes.name
        do throws(QEMUStreamError) {
            stream = try QEMUStream(bytes)
        } catch {
            throw CommandError("\(bytes.name): \(error)")
        }
    }

    var banks: [QEMUVCPUBank] {
        stream.cpus.map { QEMUVCPUBank($0, origin: stream.origin) }
    }

    /// The registers of every vCPU, by KVM's ids.
    func snapshot() throws(RegisterBankError) -> (
        snapshot: Snapshot, unreadable: [RegisterBankError]
    ) {
        var result = try SnapshotSource.capture(banks, provenance)
        for (position, cpu) in stream.cpus.enumerated() {
            result.snapshot.vcpus[position].index = cpu.instance
        }
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
}
