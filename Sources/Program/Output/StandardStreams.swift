internal import LinuxSystem

/// Where results go.
enum StandardOutput {
    static func write(_ text: String) throws(FileError) {
        try StandardStream.output.write(Array(text.utf8))
    }

    static var isTerminal: Bool { StandardStream.output.isTerminal }

    /// Whether NO_COLOR is set to anything but the empty string (https://no-color.org).
    static var refusesColour: Bool {
        HostIdentity.environment("NO_COLOR").map { !$0.isEmpty } ?? false
    }
}

/// Where messages go.
enum StandardError {
    /// What a message has at most, in Unicode scalars: it can quote others, who may have said megabytes.
    private static let longest = 1 << 14

    static func write(_ text: String) {
        var text = text
        let scalars = text.unicodeScalars
        if scalars.count > longest {
            let more = scalars.count - longest
            text = String(String.UnicodeScalarView(scalars.prefix(longest)))
            text += "... (\(more) more characters)\n"
        }
        // Nobody is left to tell that standard error cannot be written.
        try? StandardStream.error.write(Array(text.utf8))
    }
}
