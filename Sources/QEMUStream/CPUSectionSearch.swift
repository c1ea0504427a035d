internal import LinuxSystem

/// Finds "cpu" sections by their looks, where nothing says where they are.
///
/// The work is linear in the bytes that are searched, whatever they are.
struct CPUSectionSearch {
    /// Device state stands at the end; what lies further ahead is RAM and is not read.
    static let window = 64 << 20
    private static let maximumProblems = 1 << 14

    /// In the order of the stream; of two with one number the last.
    private(set) var cpus: [CPUSection] = []
    /// Where each that was found stands in the bytes, those with one number too.
    private(set) var ranges: [Range<Int>] = []
    /// Where stands what begins like the section of a vCPU and was not taken for one; of no more than
    /// `maximumProblems`, which the bytes of a guest's RAM may have.
    private var problems: [UInt32: Int] = [:]
    private let bytes: [UInt8]
    private let start: Int64
    private let describedLengths: [[UInt8]: Int]

    /// - Parameter start: where the bytes begin in the stream.
    init(in bytes: [UInt8], at start: Int64, describedLengths: [[UInt8]: Int] = [:]) {
        self.bytes = bytes
        self.start = start
        self.describedLengths = describedLengths
        var order = ListOrder()
        var end = 0
        var found: [UInt32: CPUSection] = [:]
        for position in Self.candidates(in: bytes) where position >= end {
            guard let header = header(at: position) else { continue }
            guard mayBeSection(header, &order), let section = try? section(header, &order) else {
                if problems.count < Self.maximumProblems { problems[header.instance] = position }
                continue
            }
            found[header.instance] = section
            // What is inside a section is none of its own.
            end = header.end + section.body.count
            ranges.append(header.start..<end)
        }
        cpus = found.values.sorted { $0.place.offset < $1.place.offset }
    }

    /// Why the first of these vCPUs was not found, as far as that is known.
    func problem(with instances: some Collection<UInt32>) -> QEMUStreamError? {
        instances.sorted().lazy.compactMap { problems[$0] }.first.flatMap(problem)
    }

    /// Why what stands there is no section; the words are made only for who asks.
    private func problem(at position: Int) -> QEMUStreamError? {
        guard let header = header(at: position) else { return nil }
        var order = ListOrder()
        do throws(QEMUStreamError) {
            _ = try section(header, &order)
            return nil
        } catch {
            return error
        }
    }

    private func header(at position: Int) -> SectionHeader? {
        guard let header = SectionHeader(in: bytes, at: position), header.name == CPUSection.name
        else { return nil }
        return header
    }

    /// Whether what is checked first is as it must be; RAM can have millions of places where it is not.
    private func mayBeSection(_ header: SectionHeader, _ order: inout ListOrder) -> Bool {
        header.version == CPUSection.version
            && CPUSection.ids(in: bytes, bodyAt: header.end).map {
                order.firstFall(in: bytes, $0) == nil
            } == true
    }

    /// Where a kind byte and a name that begins with `cpu` stand as they should.
    static func candidates(in bytes: [UInt8]) -> [Int] {
        var result: [Int] = []
        bytes.withUnsafeBufferPointer { buffer in
            var position = 6
            while position + 3 <= buffer.count {
                if buffer[position] == UInt8(ascii: "c"), buffer[position + 1] == UInt8(ascii: "p"),
                    buffer[position + 2] == UInt8(ascii: "u"),
                    buffer[position - 6] == SectionKind.full
                {
                    result.append(position - 6)
                }
                position += 1
            }
        }
        return result
    }

    /// The section, if everything in it is as it must be.
    private func section(
        _ header: SectionHeader, _ order: inout ListOrder
    ) throws(QEMUStreamError) -> CPUSection {
        let place = SectionPlace(
            offset: start + Int64(header.start), headerLength: Int64(header.length), bodyLength: 0,
            hasFooter: true)
        try CPUSection.check(version: header.version, at: place)
        let section = try CPUSection(
            instance: header.instance, place: place, in: bytes, bodyAt: header.end, order: &order,
            describedLengths: describedLengths)
        let end = header.end + section.body.count
        if SectionFooter.isThere(of: header.number, in: bytes, at: end) { return section }
        guard SectionEnds.mayFollow(in: bytes, at: end) else {
            throw .damaged(
                part: "the footer of the cpu section", offset: start + Int64(end),
                expected: "7e " + header.number.hexadecimal,
                found: bytes[end...].prefix(SectionFooter.length).hexadecimal)
        }
        return section.withFooter(false)
    }
}

/// Whether lists of ids ascend; places that were looked at once are not looked at again, so that lists
/// that lie over each other cost no more than one.
struct ListOrder {
    /// Of each alignment the last place that was looked at: there the ids ascend, and the next one after it
    /// may be known not to.
    private var runs = [(range: Range<Int>, falls: Bool)](repeating: (0..<0, false), count: 8)

    /// Where the first id stands that is not above the one before it; nil where all ascend.
    mutating func firstFall(in bytes: [UInt8], _ list: Range<Int>) -> Int? {
        guard !list.isEmpty else { return nil }
        let alignment = list.lowerBound % 8
        var run = runs[alignment]
        if !run.range.contains(list.lowerBound) {
            run = (list.lowerBound..<list.lowerBound + 8, false)
        }
        var end = run.range.upperBound
        while end < list.upperBound, !run.falls {
            run.falls = bytes.bigEndian(at: end, count: 8) <= bytes.bigEndian(at: end - 8, count: 8)
            if !run.falls { end += 8 }
        }
        run.range = run.range.lowerBound..<end
        runs[alignment] = run
        return run.falls && end < list.upperBound ? end : nil
    }
}
