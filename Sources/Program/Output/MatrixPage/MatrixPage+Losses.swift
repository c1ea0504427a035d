internal import Planning
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

extension Cause {
    /// The losses of it, as a page shows them.
    func pieces(of losses: [PlannedLoss]) -> [PlanPiece<PlanList>] {
        let lost = losses.filter { $0.restore.pardon == nil }
        let pardoned = losses.filter { $0.restore.pardon != nil }
        return [.text("<h5>\(text.html)</h5>\n")] + Self.list(lost, "lost")
            + Self.list(pardoned, "pardoned") + Self.remedies(lost)
    }

    private static func list(_ losses: [PlannedLoss], _ word: String) -> [PlanPiece<PlanList>] {
        guard !losses.isEmpty else { return [] }
        let groups = losses.grouped { loss in
            let register = loss.restore
            return register.kind
                + [loss.notice.text, register.outcome.errno, register.pardon?.proof]
        }
        .map(LossGroup.init)
        let names = SnapshotNote.shortened(losses.map(\.restore.id.name))
        let head = ["register", "wanted", "found", "outcome", "why, and what the guest sees"]
        let list = PlanList(
            summary: "\(losses.count) \(word): <code>\(names.html)</code>",
            html: PlanList.table(head, groups.map(\.html).joined()),
            isShort: groups.reduce(0) { $0 + $1.rows.count } <= PlanList.longestOpen)
        return [.list(list)]
    }

    /// What can be done about losses that count.
    private static func remedies(_ losses: [PlannedLoss]) -> [PlanPiece<PlanList>] {
        let items = Remedy.lines(of: losses.flatMap(\.remedies)).map(\.html)
        guard !items.isEmpty else { return [] }
        guard items.count > PlanList.longestOpen else {
            return [.text("<p>can be done: \(items.joined(separator: "; "))</p>\n")]
        }
        let list = "<ul>\n\(items.map { "<li>\($0)</li>\n" }.joined())</ul>\n"
        let summary = "can be done: \(items.count) things"
        return [.list(PlanList(summary: summary, html: list, isShort: false))]
    }
}

/// Losses of which the same is to be said but for names and values.
private struct LossGroup {
    /// Registers with the same values.
    struct Row {
        var names: [String]
        var wanted: String
        var found: String
    }

    private let first: PlannedLoss
    private(set) var rows: [Row] = []

    init(_ losses: [PlannedLoss]) {
        first = losses[0]
        for loss in losses { add(loss) }
    }

    private mutating func add(_ loss: PlannedLoss) {
        let wanted = Self.short(loss.restore.wanted, of: loss)
        let found = Self.short(loss.restore.found, of: loss)
        if let last = rows.last, last.wanted == wanted, last.found == found {
            rows[rows.count - 1].names.append(loss.restore.id.name)
        } else {
            rows.append(Row(names: [loss.restore.id.name], wanted: wanted, found: found))
        }
    }

    /// A Z register of SVE has up to 512 digits.
    private static func short(_ value: RegisterValue?, of loss: PlannedLoss) -> String {
        let value = MatrixPage.values.text(value, of: loss.restore.id) ?? "nothing"
        guard value.utf8.count > 40 else { return value }
        return "\(value.prefix(18))...\(value.suffix(16)) (\(value.utf8.count - 2) digits)"
    }

    var html: String {
        let span = rows.count > 1 ? " rowspan=\"\(rows.count)\"" : ""
        let errno = first.restore.outcome.errno.map { " (\($0))" } ?? ""
        let outcome = "<td\(span)>\((first.restore.outcome.name + errno).html)</td>"
        let reason = "<td\(span)>\(reason)</td>"
        let lines = rows.enumerated().map { number, row in
            "<tr><th scope=\"row\">\(row.names.joined(separator: " ").html)</th>"
                + "<td>\(row.wanted.html)</td><td>\(row.found.html)</td>"
                + (number == 0 ? outcome + reason : "") + "</tr>\n"
        }
        return "<tbody>\n\(lines.joined())</tbody>\n"
    }

    private var reason: String {
        let notice = first.notice.isEmpty ? nil : "guest: \(first.notice.text)"
        let pardon = first.restore.pardon.map { "pardoned by \($0.text)" }
        return [first.restore.reason, notice, pardon].compactMap { $0?.html }
            .joined(separator: "<br>")
    }
}
