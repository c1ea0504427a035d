package import LinuxSystem
package import QMP

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

    /// The scheme alone, and then the paths of files.
    public static func completions(of beginning: String) -> [String] {
        beginning.hasPrefix(scheme) ? paths(of: beginning) : [scheme]
    }

    /// Where it is a socket, as its error of being opened says.
    public static func advice(insteadOf path: String, _ errno: Errno) -> String? {
        errno == .noDeviceOrAddress
            ? "; if it is the socket of QEMU's monitor, give \(scheme)\(FileName.shown(path))" : nil
    }

    /// By its socket.
    /// - Throws: where QEMU cannot be asked.
    package func captureDevices() throws(SourceError) -> CapturedDeviceState {
        try SourceError.passing {
            try CapturedDeviceState.capture(over: try QMPConnection(connectingTo: name))
        }
    }
}
