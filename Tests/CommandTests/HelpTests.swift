import Foundation
import Machines
import TestFiles
import Testing

@Suite("Help, and what is said of misspelled words")
struct HelpTests {
    static let commands = [
        "save", "restore", "plan", "move", "baseline", "diff", "show", "convert", "fix", "mend",
        "unmend", "set", "inject", "upgrade", "matrix", "list", "verify", "host", "register",
    ]

    private func help(_ command: String, columns: Int) throws -> [Substring] {
        let run = try Program.run(
            [command, "--help"],
            program: ["/usr/bin/env", "COLUMNS=\(columns)", Program.path])
        #expect(run.status == 0 && run.errors.isEmpty)
        return run.text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// A script whose words came to nothing has done nothing.
    @Test("Without a command there is help, and trouble")
    func noCommand() throws {
        let run = try Program.run([String]())
        #expect(run.status == 2 && run.output.isEmpty)
        #expect(run.errors.contains("SUBCOMMANDS:"))
        #expect(run.errors.hasSuffix("vcpusnap: name a command\n"))
    }

    @Test("Every command is here")
    func everyCommand() throws {
        let words = try help("help", columns: 80).joined(separator: "\n")
        for command in Self.commands { #expect(words.contains("  \(command) ")) }
        let listed = words.split(separator: "SUBCOMMANDS:").dropFirst()
            .flatMap { $0.split(separator: "\n") }
        let names = listed.compactMap { $0.firstMatch(of: #/^  ([a-z]+) /#)?.1 }
        #expect(names.count == Self.commands.count, "\(names)")
    }

    @Test(
        "Help fits 80 columns, and its lines are broken where they were written to be",
        arguments: commands)
    func width(command: String) throws {
        let narrow = try help(command, columns: 80)
        for line in narrow { #expect(line.count <= 80, "\(line)") }
        let prose = narrow.prefix { !["ARGUMENTS:", "OPTIONS:"].contains($0) }
        #expect(prose.count > 3 && prose.contains("EXAMPLES"))
        #expect(Array(prose) == Array(try help(command, columns: 300).prefix(prose.count)))
    }

    @Test(
        "A word that was meant to be another is answered with that",
        arguments: [
            (["shwo", "x"], "did you mean show?"),
            (["register", "SCLTR_EL1"], "did you mean SCTLR_EL1?"),
            (["register", "FRA_EL1"], "did you mean FAR_EL1?"),
            (["plan", "emulated:6.12-max", "--host", "6.12-mxa"], "did you mean 6.12-max?"),
            (["show", "emulated:6.12-mxa"], "did you mean 6.12-max?"),
            (
                ["plan", "emulated:6.12-max", "--host", "6.12-max", "--policy", "exat"],
                "did you mean exact?"
            ),
            (["set", "-", "SCLTR_EL1=1"], "did you mean SCTLR_EL1?"),
            (
                ["restore", "emulated:6.12-max", "emulated:6.12-max", "--exclude", "x33"],
                "did you mean x3?"
            ),
            (["show", "6.12-max"], "is emulated:6.12-max"),
            (["restore", "emulated:6.12-max", "6.1-max"], "is emulated:6.1-max"),
            (["show", "qmp:localhost:4444"], "only UNIX sockets are supported"),
            (["show", "--formt", "json", "x"], "Did you mean '--format'?"),
        ])
    func meaning(arguments: [String], answer: String) throws {
        let run = try Program.run(arguments)
        #expect(run.status == 2)
        #expect(run.errors.contains(answer), "\(run.errors)")
    }

    @Test("Every option of every kind of source is one of the commands that take this kind")
    func optionsOfSources() throws {
        for kind in SourceKinds.own {
            let abilities = Self.takers(of: kind).filter {
                kind.summary.abilities.contains($0.ability)
            }
            for (ability, command) in abilities {
                let lines = try help(command, columns: 300).drop { $0 != "OPTIONS:" }
                let names = Set(lines.flatMap { $0.split(separator: " ").prefix(2) })
                for option in kind.summary.options
                where option != (ability == .read ? .counterOffset : .partial) {
                    #expect(names.contains(Substring(option.name)), "\(command) \(option.name)")
                }
            }
        }
    }

    /// The commands in which such a source is told what it can be told, which are not all that read it.
    ///
    /// A stream of which only a part is there can be looked at, and nothing else.
    private static func takers(
        of kind: any StateSource.Type
    ) -> [(ability: SourceAbilities, command: String)] {
        let reader = kind is any NamedSource.Type ? "save" : "show"
        return [(.read, reader), (.load, "plan"), (.convert, "convert"), (.mend, "mend")]
    }

    @Test("A socket's name without qmp: is answered with it")
    func socket() throws {
        let folder = try TemporaryFolder()
        _ = try Program.run(
            ["import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", folder / "q"],
            program: ["/usr/bin/env", "python3", "-c"])
        for command in ["show", "verify", "save"] {
            let run = try Program.run(
                [command, folder / "q"] + (command == "save" ? ["-o", folder / "x"] : []))
            #expect(run.status == 2)
            #expect(run.errors.contains("give qmp:" + folder / "q"), "\(run.errors)")
        }
    }

    @Test("What is left out can be a pattern")
    func exclude() throws {
        let run = try Program.run(
            "restore", "emulated:6.12-max", "emulated:6.12-max", "--exclude", "CCSIDR*", "--format",
            "json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text.contains("\"skipped\" : 17"))
        let unknown = try Program.run(
            "restore", "emulated:6.12-max", "emulated:6.12-max", "--exclude", "CCSIDRX")
        #expect(unknown.status == 2)
    }

    // MARK: Completion

    /// What bash completes the last of the words with, in a folder with a file `saved.vcpusnap`.
    private func completions(_ words: [String]) throws -> [String] {
        let folder = try TemporaryFolder()
        try folder.make("saved.vcpusnap", Data())
        try folder.make("script", try Program.run("--generate-completion-script", "bash").output)
        let run = try Program.run(
            [
                """
                cd "$1"; shift
                PATH=$1:$PATH; shift
                [ ! -r /usr/share/bash-completion/bash_completion ] || . /usr/share/bash-completion/bash_completion
                . ./script
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
                function=$(complete -p vcpusnap) function=${function#*-F }
                ${function% *} vcpusnap "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
                printf '%s\\n' "${COMPREPLY[@]}"
                """, "bash", folder.path, (Program.path as NSString).deletingLastPathComponent,
                "vcpusnap",
            ] + words, program: ["/bin/bash", "-c"])
        return run.text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test(
        "bash completes the names of files",
        arguments: [
            ["show"], ["verify"], ["diff"], ["diff", "x"], ["restore"], ["save", "x", "-o"],
            ["plan"],
            ["plan", "x", "--host"], ["plan", "x", "--policy"], ["matrix"],
            ["matrix", "x", "--html"],
            ["mend", "x", "--host"], ["unmend"], ["baseline"], ["convert", "x", "--into"], ["set"],
            ["host", "--from"],
        ])
    func files(words: [String]) throws {
        #expect(try completions(words + ["sav"]) == ["saved.vcpusnap"])
    }

    @Test("bash completes the names of registers, commands and formats")
    func names() throws {
        #expect(try completions(["register", "SCTLR_E"]).contains("SCTLR_EL1"))
        #expect(try completions(["register", "KVM_CAP_ARM_EL"]).isEmpty)
        #expect(
            try completions(["register", "--history", "KVM_CAP_ARM_EL"]).contains("KVM_CAP_ARM_EL2")
        )
        #expect(try completions(["show", "-r", "VBAR_E"]).contains("VBAR_EL1"))
        #expect(try completions(["verif"]) == ["verify"])
        #expect(try completions(["show", "--format", "j"]) == ["json"])
    }
}
