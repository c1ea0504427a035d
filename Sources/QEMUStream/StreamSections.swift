internal import LinuxSystem
internal import TextFormats

/// The "cpu" sections of a stream, and whether it is all there (Formats/qemu-stream.md, 1.1 to 1.3).
struct StreamSections {
    private(set) var cpus: [CPUSection] = []
    /// Those of interrupt controllers, as far as it is known where they are.
    private(set) var interruptSections: [DeviceSection] = []
    /// Whether what was gone through has all devices of the stream.
    private var areAllDevices = false
    private(set) var description: StreamDescription?
    private(set) var areSearched = false
    /// Where the description does not fit.
    private(set) var misfit: DescriptionMisfit?
    /// Why only a part was found.
    private(set) var problem: QEMUStreamError?

    /// What the sections of all vCPUs have together, at most; the device state of every QEMU is less.
    private static let maximumBytes = CPUSectionSearch.window

    init(of stream: any SeekableBytes, reading: StreamReading) throws(QEMUStreamError) {
        do throws(QEMUStreamError) {
            try read(stream, reading)
        } catch {
            guard reading == .partial, !error.isOfFile else { throw error }
            (problem, areSearched, interruptSections) = (error, true, [])
            let region = description?.region ?? UndescribedTail.region(of: stream)
            cpus =
                CPUSectionSearch(
                    in: try stream.bytes(in: region), at: region.lowerBound, describedLengths: [:]
                ).cpus
            guard !cpus.isEmpty else { throw error }
        }
    }
}

extension StreamSections {
    /// Whether there may be an interrupt controller of which it is not known where it is.
    var mayLackInterrupts: Bool {
        guard let description else { return interruptSections.isEmpty && !areAllDevices }
        let described = description.devices.filter { DeviceSection.isOfInterrupts($0.name) }
        return interruptSections.count < described.count
    }

    private mutating func read(
        _ stream: any SeekableBytes, _ reading: StreamReading
    ) throws(QEMUStreamError) {
        description = try StreamDescription.find(in: stream)
        if let description { return try readDescribed(description, in: stream) }
        do throws(QEMUStreamError) {
            try readUndescribed(stream, reading)
        } catch {
            guard case .cutOff = error, let former = try StreamDescription.former(in: stream)
            else { throw error }
            throw .followed(
                at: former.end, by: try stream.bytes(in: former.end..<stream.size)[...],
                after: "the description")
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
        let described = VCPUSections(description.vcpuSections)
        try described.checkNumbers()
        let walk = try description.walk(in: stream)
        (misfit, interruptSections) = (walk.misfit, walk.interruptSections)
        if let misfit, walk.missing > 0 {
            return try search(for: devices, description, in: stream, after: misfit.error)
        }
        var room = Checked<Int64>(Self.maximumBytes)
        for (place, device) in walk.found.reversed() {
            room = room - Checked(place.bodyLength)
            guard let left = room.value, left >= 0 else {
                throw .damaged(
                    part: "the cpu sections", offset: place.offset,
                    expected: "at most \(Self.maximumBytes) bytes in all", found: "more")
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
        let region = description.region
        let bytes = try stream.bytes(in: region)
        let search = CPUSectionSearch(
            in: bytes, at: region.lowerBound, describedLengths: lengths)
        areSearched = true
        let missing = Set(devices.map(\.instance)).subtracting(search.cpus.map(\.instance))
        guard missing.isEmpty else { throw search.problem(with: missing) ?? problem }
        let sections = VCPUSections(in: bytes, at: region.lowerBound, outside: search.ranges)
        try sections.check(areAmong: description.vcpuSections)
        try take(search, sections, in: bytes, at: region.lowerBound)
        let found = Dictionary(uniqueKeysWithValues: cpus.map { ($0.instance, $0) })
        for device in devices {
            if let section = found[device.instance] { try device.check(section) }
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
    var subsectionLengths: [[UInt8]: Int] {
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
        let mayEndHere = tail.hasOnlyDevices || reading == .undescribed
        guard mayEndHere || tail.bytes.last == SectionKind.endOfFile else { throw tail.cutOff }
        areSearched = true
        let search = CPUSectionSearch(in: tail.bytes, at: tail.start)
        let hasNoFooters =
            !search.cpus.isEmpty && search.cpus.allSatisfy { !$0.place.hasFooter }
        guard mayEndHere || hasNoFooters else { throw tail.cutOff }
        if hasNoFooters {
            return try readWithoutFooters(search, tail, reading)
        }
        try read(try tail.chain(), tail)
    }

    private mutating func read(
        _ chain: SectionChain, _ tail: UndescribedTail
    ) throws(QEMUStreamError) {
        var order = ListOrder()
        for section in chain.sections where section.header.name == CPUSection.name {
            try CPUSection.check(version: section.header.version, at: section.place)
            let cpu = try CPUSection(
                instance: section.header.instance, place: section.place, in: tail.bytes,
                bodyAt: section.header.end, order: &order, describedLengths: [:])
            try cpu.check(length: section.place.bodyLength, saying: "up to its footer")
            cpus.append(cpu)
        }
        let sections = VCPUSections(
            in: tail.bytes, at: tail.start, from: chain.first,
            outside: chain.ranges(of: CPUSection.name))
        try sections.check(areAmong: chain.sections.lazy.map(\.place.offset))
        try sections.checkNumbers()
        areAllDevices = tail.isAllDevices
        interruptSections = chain.sections.filter {
            DeviceSection.isOfInterrupts($0.header.name)
        }.map { DeviceSection(name: $0.header.name, place: $0.place) }
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
        var sections = VCPUSections(in: tail.bytes, at: tail.start, outside: search.ranges)
        if !tail.isAllDevices { sections = sections.fromLastFirst() }
        try take(search, sections, in: tail.bytes, at: tail.start)
        try sections.checkNumbers()
    }
}

// MARK: - Found by search

extension StreamSections {
    /// Takes those of the sections that were found, which must be all that are there.
    private mutating func take(
        _ search: CPUSectionSearch, _ sections: VCPUSections, in bytes: [UInt8], at start: Int64
    ) throws(QEMUStreamError) {
        let found = Set(search.cpus.map(\.place.offset))
        let wanted = sections.all.filter { !$0.isCommon }
        if let lost = wanted.first(where: { !found.contains($0.offset) }) {
            throw search.problem(with: [lost.instance]) ?? lost.isNotWhole
        }
        let offsets = Set(wanted.map(\.offset))
        cpus = search.cpus.filter { offsets.contains($0.place.offset) }
        // A section without footer is one only where none has any.
        guard let odd = cpus.first(where: { !$0.place.hasFooter }),
            sections.haveFooters(in: bytes, at: start)
        else { return }
        throw .damaged(
            part: "the footer of cpu \(odd.instance)", offset: odd.place.bodyEnd,
            expected: "7e and the section's id, as other sections have it", found: "another section"
        )
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

    static func region(of stream: any SeekableBytes) -> Range<Int64> {
        let count = min(Int64(CPUSectionSearch.window), stream.size)
        return stream.size - count..<stream.size
    }

    init(of stream: any SeekableBytes) throws(QEMUStreamError) {
        let region = Self.region(of: stream)
        start = region.lowerBound
        bytes = try stream.bytes(in: region)
        let isEmpty = stream.size <= Self.firstSection
        let first = try stream.bytes(at: Int64(Self.firstSection), count: isEmpty ? 0 : 1)
        hasOnlyDevices = first == [SectionKind.full]
    }

    /// Whether the bytes are the whole stream, and it has devices and nothing else.
    var isAllDevices: Bool { hasOnlyDevices && start == 0 }

    var streamEnd: Int64 { start + Int64(bytes.count) }

    /// The sections up to the end mark: all of them, or, where RAM comes first or is not known not to,
    /// from the first one of a vCPU on.
    func chain() throws(QEMUStreamError) -> SectionChain {
        let ends = SectionEnds(in: bytes)
        if isAllDevices {
            let chain = SectionChain(in: bytes, at: start, from: Self.firstSection, ends)
            if let problem = chain.problem {
                throw hasEndMark || chain.isFollowed ? problem : cutOff
            }
            return chain
        }
        var end = 0
        var problem: QEMUStreamError?
        for position in CPUSectionSearch.candidates(in: bytes) where position >= end {
            let chain = SectionChain(in: bytes, at: start, from: position, ends)
            guard let failure = chain.problem else {
                // One that begins with another vCPU than the first begins behind what is damaged.
                if let problem, chain.sections.first?.header.instance != 0 { throw problem }
                return chain
            }
            if chain.isFollowed { throw failure }
            (end, problem) = (chain.end, failure)
        }
        throw hasEndMark ? problem ?? cutOff : cutOff
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

    private var hasEndMark: Bool { SectionFooter.isLast(in: bytes) }
}
