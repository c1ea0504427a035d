internal import Planning
internal import VCPUModel

/// The report of `matrix`.
struct MatrixOutput: WholeReport {
    struct Row: Encodable {
        var source: String
        var notes: [String]?
        var cells: [Cell]
    }

    struct Cell: Encodable {
        var host: String
        var verdict: String
        var losses: Int
    }

    var policy: String
    var hosts: [String]
    var rows: [Row]

    init(_ matrix: MoveMatrix, of guests: [MoveMatrix.Source], policy: String) {
        self.policy = policy
        hosts = matrix.hosts
        rows = zip(guests, matrix.cells).map { guest, cells in
            Row(
                source: guest.name, notes: guest.snapshot.noteTexts,
                cells: zip(matrix.hosts, cells).map { host, cell in
                    Cell(host: host, verdict: cell.verdict.text, losses: cell.lossCount)
                })
        }
    }

    /// A table where it fits a terminal, else a few lines for each guest.
    func text(_ style: TextStyle) -> String {
        let head = style.bold("moves under policy \(policy)") + "\n"
        return head + (hosts.count <= Self.widestTable ? table(style) : summary(style))
            + rows.map { notes(of: $0, style) }.joined()
    }

    private func notes(of row: Row, _ style: TextStyle) -> String {
        guard row.notes != nil else { return "" }
        return style.bold(row.source) + "\n" + style.notes(row.notes)
    }

    private static let widestTable = 12

    private func table(_ style: TextStyle) -> String {
        let width = rows.map(\.source.count).max() ?? 0
        let widths = hosts.map { max($0.count, 8) }
        let head = zip(hosts, widths).map { $0.padded(to: $1) }.joined(separator: "  ")
        let lines = rows.map { row in
            row.source.padded(to: width) + "  "
                + zip(row.cells, widths).map { cell, width in
                    cell.coloured(style, width)
                }.joined(separator: "  ")
        }
        return "".padded(to: width) + "  " + head + "\n" + lines.joined(separator: "\n") + "\n"
    }

    private func summary(_ style: TextStyle) -> String {
        rows.map { row in
            let groups = Dictionary(grouping: row.cells, by: \.word)
            let parts = Cell.words.compactMap { word in
                groups[word].map { cells in
                    let names = cells.map(\.host)
                    let shown = names.count <= 4 ? names : names.prefix(3) + ["..."]
                    return "  \(word) \(cells.count): \(shown.joined(separator: " "))\n"
                }
            }
            return style.bold(row.source) + "\n" + parts.joined()
        }.joined()
    }
}

extension MatrixOutput.Cell {
    static let words = ["yes", "policy", "no"]

    /// `yes`, `policy` or `no`.
    var word: String {
        switch verdict {
        case "yes", "no": verdict
        default: "policy"
        }
    }

    func coloured(_ style: TextStyle, _ width: Int) -> String {
        let text = word == "no" ? "no (\(losses))" : word
        let padded = text.padded(to: width)
        return word == "no" ? style.bad(padded) : style.good(padded)
    }
}
