internal import LinuxSystem

/// How much a compressed file may become, so that a small one cannot cost hours
/// (`Formats/saved-images.md`, section 7).
final class ExpansionBudget {
    /// Of what came from outside so far, or is there, in bytes.
    private var input: Int64

    init(input: Int64 = 0) {
        self.input = input
    }

    /// Counts what came from outside.
    func add(_ count: Int) {
        input += Int64(count)
    }

    /// - Parameters:
    ///   - size: of what came out of a program, in bytes.
    ///   - file: for the message.
    func check(_ size: Int64, _ compression: Compression, of file: String) throws(SavedImageError) {
        let factor = Checked<Int64>(SavedImageLimits.expansion)
        let limit = Checked(input) * factor + Checked(SavedImageLimits.freeExpansion)
        guard size > limit.value ?? .max else { return }
        throw SavedImageError(
            .limitExceeded, file,
            "decompressed, it is more than \(SavedImageLimits.expansion) times as large: decompress "
                + "it with \(compression.program), and name the stream itself")
    }
}
