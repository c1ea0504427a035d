package import QMP

/// A source that is named by a scheme and whose state comes as a QEMU stream.
package protocol StreamSource: NamedSource {
    /// The stream of its devices at one moment, and what QEMU says of the machine.
    /// - Throws: where it cannot be asked, or the stream is damaged.
    func takeStream(
        _ options: SourceOptions
    ) throws(SourceError) -> (file: StreamFile, machine: MachineFacts)
}
