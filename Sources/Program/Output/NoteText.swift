internal import Machines
internal import QEMUStream
internal import VCPUModel

extension Snapshot {
    /// Its notes in words, for reports; nil for none, so that JSON has no key for them.
    var noteTexts: [String]? {
        let notes = notes
        return notes.isEmpty ? nil : notes.map(\.description)
    }
}

extension StreamFile {
    /// What is to be said of the vCPUs, and of the stream where QEMU may not load it; nil for nothing.
    func notes(on snapshot: Snapshot) -> [String]? {
        let doubt = stream.misfit == nil ? nil : stream.placesText
        let notes = (snapshot.noteTexts ?? []) + [doubt].compactMap(\.self)
        return notes.isEmpty ? nil : notes
    }
}
