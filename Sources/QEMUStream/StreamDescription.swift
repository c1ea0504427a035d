internal import JSONText
internal import LinuxSystem

/// The JSON text at the end of a stream that says what stands before it
/// (`vmdesc` in `qemu_savevm_state_complete_precopy_non_iterable`, `migration/savevm.c`).
struct StreamDescription {
    /// Of the text, in bytes from the start of the stream; its length stands in the 4 bytes before.
    let offset: Int64
    let text: [UInt8]
    let json: JSONValue
    /// In the order of the stream.
    let devices: [Device]

    /// QEMU's own are 10 to 100 KB; its analysis script looks at 10 MB.
    static let longest = 10 << 20

    /// The end of the last section: the place of the end-of-file byte.
    var sectionsEnd: Int64 { offset - 6 }

    /// Looks for the description; nil where there is none.
    static func find(in stream: any SeekableBytes) throws(QEMUStreamError) -> StreamDescription? {
        // Nearly every description fits the first try, which is one read.
        for window in [128 << 10, longest + 6] {
            let count = Int(min(Int64(window), stream.size))
            let start = stream.size - Int64(count)
            let tail = try stream.bytes(at: start, count: count)
            if let found = try find(in: tail, at: start) { return found }
            if count < window { return nil }
        }
        return nil
    }

    /// A byte 6 whose length reaches exactly to the end, with an end-of-file byte before it.
    private static func find(
        in tail: [UInt8], at start: Int64
    ) throws(QEMUStreamError) -> StreamDescription? {
        // A stream in a fixed place may be followed by zeros; the text ends with a brace.
        guard let brace = tail.lastIndex(where: { $0 != 0 }), tail[brace] == UInt8(ascii: "}")
        else { return nil }
        let end = brace + 1
        var position = end - 7
        while position >= 1 {
            if tail[position] == SectionKind.description,
                tail[position - 1] == SectionKind.endOfFile,
                tail.bigEndian(at: position + 1, count: 4) == UInt64(end - position - 5)
            {
                return try parse(Array(tail[position + 5..<end]), at: start + Int64(position) + 5)
            }
            position -= 1
        }
        return nil
    }

    private static func parse(
        _ text: [UInt8], at offset: Int64
    ) throws(QEMUStreamError) -> StreamDescription {
        do throws(JSONError) {
            let json = try JSONValue(parsing: text)
            return StreamDescription(
                offset: offset, text: text, json: json,
                devices: (json["devices"]?.array ?? []).compactMap(Device.init))
        } catch {
            throw .damaged(
                part: "the stream's JSON description", offset: offset + Int64(error.offset),
                expected: "JSON", found: error.problem)
        }
    }
}

// MARK: - Devices

extension StreamDescription {
    /// A device of the description, with what is needed to find its section.
    struct Device {
        var name: String
        var instance: UInt32
        /// Of the body: without header and footer; nil when the description's numbers make none.
        var bodyLength: Int64?
        let json: JSONValue

        /// The kind byte, section id, name with its length, instance and version.
        var headerLength: Int64 { Int64(14 + name.utf8.count) }

        /// Nil for what is no device.
        fileprivate init?(_ json: JSONValue) {
            guard let name = json["name"]?.string, name.utf8.count < 256,
                let instance = json["instance_id"]?.integer
            else { return nil }
            self.name = name
            self.instance = UInt32(truncatingIfNeeded: instance)
            bodyLength = StreamDescription.bodyLength(json)
            self.json = json
        }
    }

    /// Devices without a description of their own have `size` and one field that stands for it.
    fileprivate static func bodyLength(_ device: JSONValue) -> Int64? {
        if device["vmsd_name"] == nil, let size = device["size"]?.integer, size >= 0 { return size }
        return lengthOfState(device)
    }

    /// Fields and subsections of a state; the size of a structure has its subsections already.
    private static func lengthOfState(_ state: JSONValue) -> Int64? {
        guard var total = lengthOfFields(state) else { return nil }
        for part in state["subsections"]?.array ?? [] {
            guard let name = part["vmsd_name"]?.string, let length = lengthOfState(part) else {
                return nil
            }
            total += length + Int64(6 + name.utf8.count)
            guard total <= longestSection else { return nil }
        }
        return total
    }

    /// The fields of a state without its subsections.
    static func lengthOfFields(_ state: JSONValue) -> Int64? {
        var total: Int64 = 0
        for field in state["fields"]?.array ?? [] {
            guard let size = lengthOfField(field), size <= longestSection - total else {
                return nil
            }
            total += size
        }
        return total
    }

    private static func lengthOfField(_ field: JSONValue) -> Int64? {
        let count = field["array_len"]?.integer ?? 1
        guard let size = field["size"]?.integer, 0...longestSection ~= size,
            0...longestSection ~= count
        else { return nil }
        let (total, overflows) = size.multipliedReportingOverflow(by: count)
        return overflows ? nil : total
    }

    /// No device's state is longer; a number beyond it is a lie.
    private static let longestSection: Int64 = 1 << 40
}

// MARK: - Walking back

extension StreamDescription {
    /// The places of the sections of one kind of device, found from the end of the stream backwards,
    /// so that nothing before the devices is read.
    /// - Returns: nil when the sections are not where the description says.
    func sections(
        named name: String, in stream: any SeekableBytes
    ) throws(QEMUStreamError) -> [(place: SectionPlace, device: Device)]? {
        var missing = devices.filter { $0.name == name }.count
        var found: [(place: SectionPlace, device: Device)] = []
        var end = sectionsEnd
        for device in devices.reversed() where missing > 0 {
            guard let place = try section(of: device, endingAt: end, in: stream) else { return nil }
            end = place.offset
            guard device.name == name else { continue }
            found.append((place, device))
            missing -= 1
        }
        return found.reversed()
    }

    private func section(
        of device: Device, endingAt end: Int64, in stream: any SeekableBytes
    ) throws(QEMUStreamError) -> SectionPlace? {
        guard let body = device.bodyLength else { return nil }
        // Machine types before 2.4 send no footers.
        for footer in [SectionPlace.footerLength, 0] {
            let offset = end - footer - body - device.headerLength
            guard offset >= 8 else { continue }
            let place = SectionPlace(
                offset: offset, headerLength: device.headerLength, bodyLength: body,
                hasFooter: footer > 0)
            if try place.isSection(of: device, in: stream) { return place }
        }
        return nil
    }
}

/// Where a device's section stands, in bytes from the start of the stream.
struct SectionPlace: Hashable, Sendable {
    /// Of the byte that says its kind.
    var offset: Int64
    var headerLength: Int64
    var bodyLength: Int64
    var hasFooter: Bool

    static let footerLength: Int64 = 5

    var bodyOffset: Int64 { offset + headerLength }
    var bodyEnd: Int64 { bodyOffset + bodyLength }

    /// Whether a device's header and footer stand there.
    fileprivate func isSection(
        of device: StreamDescription.Device, in stream: any SeekableBytes
    ) throws(QEMUStreamError) -> Bool {
        let header = try stream.bytes(at: offset, count: Int(headerLength))
        let name = Array(device.name.utf8)
        guard header[0] == SectionKind.full, Int(header[5]) == name.count,
            header[6..<6 + name.count].elementsEqual(name),
            header.bigEndian(at: 6 + name.count, as: UInt32.self) == device.instance
        else { return false }
        guard hasFooter else { return true }
        let footer = try stream.bytes(at: bodyEnd, count: Int(Self.footerLength))
        return footer[0] == SectionKind.footer && footer[1...].elementsEqual(header[1...4])
    }
}
