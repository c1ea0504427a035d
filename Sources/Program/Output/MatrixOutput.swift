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
    func text(_ style: TextStyle) -> PrintableText {
        let head = style.bold("moves under policy \(policy)") + "\n"
        return head + (hosts.count <= Self.widestTable ? table(style) : summary(style))
            + rows.map { notes(of: $0, style) }.joined() + legend
    }

    /// What the words mean of which there are some.
    private var legend: PrintableText {
        let words = Set(rows.flatMap(\.cells).map(\.word))
        let policy: PrintableText =
            words.contains("policy") ? "policy: what is lost there, the policy pardons\n" : ""
        let no: PrintableText =
            words.contains("no")
            ? "no: so many registers are lost; vcpusnap plan GUEST --host HOST names them\n" : ""
        return policy + no
    }

    private func notes(of row: Row, _ style: TextStyle) -> PrintableText {
        guard row.notes != nil else { return "" }
        return "\(style.bold("\(row.source)"))\n\(style.notes(row.notes))"
    }

    private static let widestTable = 12

    private func table(_ style: TextStyle) -> PrintableText {
        let sources = rows.map { PrintableText($0.source) }
        let names = hosts.map { PrintableText($0) }
        let width = sources.map(\.width).max() ?? 0
        let widths = names.map { max($0.width, 8) }
        let head = zip(names, widths).map { $0.padded(to: $1) }
        let lines = zip(sources, rows).map { source, row in
            [source.padded(to: width)] + zip(row.cells, widths).map { $0.coloured(style, $1) }
        }
        let corner = PrintableText("").padded(to: width)
        return ([[corner] + head] + lines).map { cells -> PrintableText in
            "\(cells.joined(separator: "  "))\n"
        }.joined()
    }

    private func summary(_ style: TextStyle) -> PrintableText {
        rows.map { row -> PrintableText in
            let groups = Dictionary(grouping: row.cells, by: \.word)
            let parts = Cell.words.compactMap { word in
                groups[word].map { cells -> PrintableText in
                    let names = cells.map(\.host)
                    let shown = names.count <= 4 ? names : names.prefix(3) + ["..."]
                    return "  \(word) \(cells.count): \(shown.joined(separator: " "))\n"
                }
            }
            return "\(style.bold("\(row.source)"))\n\(parts.joined())"
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

    func coloured(_ style: TextStyle, _ width: Int) -> PrintableText {
        let text = PrintableText(word == "no" ? "no (\(losses))" : word)
        let padded = text.padded(to: width)
        return word == "no" ? style.bad(padded) : style.good(padded)
    }
}
