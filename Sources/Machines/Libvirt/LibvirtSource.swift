internal import LinuxSystem
package import QMP

/// `libvirt:DOMAIN`: a VM that libvirt runs by QEMU, through virsh.
package struct LibvirtSource: StreamSource {
    /// The name, id or UUID of a domain follows.
    package static let scheme = "libvirt:"
    /// Reading only, while the guest runs.
    package static let summary = SourceSummary(
        grammar: "libvirt:DOMAIN", meaning: "a VM that libvirt runs (only as SOURCE)",
        abilities: [.read, .load], needs: "virsh and libvirt 8.2 or newer on this machine",
        details: [
            .read: """
            libvirt:DOMAIN is a VM on this machine, by name, id or UUID, of the libvirt
            that virsh talks to (LIBVIRT_DEFAULT_URI). It is read like qmp:SOCKET, through
            virsh qemu-monitor-command, after which libvirt calls the domain tainted.
            """
        ],
        example: "vcpusnap save libvirt:guest1 -o guest1.vcpusnap")

    /// The domain, as virsh takes it.
    package let name: String

    /// Takes any name but an empty one; nobody is asked yet.
    package init?(_ name: String) {
        guard !name.isEmpty, !name.utf8.contains(0) else { return nil }
        self.name = name
    }

    /// Through virsh; how long the VM stood still only libvirt knows.
    /// - Throws: where libvirt or QEMU cannot be asked.
    package func captureDevices() throws(SourceError) -> CapturedDeviceState {
        try QMPError.translating(
            try CapturedDeviceState.capture(over: VirshMonitor(domain: name))
        ) { SourceError("\(Location(self).text): \($0.message)") }
    }
}
