internal import ArgumentParser

/// What the argument parser says instead of giving a command: a result, or what is wrong with the command line.
///
/// It takes a tenth of a second to make.
struct ParserMessage {
    /// All of it.
    let text: String
    /// What is wrong, which may quote the command line; of a result the same as `text`.
    let sentence: String

    init(_ error: any Error) {
        text = Vcpusnap.fullMessage(for: error)
        sentence = text.hasPrefix(Self.prefix) ? Vcpusnap.message(for: error) : text
    }

    private static let prefix = "Error: "

    /// Whether it is help, the version or a script, and no error.
    var isResult: Bool { !text.hasPrefix(Self.prefix) }

    /// An error, in which what the sentence quotes is escaped.
    var printable: PrintableText {
        let rest = text.utf8.dropFirst(Self.prefix.utf8.count + sentence.utf8.count)
        let usage = PrintableText(lines: String(decoding: rest, as: UTF8.self))
        return "\(Self.prefix)\(sentence)" + usage
    }
}
