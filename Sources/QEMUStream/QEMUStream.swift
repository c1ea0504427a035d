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
    let description: StreamDescription?

    /// Whether the stream describes itself, so that its sections were found without searching.
    public var hasDescription: Bool { description != nil }

    public init(_ bytes: any SeekableBytes) throws(QEMUStreamError) {
        self.bytes = bytes
        header = try StreamHeader(bytes)
        description = try StreamDescription.find(in: bytes)
        cpus = try Self.cpus(in: bytes, description)
        guard let first = cpus.first else { throw .noCPUs(Self.reason(bytes, description)) }
        guard !cpus.contains(where: \.isMProfile) else {
            throw .noCPUs("its CPU is of the M profile, which KVM does not run")
        }
        origin = StreamOrigin(first.entries.map(\.id))
    }

    private static func cpus(
        in bytes: any SeekableBytes, _ description: StreamDescription?
    ) throws(QEMUStreamError) -> [CPUSection] {
        guard let sections = try description?.sections(named: CPUSection.name, in: bytes),
            !sections.isEmpty
        else { return try CPUSectionSearch.sections(in: bytes) }
        var cpus: [CPUSection] = []
        for (place, device) in sections {
            let cpu = try section(at: place, device, in: bytes)
            guard !cpus.contains(where: { $0.instance == cpu.instance }) else {
                throw .damaged(
                    part: "the cpu sections", offset: place.offset,
                    expected: "one of each vCPU", found: "another of vCPU \(cpu.instance)")
            }
            cpus.append(cpu)
        }
        return cpus
    }

    private static func section(
        at place: SectionPlace, _ device: StreamDescription.Device, in bytes: any SeekableBytes
    ) throws(QEMUStreamError) -> CPUSection {
        guard place.bodyLength <= Int64(longestSection) else {
            throw .damaged(
                part: "the cpu section", offset: place.offset,
                expected: "at most \(longestSection) bytes", found: "\(place.bodyLength)")
        }
        let header = try bytes.bytes(at: place.offset, count: Int(place.headerLength))
        let version = header.bigEndian(at: header.count - 4, as: UInt32.self)
        guard version == CPUSection.version else {
            throw .damaged(
                part: "the cpu section's version", offset: place.bodyOffset - 4,
                expected: "\(CPUSection.version)", found: "\(version)")
        }
        let section = try CPUSection(
            instance: device.instance, place: place,
            body: try bytes.bytes(at: place.bodyOffset, count: Int(place.bodyLength)),
            describedLengths: device.subsectionLengths)
        guard section.place.bodyLength == place.bodyLength else {
            throw .damaged(
                part: "the end of the cpu section", offset: section.place.bodyEnd,
                expected: "\(place.bodyLength) bytes, as the description says",
                found: "\(section.place.bodyLength)")
        }
        return section
    }

    /// A list of `CPUSection.mostRegisters` and every subsection.
    private static let longestSection = 1 << 20

    private static func reason(
        _ bytes: any SeekableBytes, _ description: StreamDescription?
    ) -> String {
        guard let description else {
            return "it has no description at its end, and no cpu section in its last "
                + "\(min(Int64(CPUSectionSearch.window), bytes.size)) bytes; it may be cut off, or "
                + "of another architecture"
        }
        let names = Set(description.devices.map(\.name))
        return names.contains(CPUSection.name)
            ? "its cpu sections are not where its description says: it is damaged"
            : "its description names \(names.count) kinds of devices, and no cpu"
    }
}

extension StreamDescription.Device {
    /// The lengths of the fields of every subsection, by name.
    fileprivate var subsectionLengths: [String: Int] {
        var result: [String: Int] = [:]
        Self.collect(json, into: &result)
        return result
    }

    private static func collect(_ state: JSONValue, into lengths: inout [String: Int]) {
        for part in state["subsections"]?.array ?? [] {
            if let name = part["vmsd_name"]?.string,
                let length = StreamDescription.lengthOfFields(part)
            {
                lengths[name] = Int(length)
            }
            collect(part, into: &lengths)
        }
    }
}
