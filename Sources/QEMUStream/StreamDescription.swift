internal import LinuxSystem
internal import TextFormats

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
    /// Nearly every one is shorter, with the devices before it.
    static let usualLength = 128 << 10

    /// Behind the text.
    var end: Int64 { offset + Int64(text.count) }

    /// The end of the last section: the place of the end-of-file byte.
    var sectionsEnd: Int64 { offset - 6 }

    /// Looks for the description; nil where there is none.
    static func find(in stream: any SeekableBytes) throws(QEMUStreamError) -> StreamDescription? {
        // Nearly every description fits the first try, which is one read.
        for window in [usualLength, longest + 6] {
            let count = Int(min(Int64(window), stream.size))
            let start = stream.size - Int64(count)
            let tail = try stream.bytes(at: start, count: count)
            if let found = try find(in: tail, at: start) { return found }
            if count < window { return nil }
        }
        return nil
    }

    /// The description that reaches exactly to the end.
    private static func find(
        in tail: [UInt8], at start: Int64
    ) throws(QEMUStreamError) -> StreamDescription? {
        // A stream in a fixed place may be followed by zeros; the text ends with a brace.
        guard let brace = tail.lastIndex(where: { $0 != 0 }), tail[brace] == UInt8(ascii: "}")
        else { return nil }
        guard let text = texts(in: tail).first(where: { $0.last == brace && $0.count > 1 }) else {
            return nil
        }
        return try parse(Array(tail[text]), at: start + Int64(text.lowerBound))
    }

    /// Where a description's text may stand, the last place first: behind an end-of-file byte, a byte 6 and its length.
    private static func texts(in bytes: [UInt8]) -> some Sequence<Range<Int>> {
        bytes.indices.dropFirst().reversed().lazy.compactMap { position -> Range<Int>? in
            guard bytes[position] == SectionKind.description,
                bytes[position - 1] == SectionKind.endOfFile, position + 5 < bytes.count
            else { return nil }
            let length = bytes.bigEndian(at: position + 1, count: 4)
            return Range(at: position + 5, count: length, inside: bytes.indices)
        }
    }

    /// The last description that ends before the stream does, with the sections of which it speaks before it.
    ///
    /// What may be one is read as far as one may be long in all, so that many beginnings cost no more than one.
    /// - Parameter limit: where it ends, at most.
    static func former(
        in stream: any SeekableBytes, endingBy limit: Int64? = nil
    ) throws(QEMUStreamError) -> StreamDescription? {
        let limit = limit ?? stream.size
        let start = max(0, limit - Int64(longest + 6))
        let bytes = try stream.bytes(in: start..<limit)
        var unread = longest
        for text in texts(in: bytes) where bytes[text].first == UInt8(ascii: "{") {
            guard text.count <= unread else { return nil }
            unread -= text.count
            guard
                let found = try? parse(Array(bytes[text]), at: start + Int64(text.lowerBound)),
                try found.walk(in: stream).hasAll
            else { continue }
            return found
        }
        return nil
    }

    private static func parse(
        _ text: [UInt8], at offset: Int64
    ) throws(QEMUStreamError) -> StreamDescription {
        let json = try JSONError.translating(try JSONValue(parsing: text)) {
            damaged(at: offset + Int64($0.offset), $0.problem)
        }
        let lists = (json.members ?? []).filter { $0.name.utf8.elementsEqual("devices".utf8) }
        if let second = lists.dropFirst().first {
            throw damaged(at: offset + Int64(second.value.range.lowerBound), "devices twice")
        }
        var devices: [Device] = []
        for element in lists.first?.value.array ?? [] {
            // One that is passed over could be a vCPU.
            guard let device = Device(element) else {
                throw damaged(
                    at: offset + Int64(element.range.lowerBound),
                    "a device without name or instance_id")
            }
            devices.append(device)
        }
        return StreamDescription(offset: offset, text: text, json: json, devices: devices)
    }

    private static func damaged(at offset: Int64, _ problem: String) -> QEMUStreamError {
        .damaged(
            part: "the stream's JSON description", offset: offset, expected: "JSON of devices",
            found: problem)
    }

    /// The devices that are a vCPU's.
    var vcpuSections: [VCPUSections.Section] {
        devices.filter { $0.isOfVCPU }.map { device in
            VCPUSections.Section(
                isCommon: device.name == CPUSection.commonName, instance: device.instance,
                offset: offset + Int64(device.json.range.lowerBound))
        }
    }

    /// Where the devices stand in the stream with the end mark after them, if they are as long as is said: what is
    /// further ahead is RAM.
    var region: Range<Int64> {
        var length = Checked<Int64>(Self.damagedBytes)
        for device in devices {
            length =
                length + Checked(device.headerLength) + Checked(SectionFooter.length)
                + Checked(device.bodyLength ?? .max)
        }
        let most = min(Int64(CPUSectionSearch.window), sectionsEnd)
        let start = sectionsEnd - min(length.value ?? most, most)
        return start..<sectionsEnd + 1
    }

    /// How many bytes more than described damage may have made of the devices.
    static let damagedBytes: Int64 = 4096
}

// MARK: - Devices

extension StreamDescription {
    /// A device of the description, with what is needed to find its section.
    struct Device {
        /// As its bytes: texts that only look alike are not the same.
        var name: [UInt8]
        var instance: UInt32
        /// Of the body: without header and footer; nil when the description's numbers make none.
        var bodyLength: Int64?
        let json: JSONValue

        var isOfVCPU: Bool { CPUSection.isName(ofVCPU: name) }

        /// The kind byte, section id, name with its length, instance and version.
        var headerLength: Int64 { Int64(SectionHeader.shortest + name.count) }

        /// Nil for what is no device.
        fileprivate init?(_ json: JSONValue) {
            guard let name = json["name"]?.string, name.utf8.count < 256,
                let instance = json["instance_id"]?.integer.flatMap(UInt32.init(exactly:))
            else { return nil }
            self.name = Array(name.utf8)
            self.instance = instance
            bodyLength = StreamDescription.bodyLength(json)
            self.json = json
        }
    }

    /// Devices without a description of their own have `size` and one field that stands for it.
    fileprivate static func bodyLength(_ device: JSONValue) -> Int64? {
        if device["vmsd_name"] == nil, let size = device["size"]?.integer {
            return 0...longestSection ~= size ? size : nil
        }
        return lengthOfState(device)
    }

    /// Fields and subsections of a state; the size of a structure has its subsections already.
    private static func lengthOfState(_ state: JSONValue) -> Int64? {
        guard let fields = lengthOfFields(state) else { return nil }
        var total = Checked(fields)
        for part in state["subsections"]?.array ?? [] {
            guard let name = part["vmsd_name"]?.string, let length = lengthOfState(part) else {
                return nil
            }
            total = total + Checked(length) + Checked(6 + name.utf8.count)
        }
        return possible(total)
    }

    /// The fields of a state without its subsections.
    static func lengthOfFields(_ state: JSONValue) -> Int64? {
        guard let fields = state["fields"]?.array else { return nil }
        var total: Checked<Int64> = 0
        for field in fields {
            guard let size = field["size"]?.integer, let length = length(of: field, size) else {
                return nil
            }
            total = total + Checked(length)
        }
        return possible(total)
    }

    private static func length(of field: JSONValue, _ size: Int64) -> Int64? {
        let elements = field["array_len"]
        guard let count = elements == nil ? 1 : elements?.integer, size >= 0, count >= 0 else {
            return nil
        }
        return possible(Checked(size) * Checked(count))
    }

    private static func possible(_ length: Checked<Int64>) -> Int64? {
        length.value.flatMap { 0...longestSection ~= $0 ? $0 : nil }
    }

    /// No device's state is longer; a number beyond it is a lie.
    private static let longestSection: Int64 = 1 << 40
}

// MARK: - Lists of registers

extension StreamDescription.Device {
    /// The fields that are the ids and the values of a vCPU's list.
    var listArrays: [JSONValue] {
        (json["fields"]?.array ?? []).filter { field in
            ["cpreg_vmstate_indexes", "cpreg_vmstate_values"].contains(field["name"]?.string ?? "")
        }
    }

    /// Checks a section that was not found by its described place: length or number of registers must be as
    /// described, where anything is said of them.
    func check(_ section: CPUSection) throws(QEMUStreamError) {
        let counts = listArrays.compactMap { $0["array_len"]?.integer }
        let length = section.place.bodyLength
        guard bodyLength != nil || !counts.isEmpty, bodyLength != length,
            !counts.contains(Int64(section.registerCount))
        else { return }
        let said = bodyLength.map { "\($0) bytes" } ?? "another number of bytes"
        throw .damaged(
            part: "the section of cpu \(instance)", offset: section.place.bodyOffset,
            expected: said + (counts.first.map { " or \($0) registers" } ?? "")
                + ", as the description says",
            found: "\(length) bytes and \(section.registerCount) registers")
    }
}
