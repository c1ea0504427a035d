internal import TextFormats

/// What can be done with each kind of source, as the help and README say it.
package enum SourceTable {
    /// What a column is called, which commands it stands for, and what a kind must be able to.
    private static let columns: [(title: String, commands: String, ability: SourceAbilities)] = [
        ("read", "save, show, diff, plan, fix, upgrade, matrix, move, restore", .read),
        ("restore", "restore into", .restore),
        ("edit", "set, inject", .edit),
        ("convert", "convert", .convert), ("load", "plan --qemu", .load), ("mend", "mend", .mend),
        ("host", "--host of plan, matrix, upgrade, move, mend, fix; baseline", .host),
    ]

    /// Lines of the help and README, of at most 80 characters, each with two spaces before it.
    package static func text(of kinds: [any StateSource.Type]) -> [String] {
        let names = kinds.map { $0.summary.grammar }
        let width = (names.map(\.count).max() ?? 0) + 2
        func line(_ name: String, _ cells: [String]) -> String {
            let row = zip(columns, cells).map { column, cell in
                TermTable.padded(cell, to: column.title.count + 2)
            }
            return trimmed("  " + TermTable.padded(name, to: width) + row.joined())
        }
        let rows = kinds.map { kind in
            line(kind.summary.grammar, cells(of: kind))
        }
        // What is called like its command needs no explanation.
        let explained = columns.filter { $0.title != $0.commands }
        let legendWidth = (explained.map(\.title.count).max() ?? 0) + 2
        let legend = explained.map {
            "  \(TermTable.padded($0.title, to: legendWidth))\($0.commands)"
        }
        return [line("", columns.map(\.title))] + rows + [""] + legend
    }

    /// What each kind is and needs: the table of Documentation/reference.md.
    package static func markdown(of kinds: [any StateSource.Type]) -> [String] {
        let titles = ["SOURCE", "what it is", "needs"]
        let rows = kinds.map { kind in
            let summary = kind.summary
            let meaning = summary.meaning.split(separator: "\n").joined(separator: " ")
            return ["`\(summary.grammar)`", meaning, summary.needs]
        }
        let rule = titles.map { _ in "---" }
        return ([titles, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
    }

    private static func cells(of kind: any StateSource.Type) -> [String] {
        columns.map { kind.summary.abilities.contains($0.ability) ? "yes" : "" }
    }

    private static func trimmed(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }
}

extension SourceKinds {
    /// What can be named where something is to be done: `FILE, -, kvm: or emulated:NAME`.
    public static func grammar(for ability: SourceAbilities) -> String {
        let schemes = schemes(for: ability)
        return (["FILE", "-"] + schemes.dropLast()).joined(separator: ", ")
            + (schemes.last.map { " or \($0)" } ?? "")
    }

    /// What can be named as a host: `a built-in profile, a .vhost file, kvm: or emulated:NAME`.
    public static var hostGrammar: String {
        let schemes = schemes(for: .host)
        return (["a built-in profile", "a .vhost file"] + schemes.dropLast()).joined(
            separator: ", ")
            + (schemes.last.map { " or \($0)" } ?? "")
    }

    /// Those of them that are no files: `kvm:, emulated:NAME`.
    public static func schemes(for ability: SourceAbilities) -> [String] {
        named.filter { $0.summary.abilities.contains(ability) }.map { $0.summary.grammar }
    }

    /// The VMs that run and give a stream: `qmp:SOCKET or libvirt:DOMAIN`.
    package static var streamGrammar: String {
        schemes(for: .load).joined(separator: " or ")
    }

    /// Paragraphs of the help of a command: what is to be known of those with which it does something.
    public static func details(for ability: SourceAbilities) -> String {
        all.compactMap { $0.summary.details[ability] }.joined(separator: "\n\n")
    }

    /// A command line for each kind.
    public static var examples: [String] { all.map { $0.summary.example } }

    /// A line or two of the help for each that is no file, and what files are before them.
    public static var helpLines: [String] {
        let names = files.map { $0.summary.grammar }.joined(separator: ", ")
        return TermTable.lines(
            [("FILE", TermTable.broken("\(names); - is standard input"))]
                + named.map { ($0.summary.grammar, $0.summary.meaning) })
    }
}
