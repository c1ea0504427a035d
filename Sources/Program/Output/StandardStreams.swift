internal import LinuxSystem

/// Where results go.
enum StandardOutput {
    static func write(_ text: PrintableText) throws(FileError) {
        try StandardStream.output.write(Array(text.string.utf8))
    }
}

/// Where messages go.
enum StandardError {
    /// What a message has at most, in Unicode scalars: it can quote others, who may have said megabytes.
    static let longest = 1 << 14

    static func write(_ text: PrintableText) {
        var text = text.string
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

extension StandardStream {
    /// Whether it is a terminal on which colors and movements of the cursor do something, and nobody said that they
    /// are not wanted.
    var obeysControls: Bool {
        let terminal = HostIdentity.environment("TERM") ?? "dumb"
        return isTerminal && terminal != "dumb" && !terminal.isEmpty && !Self.refusesColors
    }

    /// NO_COLOR is set to something (https://no-color.org).
    static var refusesColors: Bool {
        !(HostIdentity.environment("NO_COLOR") ?? "").isEmpty
    }
}
