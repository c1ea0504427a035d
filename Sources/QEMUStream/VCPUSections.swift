internal import LinuxSystem

/// What begins like a section of a vCPU, cpu or cpu_common, and the rules by which these are known to be all
/// of them, whichever way they were found (Formats/qemu-stream.md, 1.4).
struct VCPUSections {
    struct Section {
        let isCommon: Bool
        let instance: UInt32
        /// Of what says that it is there, in bytes from the start of the stream.
        let offset: Int64

        var text: String {
            Shown.text(isCommon ? CPUSection.commonName : CPUSection.name) + " \(instance)"
        }

        var isNotWhole: QEMUStreamError {
            .damaged(
                part: "the devices", offset: offset,
                expected: "a whole section of \(text) that stands in no other",
                found: "something else")
        }

        func isSame(as other: Section) -> Bool {
            isCommon == other.isCommon && instance == other.instance
        }
    }

    /// In the order of the stream.
    private(set) var all: [Section] = []

    init(_ sections: [Section]) {
        all = sections
    }

    /// Looks for headers; what stands inside the section of a vCPU is the guest's, and none.
    /// - Parameters:
    ///   - bytes: of the devices.
    ///   - start: where they begin in the stream.
    ///   - first: where to begin in them.
    ///   - cpus: where in them the "cpu" sections stand that were read; ascending.
    init(in bytes: [UInt8], at start: Int64, from first: Int = 0, outside cpus: [Range<Int>]) {
        var rest = cpus[...]
        for position in CPUSectionSearch.candidates(in: bytes) where position >= first {
            rest = rest.drop { $0.upperBound <= position }
            if let next = rest.first, next.lowerBound < position { continue }
            guard let header = SectionHeader(in: bytes, at: position),
                CPUSection.isName(ofVCPU: header.name)
            else { continue }
            all.append(
                Section(
                    isCommon: header.name == CPUSection.commonName, instance: header.instance,
                    offset: start + Int64(position)))
        }
    }

    /// Without what stands before the last vCPU 0, where copies of the vCPUs may be in the guest's RAM.
    func fromLastFirst() -> VCPUSections {
        guard let cpu = all.lastIndex(where: { !$0.isCommon && $0.instance == 0 }) else {
            return VCPUSections([])
        }
        let before = all[..<cpu]
        let common = before.suffix(1).filter { $0.isCommon && $0.instance == 0 }
        return VCPUSections(common + all[cpu...])
    }
}

// MARK: - Rules

extension VCPUSections {
    /// Checks that each of them is one of those that were read.
    /// - Parameter offsets: of these, ascending.
    func check(areAmong offsets: some Sequence<Int64>) throws(QEMUStreamError) {
        var read = offsets.makeIterator()
        var next = read.next()
        for section in all {
            while let offset = next, offset < section.offset { next = read.next() }
            guard next == section.offset else { throw section.isNotWhole }
        }
    }

    /// Checks the numbers, which QEMU gives from 0 on in the order of the stream; a cpu_common section stands before
    /// the cpu section of each vCPU, or of none.
    func checkNumbers() throws(QEMUStreamError) {
        let hasCommon = all.contains(where: \.isCommon)
        var number: UInt32 = 0
        var isCommon = hasCommon
        for section in all {
            let expected = Section(isCommon: isCommon, instance: number, offset: section.offset)
            guard section.isSame(as: expected) else {
                throw Self.damaged(section, expected: expected.text)
            }
            if !isCommon { number += 1 }
            isCommon = hasCommon && !isCommon
        }
        if let last = all.last, last.isCommon {
            throw Self.damaged(last, expected: "cpu \(last.instance) after it")
        }
    }

    /// Checks that they are among those that a description names, in its order.
    func check(areAmong described: [Section]) throws(QEMUStreamError) {
        var rest = described[...]
        var previous = "the devices before it"
        for section in all {
            let next = rest.drop { !section.isSame(as: $0) }
            guard !next.isEmpty else {
                throw Self.damaged(
                    section,
                    expected:
                        "after \(previous) no section but those that the description names, in its order"
                )
            }
            rest = next.dropFirst()
            previous = section.text
        }
    }

    /// Whether one of them, or the last section of the stream, has a footer.
    /// - Parameter bytes: that they were found in, up to the stream's end mark.
    func haveFooters(in bytes: [UInt8], at start: Int64) -> Bool {
        if SectionFooter.isLast(in: bytes) { return true }
        let ends = SectionEnds(in: bytes)
        return all.contains { section in
            SectionHeader(in: bytes, at: Int(section.offset - start)).flatMap(ends.first) != nil
        }
    }

    private static func damaged(_ section: Section, expected: String) -> QEMUStreamError {
        .damaged(
            part: "the sections of the vCPUs", offset: section.offset, expected: expected,
            found: section.text)
    }
}
