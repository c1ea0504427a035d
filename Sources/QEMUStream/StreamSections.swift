internal import JSONText
internal import LinuxSystem

/// The "cpu" sections of a stream, and whether it is all there (Formats/qemu-stream.md, 1.1 to 1.3).
struct StreamSections {
    private(set) var cpus: [CPUSection] = []
    private(set) var description: StreamDescription?
    private(set) var areSearched = false
    /// Why only a part was found.
    private(set) var problem: QEMUStreamError?

    /// What the sections of all vCPUs have together, at most; the device state of every QEMU is less.
    private static let mostBytes = CPUSectionSearch.window

    init(of stream: any SeekableBytes, reading: StreamReading) throws(QEMUStreamError) {
        do throws(QEMUStreamError) {
            description = try StreamDescription.find(in: stream)
            if let description {
                try readDescribed(description, in: stream)
            } else {
                try readUndescribed(stream, reading)
            }
        } catch {
            guard reading == .partial, !error.isOfFile else { throw error }
            problem = error
            areSearched = true
            cpus = try CPUSectionSearch(
                in: stream, endingAt: description?.sectionsEnd ?? stream.size
            ).cpus
            guard !cpus.isEmpty else { throw error }
        }
    }
}

// MARK: - With a description

extension StreamSections {
    private mutating func readDescribed(
        _ description: StreamDescription, in stream: any SeekableBytes
    ) throws(QEMUStreamError) {
        let devices = description.devices.filter { $0.name == CPUSection.name }
        guard !devices.isEmpty else {
            let names = Set(description.devices.map(\.name))
            throw .noCPUs("its description names \(names.count) kinds of devices, and no cpu")
        }
        try Self.checkNumbers(
            description.instances(of: CPUSection.name),
            common: description.instances(of: CPUSection.commonName), at: description.offset)
        let walk = try description.walk(to: CPUSection.name, in: stream)
        if let problem = walk.problem {
            return try search(for: devices, description, in: stream, after: problem)
        }
        var room = Checked<Int64>(Self.mostBytes)
        for (place, device) in walk.found.reversed() {
            room = room - Checked(place.bodyLength)
            guard let left = room.value, left >= 0 else {
                throw .damaged(
                    part: "the cpu sections", offset: place.offset,
                    expected: "at most \(Self.mostBytes) bytes in all", found: "more")
            }
            cpus.append(try Self.section(at: place, device, in: stream))
        }
    }

    private static func section(
        at place: SectionPlace, _ device: StreamDescription.Device, in stream: any SeekableBytes
    ) throws(QEMUStreamError) -> CPUSection {
        let header = try stream.bytes(at: place.offset, count: Int(place.headerLength))
        try CPUSection.check(
            version: header.bigEndian(at: header.count - 4, as: UInt32.self), at: place)
        var order = ListOrder()
        let section = try CPUSection(
            instance: device.instance, place: place,
            in: try stream.bytes(at: place.bodyOffset, count: Int(place.bodyLength)), bodyAt: 0,
            order: &order, describedLengths: device.subsectionLengths)
        try section.check(length: place.bodyLength, saying: "as the description says")
        return section.withFooter(place.hasFooter)
    }

    /// For a description whose places are not the stream's: the vCPUs are still those it names.
    private mutating func search(
        for devices: [StreamDescription.Device], _ description: StreamDescription,
        in stream: any SeekableBytes, after problem: QEMUStreamError
    ) throws(QEMUStreamError) {
        var lengths: [[UInt8]: Int] = [:]
        for device in devices { lengths.merge(device.subsectionLengths) { first, _ in first } }
        let search = try CPUSectionSearch(
            in: stream, endingAt: description.sectionsEnd, describedLengths: lengths)
        let wanted = Set(devices.map(\.instance))
        cpus = search.cpus.filter { wanted.contains($0.instance) }
        areSearched = true
        let missing = wanted.subtracting(cpus.map(\.instance))
        guard missing.isEmpty else { throw search.problem(with: missing) ?? problem }
    }

    /// Checks that each vCPU is there once, and is one of those with a cpu_common section: QEMU writes two
    /// for each.
    private static func checkNumbers(
        _ instances: [UInt32], common: [UInt32], at offset: Int64
    ) throws(QEMUStreamError) {
        var seen: Set<UInt32> = []
        for instance in instances where !seen.insert(instance).inserted {
            throw .damaged(
                part: "the cpu sections", offset: offset, expected: "one of each vCPU",
                found: "another of vCPU \(instance)")
        }
        guard common.isEmpty || Set(common) == seen else {
            let odd = seen.symmetricDifference(common).min() ?? 0
            throw .damaged(
                part: "the cpu sections", offset: offset,
                expected: "for each vCPU one cpu and one cpu_common",
                found: "only one of them for vCPU \(odd)")
        }
    }
}

extension CPUSection {
    fileprivate func check(length: Int64, saying source: String) throws(QEMUStreamError) {
        guard place.bodyLength == length else {
            throw .damaged(
                part: "the end of the cpu section", offset: place.bodyEnd,
                expected: "\(length) bytes, \(source)", found: "\(place.bodyLength)")
        }
    }
}

extension StreamDescription.Device {
    /// The lengths of the fields of every subsection, by name.
    fileprivate var subsectionLengths: [[UInt8]: Int] {
        var result: [[UInt8]: Int] = [:]
        Self.collect(json, into: &result)
        return result
    }

    private static func collect(_ state: JSONValue, into lengths: inout [[UInt8]: Int]) {
        for part in state["subsections"]?.array ?? [] {
            if let name = part["vmsd_name"]?.string,
                let length = StreamDescription.lengthOfFields(part)
            {
                lengths[Array(name.utf8)] = Int(length)
            }
            collect(part, into: &lengths)
        }
    }
}

// MARK: - Without one

extension StreamSections {
    private mutating func readUndescribed(
        _ stream: any SeekableBytes, _ reading: StreamReading
    ) throws(QEMUStreamError) {
        let tail = try UndescribedTail(of: stream)
        guard tail.hasOnlyDevices || reading == .undescribed else { throw tail.cutOff }
        areSearched = true
        let search = CPUSectionSearch(in: tail.bytes, at: tail.start)
        if !search.cpus.isEmpty, search.cpus.allSatisfy({ !$0.place.hasFooter }) {
            return try readWithoutFooters(search, tail, reading)
        }
        let chain = try tail.chain()
        var order = ListOrder()
        for section in chain.sections where section.header.name == CPUSection.name {
            try CPUSection.check(version: section.header.version, at: section.place)
            let cpu = try CPUSection(
                instance: section.header.instance, place: section.place, in: tail.bytes,
                bodyAt: section.header.end, order: &order, describedLengths: [:])
            try cpu.check(length: section.place.bodyLength, saying: "up to its footer")
            cpus.append(cpu)
        }
        try Self.checkNumbers(
            chain.instances(of: CPUSection.name),
            common: chain.instances(of: CPUSection.commonName), at: stream.size)
        guard !cpus.isEmpty else {
            throw .noCPUs("none of its \(chain.sections.count) devices is a cpu")
        }
    }

    /// Of a stream in which nothing tells where a device ends: only who made it knows that it is whole.
    private mutating func readWithoutFooters(
        _ search: CPUSectionSearch, _ tail: UndescribedTail, _ reading: StreamReading
    ) throws(QEMUStreamError) {
        guard reading == .undescribed, tail.bytes.last == SectionKind.endOfFile else {
            throw tail.withoutFooters
        }
        let common = tail.instances(of: CPUSection.commonName)
        let missing = Set(common).subtracting(search.cpus.map(\.instance))
        if let problem = search.problem(with: missing) { throw problem }
        cpus = search.cpus
        try Self.checkNumbers(
            cpus.map(\.instance), common: common, at: tail.streamEnd)
    }
}

/// The end of a stream without a description.
private struct UndescribedTail {
    let bytes: [UInt8]
    /// In the stream.
    let start: Int64
    /// Whether it has devices and nothing else, as `xen-save-devices-state` and COLO write it: it begins
    /// with a device, and not with a configuration or RAM.
    let hasOnlyDevices: Bool

    private static let firstSection = 8

    init(of stream: any SeekableBytes) throws(QEMUStreamError) {
        let count = Int(min(Int64(CPUSectionSearch.window), stream.size))
        start = stream.size - Int64(count)
        bytes = try stream.bytes(at: start, count: count)
        let isEmpty = stream.size <= Self.firstSection
        let first = try stream.bytes(at: Int64(Self.firstSection), count: isEmpty ? 0 : 1)
        hasOnlyDevices = first == [SectionKind.full]
    }

    var streamEnd: Int64 { start + Int64(bytes.count) }

    /// The sections up to the end mark: all of them, or, where RAM comes first or is not known not to,
    /// from the first one of a vCPU on.
    func chain() throws(QEMUStreamError) -> SectionChain {
        let ends = SectionEnds(in: bytes)
        if hasOnlyDevices, start == 0 {
            let chain = SectionChain(in: bytes, at: start, from: Self.firstSection, ends)
            if let problem = chain.problem { throw hasEndMark ? problem : cutOff }
            return chain
        }
        var end = 0
        for position in CPUSectionSearch.candidates(in: bytes) where position >= end {
            let chain = SectionChain(in: bytes, at: start, from: position, ends)
            if chain.problem == nil { return chain }
            end = chain.end
        }
        throw cutOff
    }

    /// The numbers of what begins like a section of that name, wherever it stands.
    func instances(of name: [UInt8]) -> [UInt32] {
        CPUSectionSearch.candidates(in: bytes).compactMap { position in
            SectionHeader(in: bytes, at: position).flatMap { $0.name == name ? $0.instance : nil }
        }
    }

    var withoutFooters: QEMUStreamError {
        .cutOff(
            at: streamEnd,
            missing: "its devices have no footers, by which it could be told to be whole, and no "
                + "description after them; if QEMU was told to write none "
                + "(send-section-footer=off), the option --undescribed says so")
    }

    var cutOff: QEMUStreamError {
        let missing =
            if hasOnlyDevices {
                "it has devices and nothing else, and no end mark after the last of them"
            } else if hasEndMark {
                "it has an end mark and no description of its devices after it; if QEMU was told to "
                    + "write none (suppress-vmdesc=on), the option --undescribed says so"
            } else {
                "it has no end mark, and no description of its devices after it"
            }
        return .cutOff(at: streamEnd, missing: missing)
    }

    /// Whether the end mark comes last, and before it the footer of a section that is there.
    private var hasEndMark: Bool {
        let last = bytes.suffix(SectionFooter.length + 1)
        guard last.first == SectionKind.footer, last.last == SectionKind.endOfFile,
            last.count > SectionFooter.length
        else { return false }
        let number = last.dropFirst().dropLast()
        return bytes.indices.contains { position in
            bytes[position] == SectionKind.full
                && SectionHeader(in: bytes, at: position)?.number.elementsEqual(number) == true
        }
    }
}
