public import LinuxSystem
internal import TextFormats

extension QEMUStream {
    /// What to change in the stream so that it has these sections in place of its own.
    ///
    /// That is the sections' bodies and, in the description, the lengths of their lists and of the text itself.
    /// - Parameter sections: any of `cpus`, changed.
    /// - Throws: `list` when a list changes its length and the description cannot say the new one.
    public func patch(replacing sections: [CPUSection]) throws(QEMUStreamError) -> FilePatch {
        let originals = Dictionary(cpus.map { ($0.place, $0) }) { first, _ in first }
        let changed = sections.filter { originals[$0.place]?.body != $0.body }
        var replacements = changed.map { section in
            FilePatch.Replacement(
                section.place.bodyOffset..<section.place.bodyEnd, section.body)
        }
        let resized = changed.filter {
            originals[$0.place]?.registerCount != $0.registerCount
        }
        if let description, !resized.isEmpty {
            replacements += try description.replacements(for: resized)
        }
        return FilePatch(replacements)
    }
}

extension StreamDescription {
    /// The two lengths of each section's list, and the length of the text when it changes.
    fileprivate func replacements(
        for sections: [CPUSection]
    ) throws(QEMUStreamError) -> [FilePatch.Replacement] {
        var result: [FilePatch.Replacement] = []
        var growth = 0
        for section in sections {
            let digits = Array(String(section.registerCount).utf8)
            for range in try lengthRanges(of: section) {
                let place = offset + Int64(range.lowerBound)..<offset + Int64(range.upperBound)
                result.append(FilePatch.Replacement(place, digits))
                growth += digits.count - range.count
            }
        }
        guard growth != 0 else { return result }
        let length = BigEndian.bytes(UInt64(text.count + growth), 4)
        return result + [FilePatch.Replacement(offset - 4..<offset, length)]
    }

    /// Where the numbers of elements of the list's two arrays stand in the text.
    private func lengthRanges(of section: CPUSection) throws(QEMUStreamError) -> [Range<Int>] {
        let device = devices.first {
            $0.name == CPUSection.name && $0.instance == section.instance
        }
        let ranges = (device?.listArrays ?? []).compactMap { $0["array_len"]?.range }
        // Of a list of one register or none QEMU does not say the length at all.
        guard ranges.count == 2, section.registerCount > 1 else {
            throw .list("the stream's description cannot say how long it is")
        }
        return ranges
    }
}
