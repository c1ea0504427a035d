import FakeQEMU
import Foundation
import SeededRandom
import SnapshotFormat
import TestFiles
import Testing
import VCPUModel

/// Text that somebody else wrote, as a name of a file could be.
private enum Hostile: CaseIterable {
    /// What a terminal, a reader of lines or a web page obeys.
    case obeyed
    /// What is not seen, or changes how the rest is seen.
    case unseen

    var text: String {
        switch self {
        case .obeyed:
            "\u{1b}]0;own\u{7}\u{1b}[31mred\nvCPU 9: forged\r\u{8}\t\u{1}\u{1f}\u{7f}"
                + "\u{9b}31mred\u{85}next\u{80}\u{9f}<b onclick='x'>\"&\\"
        case .unseen:
            "a\u{202e}b\u{2066}c\u{2069}d\u{61c}e\u{200e}f\u{200f}g\u{202a}h\u{2028}i\u{2029}j\u{200b}"
                + "k\u{feff}l\u{2060}m\u{e0041}n\u{ad}o\u{34f}p\u{3164}" + Self.noncharacters
        }
    }

    private static var noncharacters: String {
        [0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1_fffe, 0x10_ffff].compactMap(Unicode.Scalar.init)
            .map { "a\($0)" }.joined()
    }

    static let harmless = ["Grüße 大きさ 🐧❤️ e\u{301}", "100 % {x} \\u{1b} $HOME 'q' \"d\""]

    /// What somebody wanted to be read as a report's own line.
    static let forged = "\nvCPU 9: forged"

    /// Whether a character may not be printed: no rule of the program, but a list of what does harm.
    static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0a: false
        case 0..<0x20, 0x7f..<0xa0, 0xad, 0x34f, 0x61c, 0x200b...0x200f, 0x2028...0x202e,
            0x2060...0x206f, 0x3164, 0xfdd0...0xfdef, 0xfeff, 0xe0000...0xe007f:
            true
        default: scalar.value & 0xfffe == 0xfffe
        }
    }
}

/// Expects text that does nothing to a terminal or a web page.
private func expectPrintable(
    _ bytes: Data, _ what: [String], location: SourceLocation = #_sourceLocation
) throws {
    let text = try #require(String(validating: bytes, as: UTF8.self), sourceLocation: location)
    let found = text.unicodeScalars.filter(Hostile.isForbidden).map { String($0.value, radix: 16) }
    #expect(found.isEmpty, "\(what)", sourceLocation: location)
    #expect(!text.contains(Hostile.forged), "\(what)", sourceLocation: location)
}

/// All strings of a JSON value, keys too.
private func strings(_ value: Any) -> [String] {
    switch value {
    case let text as String: [text]
    case let list as [Any]: list.flatMap(strings)
    case let object as [String: Any]: object.flatMap { [$0.key] + strings($0.value) }
    default: []
    }
}

private let host = "6.12-neoverse-n1"

@Suite("Commands: text that somebody else wrote is never printed as it is")
struct ForeignTextTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    // MARK: Subjects

    /// A snapshot, a stream, a profile and a policy, with a name that does harm.
    private struct Files {
        let snapshot: String
        let stream: String
        let profile: String
        let policy: String
        let missing: String

        init(_ folder: TemporaryFolder, _ name: String) throws {
            snapshot = folder / "\(name).vcpusnap"
            stream = try folder.copy(Stream.n1, as: "\(name).mig")
            profile = folder / "\(name).vhost"
            policy = try folder.make("\(name).vpolicy", "vpolicy 1\nbase exact\nignore x1\n")
            missing = folder / "\(name).none"
            try Program.run("save", "emulated:6.12-max", "--vcpus", "2", "-o", snapshot)
            try Program.run("host", "--from", snapshot, "--name", "a", "-o", profile)
        }

        /// Commands that print something, with what of the JSON is to be a name that they were given.
        var commands: [(words: [String], names: [String])] {
            [
                (["show", snapshot], [snapshot]), (["show", stream], [stream]),
                (["verify", snapshot], [snapshot]), (["verify", stream], [stream]),
                (["verify", profile], [profile]), (["verify", policy], [policy]),
                (["diff", snapshot, stream], [snapshot, stream]),
                (["plan", snapshot, "--host", host, "--policy", policy], [snapshot, policy]),
                (["plan", stream, "--host", profile], [stream]),
                (["plan", stream, "--host", profile, "--qemu", "9.0"], [stream]),
                (["restore", snapshot, "emulated:\(profile)"], [snapshot, "emulated:\(profile)"]),
                (["restore", snapshot, snapshot, "--dry-run", "--policy", policy], [policy]),
                (["mend", stream, "--host", profile, "--dry-run"], [stream, profile]),
                (["mend", stream, "--host", host, "--policy", policy, "--dry-run"], [policy]),
                (["set", snapshot, "--vcpu", "0", "x0=7"], [snapshot]),
                (["inject", snapshot, "breakpoint", "--vcpu", "1"], [snapshot]),
                (["matrix", snapshot, "--host", profile, "--policy", policy], [snapshot, policy]),
                (["convert", snapshot, "--into", stream, "-o", "/dev/null"], []),
            ]
        }

        /// Commands that fail, and say at what.
        var failures: [[String]] {
            let commands = ["show", "verify", "unmend"].map { [$0, missing] }
            return commands + [
                ["diff", snapshot, missing], ["set", stream, "x0=7"],
                ["plan", snapshot, "--host", missing], ["plan", missing, "--host", host],
                ["plan", snapshot, "--host", snapshot], ["baseline", profile, missing],
                ["mend", snapshot, "--host", host, "--dry-run"], ["restore", missing, snapshot],
                ["mend", stream, "--host", policy, "--dry-run"], ["inject", missing, "serror"],
                ["matrix", missing, "--host", host], ["matrix", snapshot, "--hosts", missing],
                ["host", "--from", missing], ["convert", missing, "-o", snapshot],
                [
                    "convert", stream, "-o",
                    "\(missing)/\(URL(fileURLWithPath: missing).lastPathComponent)",
                ],
                ["restore", snapshot, "emulated:\(missing)"],
                ["save", "qmp:\(missing)", "-o", "-"],
                ["plan", snapshot, "--host", host, "--policy", profile],
            ]
        }
    }

    /// Words that are no files, and are quoted as what they are not.
    private func misuses(_ word: String) -> [[String]] {
        let source = "emulated:\(host)"
        return [
            [word], ["show", source, word], ["show", source, "--format", word],
            ["show", source, "--format=\(word)"], ["show", source, "--\(word)"],
            ["show", source, "--register", word], ["register", word], ["register", "\(word)*"],
            ["register", "SCTLR_EL1.\(word)"], ["set", source, word],
            ["set", source, "\(word)=1"], ["set", source, "x0=\(word)"],
            ["set", source, "SCTLR_EL1.\(word)=1"], ["set", source, "--vcpu", word, "x0=1"],
            ["inject", source, word], ["inject", source, "serror", "--syndrome", word],
            ["plan", source, "--host", word], ["plan", Stream.n1, "--host", host, "--qemu", word],
            ["plan", source, "--host", host, "--policy", word],
            ["restore", source, source, "--exclude", word], ["save", word, "-o", "-"],
            ["save", "emulated:\(word)", "-o", "-"], ["save", source, "--vcpus", word, "-o", "-"],
            ["show", "pid:\(word)"], ["host", "--name", word], ["help", word],
            ["show", source, "-o", word, "-o", word], ["convert", word, "-o", "kvm:"],
            ["host", "--from", source, "--kernel", word, "--name", word],
        ]
    }

    // MARK: Names

    @Test("Names of files", arguments: Hostile.allCases)
    private func names(_ hostile: Hostile) throws {
        let files = try Files(folder, hostile.text)
        for (words, names) in files.commands {
            let text = try Program.run(words)
            #expect(text.status < 2, "\(words): \(text.errors)")
            try expectPrintable(text.output, words)
            try expectPrintable(Data(text.errors.utf8), words)
            let json = try Program.run(words + ["--format", "json"])
            try expectPrintable(json.output, words)
            let found = Set(strings(try json.json()).map { Array($0.unicodeScalars) })
            for name in names { #expect(found.contains(Array(name.unicodeScalars)), "\(words)") }
        }
    }

    @Test("Names of files in errors, and other words", arguments: Hostile.allCases)
    private func errors(_ hostile: Hostile) throws {
        let files = try Files(folder, hostile.text)
        let failures = files.failures
        for (number, words) in (failures + misuses(hostile.text)).enumerated() {
            let run = try Program.run(words)
            #expect(run.status == 2 || number >= failures.count && run.status >= 0, "\(words)")
            try expectPrintable(run.output, words)
            try expectPrintable(Data(run.errors.utf8), words)
        }
    }

    @Test("On a terminal there are our own colors beside it", arguments: Hostile.allCases)
    private func terminal(_ hostile: Hostile) throws {
        let files = try Files(folder, hostile.text)
        for words in files.commands.map(\.words) + files.failures.prefix(6) {
            var shown = try Terminal.run(words).text
            let color = /\u{1b}\[(0|1|2|31|32)m/
            // Errors and reports of one line have no colors.
            let isPlain = shown.hasPrefix("vcpusnap: ") || words[0] == "unmend"
            #expect(shown.contains(color) || isPlain, "\(words)")
            shown.replace(color, with: "")
            // A progress line begins anew.
            if words[0] == "matrix" { shown.replace(/\r\[[#-]{30}\] \d+ of \d+ pairs/, with: "") }
            try expectPrintable(Data(shown.utf8), words)
        }
    }

    @Test("Harmless names stay as they are", arguments: Hostile.harmless)
    func harmless(_ name: String) throws {
        let files = try Files(folder, name)
        let shown = try Program.run("show", files.snapshot)
        #expect(shown.text.hasPrefix(files.snapshot + "\n"))
        let missing = try Program.run("show", files.missing)
        #expect(missing.errors.hasPrefix("vcpusnap: cannot open \"\(files.missing)\": ENOENT"))
        let word = try Program.run("show", files.snapshot, name)
        #expect(word.errors.hasPrefix("Error: Unexpected argument '\(name)'\nUsage: vcpusnap show"))
        let json = try Program.run("show", files.snapshot, "--format", "json")
        #expect(try json.json()["source"] as? String == files.snapshot)
    }

    // MARK: Contents

    /// A stream whose machine has another name.
    private func stream(machine: String) throws -> String {
        var bytes = try StreamFixture.kvmN1.bytes
        let length = Int(bytes[12])
        let count = machine.utf8.count
        let size = (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
        bytes.replaceSubrange(9..<13 + length, with: size + machine.utf8)
        return try folder.make("machine.mig", bytes)
    }

    @Test("The machine of a stream, and the snapshot made of it", arguments: Hostile.allCases)
    private func machines(_ hostile: Hostile) throws {
        let stream = try stream(machine: hostile.text)
        let snapshot = folder / "machine.vcpusnap"
        #expect(try Program.run("convert", stream, "-o", snapshot).status == 0)
        for words in [["show", stream], ["show", snapshot], ["diff", Stream.n1, snapshot]] {
            let text = try Program.run(words)
            try expectPrintable(text.output, words)
            let json = try Program.run(words + ["--format", "json"])
            try expectPrintable(json.output, words)
            // The file's format has no place for line ends.
            guard words[1] == stream else { continue }
            #expect(strings(try json.json()).contains(hostile.text), "\(words)")
        }
    }

    @Test("What a snapshot says of where it comes from", arguments: Hostile.allCases)
    private func provenance(_ hostile: Hostile) throws {
        let kept = String(
            String.UnicodeScalarView(
                hostile.text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }))
        try Program.run("save", "emulated:\(host)", "-o", folder / "a")
        var snapshot = try SnapshotReader.decode(try folder.bytes("a"))
        for key in [.kernel, .vmm, .source, .qemuMachine, Provenance.Key(rawValue: kept)] {
            snapshot.provenance[key] = kept
        }
        let path = try folder.make("b", try SnapshotWriter.encode(snapshot))
        for words in [
            ["show", path], ["diff", folder / "a", path], ["plan", path, "--host", host],
            ["restore", path, "emulated:\(host)"], ["host", "--from", path],
            ["matrix", path, "--host", "6.12-max"], ["set", path, "x0=1"],
        ] {
            let text = try Program.run(words)
            try expectPrintable(text.output, words)
            try expectPrintable(Data(text.errors.utf8), words)
            let json = try Program.run(words + ["--format", "json"])
            try expectPrintable(json.output, words)
            guard words[0] == "show" else { continue }
            #expect(strings(try json.json()).filter { $0 == kept }.count == 6)
        }
    }

    @Test("Whatever characters there are, they are printable, and JSON gives them back")
    func random() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        try Program.run("save", "emulated:\(host)", "-o", folder / "a")
        var snapshot = try SnapshotReader.decode(try folder.bytes("a"))
        let ranges: [ClosedRange<UInt32>] = [
            0x20...0x7e, 0x80...0xff, 0x20...0xd7ff, 0x2000...0x206f, 0xe000...0xffff,
            0x1_0000...0x10_ffff, 0xe_0000...0xe_01ff,
        ]
        let texts = (0..<100).map { number in
            // A snapshot has no place for DEL: its writer puts another character there.
            let scalars = (0..<100).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: ranges[number % ranges.count], using: &random))
            }.filter { $0 != "\u{7f}" }
            return String(String.UnicodeScalarView(scalars))
        }
        for (number, text) in texts.enumerated() {
            snapshot.provenance[Provenance.Key(rawValue: "x\(number)")] = text
        }
        let path = try folder.make("b", try SnapshotWriter.encode(snapshot))
        try expectPrintable(try Program.run("show", path).output, [])
        let json = try Program.run("show", path, "--format", "json")
        try expectPrintable(json.output, [])
        let found = Set(strings(try json.json()).map { Array($0.unicodeScalars) })
        for text in texts { #expect(found.contains(Array(text.unicodeScalars))) }
    }

    @Test("What QEMU says of itself", arguments: Hostile.allCases)
    private func qmp(_ hostile: Hostile) throws {
        let text = String(
            decoding: try JSONEncoder().encode([hostile.text]), as: UTF8.self
        ).dropFirst().dropLast()
        let behaviors: [@Sendable (String) -> String?] = [
            { _ in "\"error\": {\"class\": \(text), \"desc\": \(text)}" },
            {
                $0 == "query-status" ? "\"return\": {\"status\": \(text), \"running\": false}" : nil
            },
        ]
        for behavior in behaviors {
            let qemu = FakeQEMU { _, command in behavior(command.name) }
            qemu.deviceState = try StreamFixture.kvmN1.bytes
            let server = try qemu.start()
            let run = try Program.run("save", "qmp:\(server.path)", "-o", folder / "live")
            #expect(!run.errors.isEmpty)
            try expectPrintable(Data(run.errors.utf8), [])
        }
    }

    // MARK: Web pages

    @Test("A page shows the same, and no markup of others", arguments: Hostile.allCases)
    private func page(_ hostile: Hostile) throws {
        let files = try Files(folder, hostile.text)
        let run = try Program.run(
            "matrix", files.snapshot, "--host", host, "--policy", files.policy, "--html", "-")
        #expect(run.status == 1)
        try expectPrintable(run.output, [])
        try expectPrintable(Data(run.errors.utf8), [])
        #expect(!run.text.contains("<b onclick") && !run.text.contains("'x'"))
        guard hostile == .obeyed else { return }
        let end = #"\u{9f}&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;\.vcpusnap</bdi>"#
        #expect(run.text.contains(end))
    }

    // MARK: Bounds

    @Test("Of a long word the beginning is printed")
    func longWord() throws {
        let word = String(repeating: "w", count: 100_000)
        for words in misuses(word) {
            let run = try Program.run(words)
            #expect(run.errors.utf8.count < 20_000 && run.output.count < 20_000, "\(words[0])")
        }
    }

    @Test("Bytes that are no characters are seen in names")
    func bytes() throws {
        let script = """
            n=$(printf 'a\\377\\033[1m'); "$0" save emulated:\(host) -o "$n"; "$0" show "$n" | head -1
            "$0" show "$n" --format json | grep '^  "source"'
            "$0" plan "$n" --host "$n" 2>&1; "$0" show "$n.no" 2>&1; "$0" show x "$n" 2>&1 | head -1
            "$0" register "$n" 2>&1; "$0" show x --format "$n" 2>&1 | head -1
            cp \(Stream.n1) "$n"; "$0" mend "$n" --host "$n" --dry-run 2>&1
            "$0" host --from emulated:\(host) -o "$n.vhost"
            "$0" mend "$n" --host "$n.vhost" --dry-run --format json | grep '"host"'
            "$0" plan "$n" --host "$n.vhost" --qemu 10.0 | grep 'QEMU 10.0'
            """
        let run = try Program.run(
            [], program: ["/bin/sh", "-c", "cd '\(folder.path)'; \(script)", Program.path])
        try expectPrintable(run.output, [run.errors])
        let lines = run.text.split(separator: "\n")
        #expect(lines.count > 8)
        for line in lines {
            let name = line.contains("{1b}") ? #"a\xff\u{1b}[1m"# : #"a\\xff\u001b[1m"#
            #expect(line.contains(name), "\(line)")
        }
    }

    // MARK: Terminals without colors

    @Test(
        "No colors where they mean nothing or are not wanted",
        arguments: [
            ["TERM": "dumb"], ["TERM": ""], [:], ["TERM": "xterm", "NO_COLOR": "1"],
        ])
    func plainTerminals(environment: [String: String]) throws {
        try Program.run("save", "emulated:\(host)", "-o", folder / "a")
        for words in [
            ["show", folder / "a"], ["plan", folder / "a", "--host", "6.1-max"],
            ["matrix", folder / "a", "--host", host, "--host", "6.1-max"],
            ["baseline", host, "6.1-max"], ["show", folder / "none"],
        ] {
            let shown = try Terminal.run(words, environment: environment)
            #expect(!shown.output.isEmpty)
            try expectPrintable(shown.output, words)
        }
    }

    @Test("Colors and a progress line on others")
    func colors() throws {
        let environment = ["TERM": "xterm", "NO_COLOR": ""]
        let shown = try Terminal.run(["baseline", host, "6.1-max"], environment: environment)
        #expect(shown.text.contains("\u{1b}[1mbaseline of"))
        #expect(shown.text.contains("\r[####"))
    }

    @Test("Colors in a pipe, where they are asked for and not refused")
    func colorsInAPipe() throws {
        let words = ["baseline", host, "6.1-max"]
        for (environment, isColored) in [
            (["CLICOLOR_FORCE": "1"], true), (["CLICOLOR_FORCE": "0"], false),
            (["CLICOLOR_FORCE": ""], false), (["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], false),
            ([:], false),
        ] {
            let assignments = environment.map { "\($0.key)=\($0.value)" }
            let run = try Program.run(
                words, program: ["/usr/bin/env"] + assignments + [Program.path])
            #expect(run.text.contains("\u{1b}[1mbaseline of") == isColored, "\(environment)")
            #expect(!run.errors.contains("\u{1b}"))
        }
    }
}
