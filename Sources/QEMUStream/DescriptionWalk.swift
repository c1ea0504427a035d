internal import LinuxSystem

/// A place where a stream is not what its description says.
package struct DescriptionMisfit: Hashable, Sendable {
    /// The device that should be there, by name and instance, as a terminal can show it.
    package let device: String
    /// Where this device should end by the description, in bytes from the start of the stream.
    package let end: Int64

    /// Its length may be another than is described, and then the stream is sound.
    var error: QEMUStreamError {
        .damaged(
            part: "the devices", offset: end,
            expected: "the end of \(device), as the description says", found: "something else")
    }
}

extension StreamDescription {
    /// The places of the vCPUs' sections, found from the end of the stream backward, so that nothing before
    /// the devices is read.
    struct Walk {
        /// The "cpu" sections, the last one first.
        var found: [(place: SectionPlace, device: Device)] = []
        /// Those of interrupt controllers, in the order of the stream.
        var interruptSections: [DeviceSection] = []
        /// How many sections of vCPUs it has not come to.
        var missing: Int
        /// Where it ended, if that is neither RAM nor the first device.
        var misfit: DescriptionMisfit?

        /// Whether the stream has vCPUs, all where they are said to be.
        var hasAll: Bool { missing == 0 && !found.isEmpty }
    }

    /// Goes back to RAM, or to the first device that does not end where it is described.
    ///
    /// - Throws: `damaged` for a section of which a part stands where it is described, and the rest does not.
    func walk(in stream: any SeekableBytes) throws(QEMUStreamError) -> Walk {
        var walk = Walk(missing: devices.filter(\.isOfVCPU).count)
        var numbers: Set<UInt32> = []
        var hasFooter: Bool?
        var end = sectionsEnd
        for device in devices.reversed() {
            if walk.missing == 0, try isEndOfRAM(at: end, hasFooter, in: stream) { return walk }
            let first = walk.missing == 0 ? Self.firstKept(of: stream) : 0
            guard
                let (place, number) = try section(
                    of: device, endingAt: end, from: first, hasFooter, in: stream)
            else {
                // Before the first vCPU it may be what RAM or a device is sent with while the guest runs.
                if walk.missing == 0, try !isOfOtherLength(device, endingAt: end, in: stream) {
                    return walk
                }
                walk.misfit = DescriptionMisfit(device: device.text, end: end)
                return walk
            }
            guard numbers.insert(number).inserted else {
                throw .repeatedID(of: device.name, device.instance, at: place.offset)
            }
            (end, hasFooter) = (place.offset, place.hasFooter)
            if device.isOfVCPU { walk.missing -= 1 }
            if device.name == CPUSection.name { walk.found.append((place, device)) }
            if DeviceSection.isOfInterrupts(device.name) {
                walk.interruptSections.insert(device.section(at: place), at: 0)
            }
        }
        return walk
    }

    /// - Parameters:
    ///   - first: where it begins at the earliest.
    ///   - hasFooter: whether the other sections have footers: all have, or none, as machine types before
    ///     2.4 write them; nil where that is not known.
    private func section(
        of device: Device, endingAt end: Int64, from first: Int64, _ hasFooter: Bool?,
        in stream: any SeekableBytes
    ) throws(QEMUStreamError) -> (SectionPlace, number: UInt32)? {
        guard let body = device.bodyLength, !device.name.isEmpty else { return nil }
        var damage: QEMUStreamError?
        for footer in [true, false] where footer == hasFooter ?? footer {
            let start =
                Checked(end) - Checked(footer ? SectionFooter.length : 0) - Checked(body)
                - Checked(device.headerLength)
            guard let offset = start.value, offset >= max(8, first) else { continue }
            let place = SectionPlace(
                offset: offset, headerLength: device.headerLength, bodyLength: body,
                hasFooter: footer)
            let ends = try SectionBounds(at: place, in: stream)
            if let number = ends.number(of: device) { return (place, number) }
            damage = damage ?? ends.damage(of: device)
        }
        if let damage { throw damage }
        return nil
    }

    /// Where what is kept of a stream that comes through a pipe begins, at the latest.
    private static func firstKept(of stream: any SeekableBytes) -> Int64 {
        stream.size - Int64(CPUSectionSearch.window)
    }

    /// Whether the device's section ends there, and begins somewhere else than is described.
    private func isOfOtherLength(
        _ device: Device, endingAt end: Int64, in stream: any SeekableBytes
    ) throws(QEMUStreamError) -> Bool {
        let described = Checked(device.bodyLength ?? 0) + Checked(device.headerLength)
        let most =
            min(described.value ?? Self.maximumSearched, Self.maximumSearched) + Self.damagedBytes
        let start = max(8, Self.firstKept(of: stream), end - most)
        guard start < end, !device.name.isEmpty else { return false }
        let bytes = try stream.bytes(in: start..<end)
        let footer = bytes.suffix(SectionFooter.length)
        guard footer.first == SectionKind.footer, footer.count == SectionFooter.length else {
            return false
        }
        let header = [SectionKind.full] + footer.dropFirst() + device.identity
        return bytes.indices.contains {
            bytes[$0] == SectionKind.full && bytes[$0...].starts(with: header)
        }
    }

    /// No device that stands before the vCPUs is nearly as long.
    private static let maximumSearched: Int64 = 1 << 20

    /// Whether RAM's last section ends there, with RAM_SAVE_FLAG_EOS (`ram_save_complete`, `migration/ram.c`): what
    /// stands before is the guest's.
    private func isEndOfRAM(
        at end: Int64, _ hasFooter: Bool?, in stream: any SeekableBytes
    ) throws(QEMUStreamError) -> Bool {
        let mark = BigEndian.bytes(0x10, 8)
        let start =
            Checked(end) - Checked(Int64(mark.count))
            - Checked(Int64(hasFooter == true ? SectionFooter.length : 0))
        guard let start = start.value, start >= 8 else { return true }
        return try stream.bytes(at: start, count: mark.count) == mark
    }
}

extension StreamDescription.Device {
    fileprivate func section(at place: SectionPlace) -> DeviceSection {
        DeviceSection(name: name, place: place, describedLengths: subsectionLengths)
    }

    fileprivate var text: String { "\(Shown.text(name)) \(instance)" }

    /// The header's name with its length, and the instance.
    fileprivate var identity: [UInt8] {
        [UInt8(truncatingIfNeeded: name.count)] + name
            + BigEndian.bytes(UInt64(instance), 4)
    }
}

/// Where a device's section stands, in bytes from the start of the stream.
struct SectionPlace: Hashable, Sendable {
    /// Of the byte that says its kind.
    var offset: Int64
    var headerLength: Int64
    var bodyLength: Int64
    var hasFooter: Bool

    var bodyOffset: Int64 { offset + headerLength }
    var bodyEnd: Int64 { bodyOffset + bodyLength }
}

/// What stands around the body of a device's section, if the section is where it is taken to be.
private struct SectionBounds {
    let place: SectionPlace
    let header: [UInt8]
    /// Empty where sections have none.
    let footer: [UInt8]

    init(at place: SectionPlace, in stream: any SeekableBytes) throws(QEMUStreamError) {
        self.place = place
        header = try stream.bytes(at: place.offset, count: Int(place.headerLength))
        footer = try stream.bytes(
            at: place.bodyEnd, count: place.hasFooter ? SectionFooter.length : 0)
    }

    private var number: ArraySlice<UInt8> { header[1..<5] }
    private var isOfKind: Bool { header.first == SectionKind.full }
    private var hasItsFooter: Bool {
        !place.hasFooter || SectionFooter.isThere(of: number, in: footer, at: 0)
    }

    private func isNamed(as device: StreamDescription.Device) -> Bool {
        header[5...].starts(with: device.identity)
    }

    /// The section id, where the device's header and footer stand there.
    func number(of device: StreamDescription.Device) -> UInt32? {
        guard isOfKind, isNamed(as: device), hasItsFooter else { return nil }
        return header.bigEndian(at: 1, as: UInt32.self)
    }

    /// What is damaged where so much is as it must be that the section does stand there: its name and instance, or an
    /// id which its footer has too.
    func damage(of device: StreamDescription.Device) -> QEMUStreamError? {
        if isNamed(as: device) {
            return isOfKind
                ? .damaged(
                    part: "the footer of \(device.text)", offset: place.bodyEnd,
                    expected: "7e \(number.hexadecimal), with the id of its header",
                    found: footer.hexadecimal)
                : .damaged(
                    part: "the header of \(device.text)", offset: place.offset, expected: "04",
                    found: header.prefix(1).hexadecimal)
        }
        guard place.hasFooter, isOfKind, hasItsFooter else { return nil }
        return .damaged(
            part: "the header of a section", offset: place.offset,
            expected: "that of \(device.text), as the description says", found: "another")
    }
}
