import QEMUStream

/// The big-endian bytes of a number.
func bigEndian(_ value: some FixedWidthInteger, _ width: Int) -> [UInt8] {
    (0..<width).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// A subsection of a crafted section.
struct CraftedSubsection: Sendable {
    var name: String
    var fields: [UInt8]
    var parts: [CraftedSubsection] = []
    /// What the description says of its length, if that is not the truth.
    var describedLength: Int?

    init(
        _ name: String, _ fields: [UInt8], describedLength: Int? = nil,
        _ parts: CraftedSubsection...
    ) {
        self.name = name
        self.fields = fields
        self.describedLength = describedLength
        self.parts = parts
    }

    var bytes: [UInt8] {
        [5, UInt8(name.utf8.count)] + Array(name.utf8) + bigEndian(1, 4) + fields
            + parts.flatMap(\.bytes)
    }

    var json: String {
        let inner = parts.isEmpty ? "" : ", \"subsections\": [\(Self.json(parts))]"
        return """
            {"vmsd_name": "\(name)", "version": 1, "fields": [{"name": "all", "type": "buffer", \
            "size": \(describedLength ?? fields.count)}]\(inner)}
            """
    }

    static func json(_ parts: [CraftedSubsection]) -> String {
        parts.map(\.json).joined(separator: ", ")
    }
}

/// A "cpu" section made field by field, by Formats/qemu-stream.md.
struct CraftedCPU: Sendable {
    var instance: UInt32 = 0
    var number: UInt32 = 7
    var version: UInt32 = 22
    /// What stands before the list.
    var fixed = [UInt8](repeating: 0, count: 568)
    var list: [(id: UInt64, value: UInt64)] = [(0x6030_0000_0013_c000, 0x413f_d0c1)]
    /// N, if it is not the list's.
    var count: Int32?
    /// What follows the list, with both timers without a deadline.
    var tail =
        [UInt8](repeating: 0, count: 48) + [UInt8](repeating: 0xff, count: 16) + [UInt8(0)]
    var subsections: [CraftedSubsection] = []
    var hasFooter = true

    mutating func set(_ value: UInt64, _ width: Int, at offset: Int) {
        fixed.replaceSubrange(offset..<offset + width, with: bigEndian(value, width))
    }

    /// Fills every field before the list with another number: X0 is 0x4000, R0 is 0x100.
    mutating func fill() {
        for index in 0..<16 { set(0x100 + UInt64(index), 4, at: 4 * index) }
        for index in 0..<32 { set(0x4000 + UInt64(index), 8, at: 64 + 8 * index) }
        set(0x8000, 8, at: 320)
        set(0x332, 4, at: 332)
        for index in 0..<8 {
            set(0x500 + UInt64(index), 8, at: 336 + 8 * index)
            set(0x1300 + UInt64(index), 4, at: 400 + 4 * index)
            set(0x1400 + UInt64(index), 4, at: 432 + 4 * index)
        }
        for index in 0..<5 {
            set(0x808 + UInt64(index), 4, at: 464 + 4 * index)
            set(0xf08 + UInt64(index), 4, at: 484 + 4 * index)
        }
        for index in 0..<4 {
            set(0xe10 + UInt64(index), 8, at: 504 + 8 * index)
            set(0x5b0 + UInt64(index), 8, at: 536 + 8 * index)
        }
    }

    var body: [UInt8] {
        fixed + bigEndian(count ?? Int32(list.count), 4) + list.flatMap { bigEndian($0.id, 8) }
            + list.flatMap { bigEndian($0.value, 8) } + tail + subsections.flatMap(\.bytes)
    }

    var section: [UInt8] {
        [4] + bigEndian(number, 4) + [3] + Array("cpu".utf8) + bigEndian(instance, 4)
            + bigEndian(version, 4) + body + (hasFooter ? [0x7e] + bigEndian(number, 4) : [])
    }

    /// As QEMU writes it: a list of one has no `array_len`.
    var json: String {
        let length = list.count > 1 ? "\"array_len\": \(list.count), " : ""
        let arrays = ["indexes", "values"].map {
            """
            {"name": "cpreg_vmstate_\($0)", \(length)"type": "uint64", \
            "size": \(list.isEmpty ? 0 : 8)}
            """
        }
        return """
            {"name": "cpu", "instance_id": \(instance), "vmsd_name": "cpu", "version": \(version), \
            "fields": [{"name": "fixed", "type": "buffer", "size": \(fixed.count)}, \
            {"name": "cpreg_vmstate_array_len", "type": "int32 le", "size": 4}, \
            \(arrays.joined(separator: ", ")), \
            {"name": "tail", "type": "buffer", "size": \(tail.count)}], \
            "subsections": [\(CraftedSubsection.json(subsections))]}
            """
    }
}

/// A stream of crafted sections.
struct CraftedStream: Sendable {
    var cpus: [CraftedCPU]
    /// Whether it ends with a description.
    var isDescribed = true
    /// Instead of the description that fits.
    var json: String?
    /// What stands before the sections.
    var head = Array("QEVM".utf8) + bigEndian(3, 4)
    /// Whether the sections have footers: without, as machine types before 2.4 write them.
    var hasFooters = true
    /// Whether a cpu_common section stands before each vCPU's, as QEMU writes it.
    var hasCommon = false

    /// With the configuration of a stream that `migrate` wrote.
    static let configuredHead =
        Array("QEVM".utf8) + bigEndian(3, 4) + [7] + bigEndian(9, 4) + Array("virt-10.0".utf8)
    /// A device after the vCPUs, as real streams have.
    var last: [UInt8]? =
        [4] + bigEndian(9, 4) + [3] + Array("pio".utf8) + bigEndian(0, 4) + bigEndian(1, 4)
        + Array("state".utf8) + [0x7e] + bigEndian(9, 4)

    init(_ cpus: CraftedCPU..., isDescribed: Bool = true, json: String? = nil) {
        self.cpus = cpus
        self.isDescribed = isDescribed
        self.json = json
    }

    var description: String {
        let devices =
            cpus.flatMap { hasCommon ? [Self.commonJSON($0), $0.json] : [$0.json] }
            + (last == nil
                ? []
                : [
                    """
                    {"name": "pio", "instance_id": 0, "size": 5, "version": 1, \
                    "fields": [{"name": "data", "size": 5, "type": "buffer"}]}
                    """
                ])
        return """
            {"page_size": 4096, "devices": [\(devices.joined(separator: ", "))]}
            """
    }

    private static func commonJSON(_ cpu: CraftedCPU) -> String {
        """
        {"name": "cpu_common", "instance_id": \(cpu.instance), "vmsd_name": "cpu_common", \
        "version": 1, "fields": [{"name": "all", "type": "buffer", "size": 8}]}
        """
    }

    private func common(_ cpu: CraftedCPU) -> [UInt8] {
        let number = bigEndian(cpu.number + 100, 4)
        return [4] + number + [10] + Array("cpu_common".utf8) + bigEndian(cpu.instance, 4)
            + bigEndian(1, 4) + [UInt8](repeating: 0, count: 8)
            + (hasFooters ? [0x7e] + number : [])
    }

    private func section(_ cpu: CraftedCPU) -> [UInt8] {
        var cpu = cpu
        if !hasFooters { cpu.hasFooter = false }
        return (hasCommon ? common(cpu) : []) + cpu.section
    }

    var bytes: [UInt8] {
        let end = last.map { hasFooters ? $0 : $0.dropLast(5) } ?? []
        let sections = head + cpus.flatMap(section) + end + [0]
        guard isDescribed else { return sections }
        let text = Array((json ?? description).utf8)
        return sections + [6] + bigEndian(text.count, 4) + text
    }
}
