internal import LinuxSystem
internal import QEMUStream
internal import TextFormats

/// A word that was taken for the name of a file, and was probably meant as a source of another kind.
public struct MisnamedFile {
    private let path: String
    private let errno: Errno

    /// - Returns: nil for an error that has another reason.
    public init?(_ error: any Error) {
        switch (error as? SourceError)?.cause ?? error {
        case let error as FileError where error.step == .open:
            (path, errno) = (error.path, error.errno)
        case let error as SavedImageError:
            guard let errno = error.errno else { return nil }
            (path, self.errno) = (error.file, errno)
        default: return nil
        }
    }

    /// What to give instead, as the end of a message; nil where nothing is known.
    public var advice: String? {
        SourceKinds.named.lazy.compactMap { $0.advice(insteadOf: path, errno) }.first
            ?? misspelledScheme
    }

    /// Where what stands before the first colon is nearly the scheme of a kind.
    private var misspelledScheme: String? {
        guard errno == .noEntry, let colon = path.firstIndex(of: ":") else { return nil }
        let question = NameSuggestion.question(
            about: String(path[...colon]), among: SourceKinds.named.map { $0.scheme })
        return question.isEmpty ? nil : question
    }
}
