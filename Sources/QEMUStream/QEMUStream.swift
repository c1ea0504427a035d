internal import JSONText
public import LinuxSystem
internal import Registers

/// A QEMU migration stream as far as its vCPUs go: `migrate file:`, the output of `exec:`, a mapped-ram
/// file, a savevm state, `xen-save-devices-state`.
///
/// RAM is not read: sections are found from the end, by the stream's own description, or by their looks.
public struct QEMUStream {
    public let bytes: any SeekableBytes
    public let header: StreamHeader
    /// In the order of the stream.
    public internal(set) var cpus: [CPUSection]
    public let origin: StreamOrigin
    /// Whether the sections of the vCPUs were found by their looks, because nothing that could be believed
    /// said where they are.
    public let isSearched: Bool
    /// Where the description does not fit, behind RAM; nil where it fits, or there is none.
    ///
    /// The description is wrong there, or bytes of the stream are damaged, and then QEMU does not load it.
    public let misfit: DescriptionMisfit?
    /// Why the stream is not whole and sound; nil where it is.
    ///
    /// Only a reading of what is there has one.
    public let problem: QEMUStreamError?
    let description: StreamDescription?
    /// Where the stream begins, if it follows another one in the file and has next to no RAM, which is not read
    /// through; nil otherwise.
    ///
    /// QEMU loads the first.
    public let beginningBehindAnother: Int64?

    /// Whether the stream describes itself.
    public var hasDescription: Bool { description != nil }

    /// - Throws: `cutOff` or `damaged` for what is not whole, unless any part is asked for and has a vCPU.
    public init(
        _ bytes: any SeekableBytes, reading: StreamReading = .whole
    ) throws(QEMUStreamError) {
        self.bytes = bytes
        header = try StreamHeader(bytes)
        let sections = try StreamSections(of: bytes, reading: reading)
        (cpus, isSearched, misfit) = (sections.cpus, sections.areSearched, sections.misfit)
        (description, problem) = (sections.description, sections.problem)
        beginningBehindAnother =
            try sections.description == nil
            ? nil
            : StreamHeader.second(
                in: bytes, before: sections.cpus.map(\.place.offset).min() ?? 0)
        guard !cpus.contains(where: \.isMProfile) else {
            throw .noCPUs("its CPU is of the M profile, which KVM does not run")
        }
        origin = StreamOrigin(of: cpus)
    }
}
