internal import Machines
internal import QEMUStream
internal import Reports
internal import VCPUModel

extension QEMUStream {
    /// True where nothing said where in it the vCPUs are; else nil, so that JSON has no key for it.
    var foundBySearch: Bool? { isSearched ? true : nil }
}

/// What every report says about the stream it is on.
struct StreamRemarks: JSONConvertible {
    let foundBySearch: Bool?
    /// On the vCPUs, and on the stream where QEMU may not load it; nil for none.
    let notes: [String]?

    init(on file: StreamFile, _ snapshot: Snapshot) {
        foundBySearch = file.stream.foundBySearch
        let doubt = file.stream.misfit == nil ? nil : file.stream.placesText
        let notes = (snapshot.noteTexts ?? []) + [doubt].compactMap(\.self)
        self.notes = notes.isEmpty ? nil : notes
    }

    var json: JSONObject { ["foundBySearch": foundBySearch, "notes": notes] }
}
