internal import LinuxSystem

/// `ssh:HOST`: another machine, on which vcpusnap is run by the system's ssh.
package struct SSHHost: Sendable {
    /// What ssh takes follows: `ssh:HOST`, `ssh:USER@HOST`, `ssh://USER@HOST:PORT`.
    package static let scheme = "ssh:"

    /// What follows the scheme.
    package let name: String

    /// Takes what can be the name of a host, and no option of ssh's; nobody is connected to yet.
    package init?(_ name: String) {
        let host = name.hasPrefix("//") ? name.dropFirst(2) : name[...]
        let parts = host.split(separator: "@", omittingEmptySubsequences: false)
        guard host.utf8.allSatisfy(Self.isAllowed),
            parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix("-") })
        else { return nil }
        self.name = name
    }

    /// From a word with the scheme; nil for another one.
    /// - Throws: for a name that cannot be a host's.
    package init?(word: String) throws(SourceError) {
        let location = Location(word: word)
        try location.checkScheme()
        guard case .named(let source) = location, let host = source as? SSHHost else { return nil }
        self = host
    }

    /// The ways of ssh's command line.
    package static let spellings =
        "\(scheme)HOST, \(scheme)USER@HOST or \(scheme)//USER@HOST:PORT, or an alias of ssh's configuration"

    /// Nothing that a shell, which ssh's configuration may hand the name to, takes for anything else.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "._-@:%[]/+".utf8.contains(byte)
        }
    }

    /// As it was given.
    package var text: String { Self.scheme + name }

    /// The host alone, without the user and the port.
    var hostName: Substring {
        let host = name.hasPrefix("//") ? name.dropFirst(2) : name[...]
        let end = host.split(separator: "@").last ?? host
        return name.hasPrefix("//") ? end.prefix { $0 != ":" } : end
    }
}

// MARK: - Running something there

extension SSHHost {
    /// What a command there printed, behind the version of vcpusnap.
    package struct Answer {
        /// Its standard output.
        package let output: [UInt8]
        /// What it said, without line ends.
        package let messages: [String]
        /// Its exit status: 0 or 1.
        package let status: Int32
    }

    /// Runs a command of the vcpusnap that is there.
    /// - Parameters:
    ///   - command: words that no shell takes for anything else.
    ///   - limit: the most bytes that it may print.
    ///   - answer: for its standard input, by what it has printed so far; nil as long as there is no answer to that.
    /// - Throws: where it cannot be reached, has no vcpusnap or another version, and where the command ends with
    ///   another status than 0 and 1.
    package func run(
        _ command: String, limit: Int,
        answering answer: (ArraySlice<UInt8>) -> [UInt8]? = { _ in [] }
    ) throws(SourceError) -> Answer {
        let words = Self.command + [(name.hasPrefix("//") ? text : name), Self.versioned(command)]
        let run = try Errno.translating(
            try ProgramRun(
                words,
                answering: { output in
                    guard let isKnown = Self.isOfThisVersion(output) else { return nil }
                    return isKnown ? answer(output.dropFirst(Self.version.count)) : []
                }, within: Self.longestTime, limit: Self.longestVersion + limit)
        ) { failure($0) }
        let messages = run.errors.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            .map { String(decoding: $0, as: UTF8.self) }
        guard run.end != .exit(status: 255), run.output.contains(UInt8(ascii: "\n")) else {
            throw failure(run, messages)
        }
        let output = try behindVersion(run.output)
        switch run.end {
        case .exit(let status) where status < 2:
            return Answer(output: output, messages: messages, status: status)
        default: throw failure(run, messages)
        }
    }

    /// Nil as long as that is not known.
    private static func isOfThisVersion(_ output: [UInt8]) -> Bool? {
        output.starts(with: version) ? true : version.starts(with: output) ? nil : false
    }

    /// What the program prints with `--version`.
    static let version = Array((Version.text + "\n").utf8)

    /// It prints its version first, and does nothing else where that cannot be asked.
    static func versioned(_ command: String) -> String {
        "vcpusnap --version && vcpusnap \(command)"
    }

    private static let longestVersion = 1 << 12
    /// With the time that somebody takes to type a password.
    private static let longestTime = Duration.seconds(900)

    /// ssh without a terminal there and without what its configuration may add; a connection that is dead ends.
    ///
    /// ssh asks for passwords and unknown keys on the terminal itself. Where nobody sits at one, it is told not to ask.
    private static var command: [String] {
        let isAttended = StandardStream.input.isTerminal || StandardStream.error.isTerminal
        let options =
            [
                "RemoteCommand=none", "ClearAllForwardings=yes", "ServerAliveInterval=15",
            ] + (isAttended ? [] : ["BatchMode=yes"])
        return ["ssh", "-T", "-a", "-x"] + options.flatMap { ["-o", $0] } + ["--"]
    }

    private func behindVersion(_ output: [UInt8]) throws(SourceError) -> [UInt8] {
        let first = output.prefix { $0 != UInt8(ascii: "\n") }
        let found = String(decoding: first.prefix(Self.longestVersion), as: UTF8.self)
        guard found == Version.text else {
            throw SourceError(
                found.hasPrefix(Version.program)
                    ? "\(text) has \(Shown.line(found, limit: 80)), and this is \(Version.text): install the same "
                        + "version there"
                    : "\(text): expected \(Version.text), found \"\(Shown.line(found, limit: 80))\": the start-up "
                        + "files of its shell must print nothing where there is no terminal")
        }
        return Array(output.dropFirst(first.count + 1))
    }
}

// MARK: - What can go wrong

extension SSHHost {
    private func failure(_ errno: Errno) -> SourceError {
        switch errno {
        case .noEntry:
            SourceError(
                "\(text): there is no program ssh on the PATH: install it (Debian's package is openssh-client)"
            )
        case .fileTooLarge:
            SourceError("\(text): it prints more than any vcpusnap does: check what it runs")
        case .timedOut:
            SourceError(
                "\(text): vcpusnap there did not end within \(Self.longestTime); check there what it is doing"
            )
        default: SourceError("\(text): cannot run ssh: \(errno)")
        }
    }

    private func failure(_ run: ProgramRun, _ messages: [String]) -> SourceError {
        let reason = messages.last.map { ": \(Shown.line($0, limit: 400))" } ?? ""
        // What vcpusnap itself gave up it did not do.
        let isKnown = !run.wasFed || run.end == .exit(status: 2)
        let said =
            reason
            + (isKnown ? "" : "; what was sent to it may have been carried out anyway: check there")
        return switch run.end {
        case .exit(status: 255):
            SourceError("\(text): ssh cannot connect, or lost the connection\(said)")
        case .exit(status: 127):
            SourceError(
                "\(text) has no vcpusnap on the PATH of its shell: install \(Version.text) there\(said)"
            )
        case .exit(let status):
            SourceError("\(text): vcpusnap there ended with status \(status)\(said)")
        case .signal(let number): SourceError("\(text): ssh was ended by signal \(number)\(said)")
        }
    }
}
