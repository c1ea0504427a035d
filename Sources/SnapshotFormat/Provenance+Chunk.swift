internal import VCPUModel

extension Provenance {
    /// The content of the PROV chunk: key, value, key, value, each with its length in front.
    func encoded() throws(SnapshotFormatError) -> [UInt8] {
        guard entries.count <= SnapshotLimits.provenanceEntries else {
            throw SnapshotFormatError(
                .limitExceeded, chunk: .provenance,
                "there are \(entries.count) entries, the limit is "
                    + "\(SnapshotLimits.provenanceEntries)")
        }
        var writer = ByteWriter()
        var keys: Set<Key> = []
        for (key, value) in entries {
            let written = Key(rawValue: Self.writable(key.rawValue))
            guard !written.rawValue.isEmpty else { throw Self.unwritable("a key is empty") }
            guard keys.insert(written).inserted else {
                throw Self.unwritable("two keys are the same when written: \"\(written.rawValue)\"")
            }
            for text in [written.rawValue, Self.writable(value)] {
                writer.append(variable: UInt64(text.utf8.count))
                writer.append(text.utf8)
            }
        }
        return writer.bytes
    }

    private static func unwritable(_ problem: String) -> SnapshotFormatError {
        SnapshotFormatError(.invalidSnapshot, chunk: .provenance, problem)
    }

    init(parsing reader: inout ByteReader) throws(SnapshotFormatError) {
        self.init()
        while reader.remaining > 0 {
            guard entries.count < SnapshotLimits.provenanceEntries else {
                throw reader.error(
                    .limitExceeded,
                    "there are more than \(SnapshotLimits.provenanceEntries) entries")
            }
            let key = try Self.text(&reader, isKey: true)
            let value = try Self.text(&reader, isKey: false)
            guard self[Key(rawValue: key)] == nil else {
                throw reader.malformed("the key \"\(key)\" stands twice")
            }
            self[Key(rawValue: key)] = value
        }
    }

    private static func text(
        _ reader: inout ByteReader, isKey: Bool
    ) throws(SnapshotFormatError) -> String {
        let what = isKey ? "a key" : "a value"
        let length = try reader.count(
            "the length of \(what)", limit: SnapshotLimits.provenanceText)
        let bytes = try reader.take(length, what)
        let text = String(decoding: bytes, as: UTF8.self)
        // Decoding replaces what is not UTF-8, so the bytes then differ.
        guard text.utf8.elementsEqual(bytes) else { throw reader.malformed("\(what) is not UTF-8") }
        if let defect = defect(of: text, isKey: isKey) {
            throw reader.malformed("\(what) \(defect)")
        }
        return text
    }

    /// A key or value as the format allows it.
    ///
    /// Text comes from other programs (names of machines and processes). What they name themselves
    /// must not cost the state of a VM that was stopped to be saved.
    private static func writable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var length = 0
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || scalar.value == 0x7f
            let written = isControl ? Unicode.Scalar(0xfffd) ?? "?" : scalar
            length += UTF8.width(written)
            guard length <= SnapshotLimits.provenanceText else { break }
            result.append(written)
        }
        return String(result)
    }

    /// What is wrong with a key or value, nil for nothing.
    package static func defect(of text: String, isKey: Bool) -> String? {
        if isKey, text.isEmpty { return "is empty" }
        if text.utf8.count > SnapshotLimits.provenanceText {
            return "is longer than \(SnapshotLimits.provenanceText) bytes"
        }
        if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            return "has a control character"
        }
        return nil
    }
}
