internal import Planning

/// The plans of a page: what cells lead to.
///
/// Plans that say the same are written once.
struct MatrixPlans {
    /// A guest and a host, by their numbers in the matrix.
    struct Move {
        var guest: Int
        var host: Int

        /// The id of its cell.
        var anchor: String { "m\(guest + 1)-\(host + 1)" }
    }

    /// Where a cell leads to.
    struct Target {
        var anchor: String
        /// Whether the plan's heading names the move, and so leads to the cell.
        var leadsBack: Bool
    }

    /// A part of a section; lists by their numbers.
    private typealias Piece = PlanPiece<Int>

    private struct Section {
        var verdict: MovePlan.Verdict
        var body: [Piece]
        /// What keeps the guests from moving.
        var obstacles: Set<String>
        /// The first of them; a heading of thousands helps nobody.
        var moves: [Move] = []
        var moveCount = 0
    }

    /// How many moves a plan's heading names.
    private static let namedMoves = 20

    private let matrix: MoveMatrix
    private let moves: MatrixMoves
    private var sections: [Section] = []
    /// The number of the section with a body.
    private var numbers: [[Piece]: Int] = [:]
    private var known: [MatrixMoves.Kind: Int] = [:]
    private var lists = PlanLists()

    init(_ matrix: MoveMatrix, _ moves: MatrixMoves) {
        self.matrix = matrix
        self.moves = moves
    }
}

// MARK: - Sections

extension MatrixPlans {
    /// The section of a move, unless nothing is lost.
    mutating func target(of move: Move, _ cell: MoveMatrix.Cell) throws -> Target {
        guard cell.verdict != .yes else { return Target(anchor: "whole", leadsBack: false) }
        let number = try section(of: move)
        sections[number].moveCount += 1
        let isNamed = sections[number].moves.count < Self.namedMoves
        if isNamed { sections[number].moves.append(move) }
        return Target(anchor: "p\(number + 1)", leadsBack: isNamed)
    }

    private mutating func section(of move: Move) throws -> Int {
        let kind = moves.kind(ofGuest: move.guest, host: move.host)
        if let number = known[kind] { return number }
        let number = section(with: try moves.plan(kind))
        known[kind] = number
        return number
    }

    private mutating func section(with plan: MovePlan) -> Int {
        let whole = MatrixPlanBody(plan)
        let body = whole.pieces.map { $0.map { lists.number(of: $0) } }
        if let number = numbers[body] { return number }
        numbers[body] = sections.count
        sections.append(Section(verdict: plan.verdict, body: body, obstacles: whole.obstacles))
        return sections.count - 1
    }
}

// MARK: - Writing

extension MatrixPlans {
    /// Appends the sections, in the order in which cells lead to them.
    mutating func addSections(to text: inout String) {
        lists.share(uses: sections.lazy.flatMap(\.body).compactMap(\.list))
        for (number, section) in sections.enumerated() {
            text += head(of: section, number + 1)
            for piece in section.body {
                switch piece {
                case .text(let part): text += part
                case .list(let list): text += lists.html(of: list, inPlan: number + 1)
                }
            }
            text += "</section>\n"
        }
    }

    private func head(of section: Section, _ number: Int) -> String {
        let more = section.moveCount - section.moves.count
        var items = section.moves.map { "<li>\(link(to: $0))</li>" }
        if more > 0 { items.append("<li>... and \(more) more</li>") }
        return """
            <section id="p\(number)" class="\(section.verdict.letter)">
            <h3>Plan \(number): \(section.verdict.text.html)</h3>
            <ul class="moves">\(items.joined(separator: "\n"))</ul>

            """
    }

    /// Names are isolated: one written from right to left must not reorder the rest of the line.
    private func link(to move: Move) -> String {
        "<a href=\"#\(move.anchor)\"><bdi>\(matrix.sources[move.guest].html)</bdi> on "
            + "<bdi>\(matrix.hosts[move.host].html)</bdi></a>"
    }

    /// What keeps guests from moving, the most frequent first: where to begin with a fleet.
    var obstacles: String {
        var counts: [String: (all: Int, alone: Int)] = [:]
        for section in sections {
            for obstacle in section.obstacles {
                counts[obstacle, default: (0, 0)].all += section.moveCount
                guard section.obstacles.count == 1 else { continue }
                counts[obstacle, default: (0, 0)].alone += section.moveCount
            }
        }
        guard !counts.isEmpty else { return "" }
        let sorted = counts.sorted { ($1.value.all, $0.key) < ($0.value.all, $1.key) }
        let rows = sorted.map { text, count in
            "<tr><th scope=\"row\">\(text.html)</th>"
                + "<td>\(count.all)</td><td>\(count.alone)</td></tr>\n"
        }
        return """
            <h2 id="obstacles">What stands in the way</h2>
            <table class="obstacles">
            <caption>Causes of the moves that are not possible</caption>
            <thead>
            <tr><th scope="col">cause</th><th scope="col">moves it stops</th>\
            <th scope="col">moves only it stops</th></tr>
            </thead>
            <tbody>
            \(rows.joined())</tbody>
            </table>

            """
    }
}
