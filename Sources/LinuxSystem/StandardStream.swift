internal import CLinux

/// The three streams every process is given.
package enum StandardStream: Int32, Sendable {
    case input = 0
    case output = 1
    case error = 2

    /// The name that errors use.
    package var name: String {
        switch self {
        case .input: "standard input"
        case .output: "standard output"
        case .error: "standard error"
        }
    }

    /// Writes all the bytes, and reports errors of a delayed write too.
    /// - Throws: step `write`.
    package func write(_ bytes: [UInt8]) throws(FileError) {
        do throws(Errno) {
            let stream = try FileDescriptor(duplicating: self)
            try stream.writeAll(bytes)
            try stream.close()
        } catch {
            throw FileError(.write, name, error)
        }
    }

    /// How many columns the terminal has that the stream is connected to; nil where it is none, or does not tell.
    package var terminalWidth: Int? {
        guard isTerminal else { return nil }
        let width = clinux_terminal_width(rawValue)
        return width > 0 ? Int(clamping: width) : nil
    }

    /// Whether the stream is connected to a terminal; false for a closed one.
    package var isTerminal: Bool {
        (try? FileDescriptor(duplicating: self).isTerminal()) ?? false
    }
}
