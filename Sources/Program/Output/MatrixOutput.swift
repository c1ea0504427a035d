internal import Emulation
internal import Planning
internal import Reports
internal import VCPUModel

/// The report of `matrix`.
struct MatrixOutput: WholeReport {
    let matrix: MoveMatrix
    let guests: [MoveMatrix.Source]
    let policy: String
    /// What keeps each guest from moving to each host; of a text, which does not tell it, empty.
    let causes: [[[Cause]]]

    var status: ExitStatus {
        matrix.cells.joined().allSatisfy { $0.verdict != .no } ? .success : .finding
    }

    private var lines: [(guest: MoveMatrix.Source, cells: [MoveMatrix.Cell])] {
        zip(guests, matrix.cells).map { ($0, $1) }
    }

    var json: JSONObject {
        [
            "hosts": matrix.hosts, "policy": policy,
            "rows": zip(lines, causes).json { line, causes in
                [
                    "cells": zip(matrix.hosts, zip(line.cells, causes)).json { host, cell in
                        [
                            "causes": cell.1, "host": host, "losses": cell.0.lossCount,
                            "verdict": cell.0.verdict.text,
                        ]
                    },
                    "notes": line.guest.snapshot.noteTexts, "source": line.guest.name,
                ]
            },
        ]
    }

    var rows: ReportRows {
        let values = zip(lines, causes).flatMap { line, causes in
            zip(matrix.hosts, zip(line.cells, causes)).map { host, cell -> [ReportRows.Value] in
                [
                    .text(line.guest.name), .text(host), .text(cell.0.verdict.text),
                    .number(cell.0.lossCount), .causes(cell.1),
                ]
            }
        }
        return ReportRows(
            keys: ["source", "host", "verdict", "losses", "causes"], values: values)
    }

    /// A table where it fits a terminal, else a few lines for each guest.
    func text(_ style: TextStyle) -> PrintableText {
        let head = style.bold("moves under policy \(policy)") + "\n"
        return head + (matrix.hosts.count <= Self.widestTable ? table(style) : summary(style))
            + guests.map { notes(on: $0, style) }.joined() + legend
    }

    /// What the words mean of which there are some.
    private var legend: PrintableText {
        let words = Set(matrix.cells.joined().map(\.verdict.word))
        let policy: PrintableText =
            words.contains("policy")
            ? "policy: the policy pardons everything that is lost there\n" : ""
        let losses = matrix.cells.joined().filter { $0.verdict == .no }.map(\.lossCount)
        // A built-in profile's name alone is a host to plan.
        let hasBuiltIn = guests.contains { HostProfile.builtInNames.contains($0.name) }
        let guest: PrintableText =
            hasBuiltIn ? "GUEST (emulated:NAME of a built-in profile)" : "GUEST"
        let isTable = matrix.hosts.count <= Self.widestTable
        let counts: PrintableText =
            isTable
            ? "that many registers are lost"
            : "registers are lost on so many hosts, all of which --format json and --html name"
        let no: PrintableText =
            losses.contains { $0 > 0 }
            ? "no: \(counts); vcpusnap plan \(guest) --host HOST names them\n" : ""
        let counter: PrintableText =
            losses.contains(0) ? "no Hz: the host's counter runs at a different frequency\n" : ""
        return policy + no + counter
    }

    private func notes(on guest: MoveMatrix.Source, _ style: TextStyle) -> PrintableText {
        guard let notes = guest.snapshot.noteTexts else { return "" }
        return "\(style.bold("\(guest.name)"))\n\(style.notes(notes))"
    }

    private static let widestTable = 12

    private func table(_ style: TextStyle) -> PrintableText {
        let sources = guests.map { PrintableText($0.name) }
        let names = matrix.hosts.map { PrintableText($0) }
        let width = sources.map(\.width).max() ?? 0
        let widths = names.map { max($0.width, 8) }
        let head = zip(names, widths).map { $0.padded(to: $1) }
        let lines = zip(sources, matrix.cells).map { source, cells in
            [source.padded(to: width)] + zip(cells, widths).map { $0.colored(style, $1) }
        }
        let corner = PrintableText("").padded(to: width)
        return ([[corner] + head] + lines).map { cells -> PrintableText in
            "\(cells.joined(separator: "  "))\n"
        }.joined()
    }

    private func summary(_ style: TextStyle) -> PrintableText {
        lines.map { guest, cells -> PrintableText in
            let groups = Dictionary(grouping: zip(matrix.hosts, cells), by: \.1.verdict.word)
            let parts = MovePlan.Verdict.words.compactMap { word in
                groups[word].map { members -> PrintableText in
                    let names = members.map(\.0)
                    let shown = names.count <= 4 ? names : names.prefix(3) + ["..."]
                    return "  \(word) \(names.count): \(shown.joined(separator: " "))\n"
                }
            }
            return "\(style.bold("\(guest.name)"))\n\(parts.joined())"
        }.joined()
    }
}

extension MovePlan.Verdict {
    static let words = ["yes", "policy", "no"]

    /// The same in one word, of `words`.
    var word: String {
        switch self {
        case .yes: "yes"
        case .yesWithPolicy: "policy"
        case .no: "no"
        }
    }
}

extension MoveMatrix.Cell {
    /// `yes`, `policy`, `no 7`; `no Hz` where all that differs is the counter's frequency.
    var word: String {
        guard verdict == .no else { return verdict.word }
        return lossCount > 0 ? "no \(lossCount)" : "no Hz"
    }

    fileprivate func colored(_ style: TextStyle, _ width: Int) -> PrintableText {
        let text = PrintableText(word)
        let padded = text.padded(to: width)
        return verdict == .no ? style.bad(padded) : style.good(padded)
    }
}
