internal import LinuxSystem
internal import Registers

/// Where a report goes, piece by piece: every text and every JSON that a command prints passes here.
///
/// A report can be much larger than what it is made from, so it is written as it is made.
final class ReportWriter {
    let style: TextStyle
    private let stream: StandardStream
    private var buffer: [UInt8] = []
    private var failure: FileError?
    private let wrapping: LineWrapping?
    /// The line that is not ended yet, where lines are wrapped.
    private var line = ""

    /// Bytes that are gathered before they are written.
    private static let capacity = 1 << 16

    /// - Parameter width: of the terminal; nil where it is none.
    init(to stream: StandardStream, style: TextStyle, width: Int? = nil) {
        self.stream = stream
        self.style = style
        wrapping = LineWrapping(width: width)
        buffer.reserveCapacity(Self.capacity)
    }

    /// Appends a piece; a failure to write it is told by `finish`.
    func write(_ text: PrintableText) {
        guard let wrapping else { return append(text.string) }
        line += text.string
        while let end = line.firstIndex(of: "\n") {
            append(wrapping.wrapped(line[..<end]) + "\n")
            line.removeSubrange(...end)
        }
    }

    /// Appends a piece for programs, which is not wrapped; nothing is left in it that is no printable character.
    func write(data text: String) {
        append(text)
    }

    private func append(_ text: String) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.capacity { flush() }
    }

    /// Appends the lines of registers, each category under its name.
    func write<Register>(
        _ registers: [Register], by category: (Register) -> RegisterCategory,
        _ lines: (Register) -> PrintableText
    ) {
        let byCategory = Dictionary(grouping: registers, by: category)
        for category in RegisterCategory.allCases {
            guard let members = byCategory[category] else { continue }
            write("  \(style.bold("\(category.rawValue)"))\n")
            for member in members { write(lines(member)) }
        }
    }

    /// Writes what is left.
    /// - Throws: the first failure; after it nothing was written any more.
    func finish() throws(FileError) {
        append(line)
        flush()
        if let failure { throw failure }
    }

    private func flush() {
        defer { buffer.removeAll(keepingCapacity: true) }
        guard failure == nil, !buffer.isEmpty else { return }
        do throws(FileError) {
            try stream.write(buffer)
        } catch {
            failure = error
        }
    }
}
