internal import VCPUModel

extension Snapshot {
    /// Its notes in words, for reports; nil for none, so that JSON has no key for them.
    var noteTexts: [String]? {
        let notes = notes
        return notes.isEmpty ? nil : notes.map(\.description)
    }
}
