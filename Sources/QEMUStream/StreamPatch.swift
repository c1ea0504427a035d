package import LinuxSystem
internal import TextFormats

extension QEMUStream {
    /// What to change in the stream so that it has these sections in place of its own.
    ///
    /// That is the sections' bodies and, in the description, the lengths of their lists, the subsections that they do not
    /// have any more, and the length of the text itself.
    /// - Parameter sections: any of `cpus`, changed.
    /// - Throws: `list` when a list changes its length and the description cannot say the new one.
    package func patch(replacing sections: [CPUSection]) throws(QEMUStreamError) -> FilePatch {
        let originals = Dictionary(cpus.map { ($0.place, $0) }) { first, _ in first }
        let changed = sections.compactMap { section -> StreamDescription.Change? in
            guard let before = originals[section.place], before.body != section.body else {
                return nil
            }
            return StreamDescription.Change(before: before, after: section)
        }
        let bodies = changed.map { change in
            let place = change.after.place
            return FilePatch.Replacement(place.bodyOffset..<place.bodyEnd, change.after.body)
        }
        return FilePatch(bodies + (try description?.replacements(for: changed) ?? []))
    }
}

extension StreamDescription {
    /// A section as it is in the stream, and as it is to be.
    fileprivate struct Change {
        let before: CPUSection
        let after: CPUSection

        /// The names of the subsections that are gone.
        var gone: Set<String> {
            Set(before.allSubsections.map(\.name)).subtracting(after.allSubsections.map(\.name))
        }
    }

    /// What is to stand somewhere in the text.
    private typealias Edit = (range: Range<Int>, bytes: [UInt8])

    /// The two lengths of each section's list, its subsections, and the length of the text when it changes.
    fileprivate func replacements(
        for changes: [Change]
    ) throws(QEMUStreamError) -> [FilePatch.Replacement] {
        var edits: [Edit] = []
        for change in changes { edits += try self.edits(for: change) }
        let result = edits.map { edit in
            FilePatch.Replacement(
                offset + Int64(edit.range.lowerBound)..<offset + Int64(edit.range.upperBound),
                edit.bytes)
        }
        let growth = edits.reduce(0) { $0 + $1.bytes.count - $1.range.count }
        guard growth != 0 else { return result }
        let length = BigEndian.bytes(UInt64(text.count + growth), 4)
        return result + [FilePatch.Replacement(offset - 4..<offset, length)]
    }

    private func edits(for change: Change) throws(QEMUStreamError) -> [Edit] {
        let (section, gone) = (change.after, change.gone)
        var edits: [Edit] = []
        if section.registerCount != change.before.registerCount {
            let digits = Array(String(section.registerCount).utf8)
            edits += try lengthRanges(of: section).map { (range: $0, bytes: digits) }
        }
        if !gone.isEmpty, let list = device(of: section)?.json["subsections"] {
            edits.append((list.range, listText(list, without: gone)))
        }
        return edits
    }

    private func device(of section: CPUSection) -> Device? {
        devices.first { $0.name == CPUSection.name && $0.instance == section.instance }
    }

    /// Where the numbers of elements of the list's two arrays stand in the text.
    private func lengthRanges(of section: CPUSection) throws(QEMUStreamError) -> [Range<Int>] {
        let arrays = device(of: section)?.listArrays ?? []
        let ranges = arrays.compactMap { $0["array_len"]?.range }
        // Of a list of one register or none QEMU does not say the length at all.
        guard ranges.count == 2, section.registerCount > 1 else {
            throw .list("the stream's description cannot say how long it is")
        }
        return ranges
    }

    /// The text of an array of subsections without those of some names.
    private func listText(_ list: JSONValue, without names: Set<String>) -> [UInt8] {
        let parts = (list.array ?? []).filter { !names.contains($0["vmsd_name"]?.string ?? "") }
        let texts = parts.map { part -> [UInt8] in
            guard let inner = part["subsections"] else { return Array(text[part.range]) }
            return Array(text[part.range.lowerBound..<inner.range.lowerBound])
                + listText(inner, without: names)
                + Array(text[inner.range.upperBound..<part.range.upperBound])
        }
        return Array("[".utf8) + texts.joined(separator: Array(", ".utf8)) + Array("]".utf8)
    }
}
