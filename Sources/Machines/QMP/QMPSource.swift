package import LinuxSystem
internal import QEMUStream
package import QMP
internal import VCPUModel

/// `qmp:SOCKET`: a VM that QEMU runs, by the socket of its QMP monitor.
package struct QMPSource: StreamSource {
    /// The path of a Unix socket follows.
    package static let scheme = "qmp:"
    /// Reading only, while the guest runs.
    package static let summary = SourceSummary(
        grammar: "qmp:SOCKET", meaning: "a VM that QEMU runs, by its QMP monitor (only as SOURCE)",
        abilities: [.read, .load], needs: "a QMP socket of that QEMU",
        details: [
            .read: """
            qmp:SOCKET is a VM that QEMU runs, with or without KVM. It stops for some
            milliseconds (standard error says how many), and QEMU itself resumes it,
            whatever becomes of this program. Its RAM is not read.
            """
        ],
        example: "vcpusnap save qmp:/run/vm.qmp -o vm.vcpusnap")

    /// The path of the socket.
    package let name: String

    /// Takes any path but an empty one; nothing is opened yet.
    package init?(_ name: String) {
        guard !name.isEmpty else { return nil }
        self.name = name
    }

    /// Refuses every restore: QMP has no command that writes registers.
    package static func objection(to use: RestoreUse) -> String? {
        "QEMU's monitor has no way to write registers: give "
            + SourceKinds.schemes(thatCan: .restore) + "or a file as TARGET"
    }

    /// The scheme alone, and then the paths of files.
    public static func completions(of beginning: String) -> [String] {
        beginning.hasPrefix(scheme) ? paths(of: beginning) : [scheme]
    }

    /// Where it is a socket, as its error of being opened says.
    public static func advice(insteadOf path: String, _ errno: Errno) -> String? {
        errno == .noDeviceOrAddress
            ? "; if it is the socket of QEMU's monitor, give \(scheme)\(FileName.shown(path))" : nil
    }

    /// The registers of all its vCPUs at one moment.
    ///
    /// The VM goes on as it was; a notice says how long it stood still.
    /// - Throws: where QEMU cannot be asked, or the stream is damaged.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        try capture(try takeStream(options), options)
    }

    /// The stream of its devices, as of that moment.
    /// - Throws: where QEMU cannot be asked, or the stream is damaged.
    package func takeStream(
        _ options: SourceOptions
    ) throws(SourceError) -> (file: StreamFile, machine: MachineFacts) {
        let state = try SourceError.passing {
            try DeviceStateCapture.capture(over: try QMPConnection(connectingTo: name))
        }
        return try stream(in: state, options)
    }
}
