/// How much of a stream must be there.
public enum StreamReading: Hashable, Sendable {
    /// Everything up to the end that streams of its kind have (Formats/qemu-stream.md, 1.1).
    case whole
    /// Everything up to the end mark, of a stream that QEMU wrote without a description
    /// (`-machine suppress-vmdesc=on`).
    ///
    /// Nothing tells it from a stream that was cut off there, so only whoever made it can know.
    case undescribed
    /// Whatever can be found in a stream that was cut off or is damaged.
    case partial
}
