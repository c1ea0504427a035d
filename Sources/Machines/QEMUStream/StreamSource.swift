package import QMP

/// A source that is named by a scheme and whose state comes as a QEMU stream: a VM that QEMU runs, whoever passes its
/// monitor on.
package protocol StreamSource: NamedSource {
    /// The state of its devices at one moment; the VM goes on as it was.
    /// - Throws: where QEMU cannot be asked.
    func captureDevices() throws(SourceError) -> CapturedDeviceState
}
