internal import LinuxSystem

/// The section of a device that is not a vCPU.
struct DeviceSection {
    let name: [UInt8]
    let place: SectionPlace
    /// Of subsections, where the stream describes them.
    var describedLengths: [[UInt8]: Int] = [:]

    /// A GICv3 of 1024 vCPUs has less.
    private static let longest: Int64 = 1 << 20
    static let versions: [[UInt8]: UInt32] = [
        GICv3Section.name: 1, ITSSection.name: 0, GICv2Section.name: 12,
    ]

    /// Whether a device is an interrupt controller or a part of one.
    static func isOfInterrupts(_ name: [UInt8]) -> Bool { versions[name] != nil }

    /// Reads the body.
    /// - Throws: also for a version other than the one that is known.
    func fields(in stream: any SeekableBytes) throws(QEMUStreamError) -> DeviceFields {
        let version = try stream.bytes(at: place.bodyOffset - 4, count: 4).bigEndian(
            at: 0, as: UInt32.self)
        guard version == Self.versions[name] else {
            throw damaged(
                "version \(Self.versions[name] ?? 0)", "\(version)", at: place.bodyOffset - 4)
        }
        guard 0...Self.longest ~= place.bodyLength else {
            throw damaged(
                "at most \(Self.longest) bytes", "\(place.bodyLength)", at: place.bodyOffset)
        }
        let body = try stream.bytes(at: place.bodyOffset, count: Int(place.bodyLength))
        return DeviceFields(section: self, body: body)
    }

    func damaged(_ expected: String, _ found: String, at offset: Int64) -> QEMUStreamError {
        .damaged(
            part: Shown.text(name), offset: offset, expected: expected, found: found)
    }
}

/// Takes the fields of a device's section, one after the other.
struct DeviceFields {
    let section: DeviceSection
    let body: [UInt8]
    private(set) var position = 0

    init(section: DeviceSection, body: [UInt8]) {
        (self.section, self.body) = (section, body)
    }

    /// The next `count` numbers of `width` bytes.
    mutating func numbers(_ count: Int, of width: Int) throws(QEMUStreamError) -> [UInt64] {
        let length = Checked(count) * Checked(width)
        guard let range = Range(at: position, count: length.value ?? .max, inside: body.indices)
        else { throw damaged("\(count) numbers of \(width) bytes", "the end") }
        position = range.upperBound
        return stride(from: range.lowerBound, to: range.upperBound, by: width).map {
            body.bigEndian(at: $0, count: width)
        }
    }

    mutating func number(of width: Int) throws(QEMUStreamError) -> UInt64 {
        try numbers(1, of: width)[0]
    }

    /// The subsections that follow, whose names begin so.
    mutating func subsections(beginning path: String) throws(QEMUStreamError) -> [Subsection] {
        var reader = SubsectionReader(
            body, bodyAt: 0, offset: section.place.bodyOffset, position: position,
            describedLengths: section.describedLengths, of: section.name)
        let result = try reader.all(beginning: Array(path.utf8))
        position = reader.position
        return result
    }

    /// The numbers of 8 bytes in a subsection.
    func words(of subsection: Subsection) -> [UInt64] {
        stride(from: subsection.fields.lowerBound, to: subsection.fields.upperBound, by: 8).map {
            body.bigEndian(at: $0, count: 8)
        }
    }

    /// Checks that the section ends here.
    func checkEnd() throws(QEMUStreamError) {
        guard position == body.count else { throw damaged("the end", "more") }
    }

    func damaged(_ expected: String, _ found: String) -> QEMUStreamError {
        section.damaged(expected, found, at: section.place.bodyOffset + Int64(position))
    }
}
