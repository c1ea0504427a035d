internal import Planning
internal import Registers
internal import Reports
internal import Transfer
internal import VCPUModel

/// A part of what a page says of a plan.
enum PlanPiece<List: Hashable>: Hashable {
    case text(String)
    case list(List)

    var list: List? {
        if case .list(let list) = self { list } else { nil }
    }

    func map<Other>(_ other: (List) -> Other) -> PlanPiece<Other> {
        switch self {
        case .text(let text): .text(text)
        case .list(let list): .list(other(list))
        }
    }
}

/// What a page says of a plan, without the names of the guest and the host.
struct MatrixPlanBody {
    private let plan: MovePlan
    private var losses = LossSum()
    /// Most guests have vCPUs that differ in nothing that is lost: what is the same is said once.
    private var vcpus = Folded<[PlanPiece<PlanList>], Void>()

    init(_ plan: MovePlan) {
        self.plan = plan
        for vcpu in plan.units {
            vcpus.add(Self.pieces(of: vcpu), of: vcpu.report.unit)
            losses.add(vcpu)
        }
    }

    /// What keeps the guest from moving: the causes of losses that are not pardoned.
    var obstacles: Set<String> {
        guard plan.verdict == .no else { return [] }
        let counter = plan.counter?.isLoss ?? false
        return Set(losses.causes.map(\.text))
            .union(counter ? ["the counter runs at another frequency"] : [])
    }

    private static func pieces(of vcpu: UnitPlan) -> [PlanPiece<PlanList>] {
        let counts = vcpu.report.counts
        let parts = RegisterOutcome.names.compactMap { name in
            counts[name].map { "\($0) \(name)" }
        }
        let causes = vcpu.byCause.flatMap { $0.pieces(of: $1) }
        return [.text("<p>\(parts.joined(separator: ", "))</p>\n")] + causes + vcpu.policyPieces
    }

    var pieces: [PlanPiece<PlanList>] {
        let counter = plan.counter?.html ?? ""
        let vcpus = vcpus.entries.flatMap { entry in
            [.text("<h4>\(entry.units.title)</h4>\n")] + entry.subject
        }
        return [.text(sum + counter + notices)] + vcpus
    }

    private var notices: String {
        plan.notices.map { "<p>notice: \($0.text.html)</p>\n" }.joined()
    }

    private var sum: String {
        let pardoned = losses.pardoned.count
        let pardon = pardoned == 0 ? "" : "; \(pardoned) pardoned by policy \(plan.policy.html)"
        return "<p><b>\(losses.lost.count.of("register")) lost</b>\(pardon).</p>\n"
    }
}

extension CounterMismatch {
    fileprivate var html: String {
        "<p>The counter runs at \(host) Hz, the guest's at \(guest) Hz"
            + (pardon.map { "; pardoned by \($0.text.html)" } ?? "") + ".</p>\n"
            + Remedy.lines(of: remedies).map { "<p>can be done: \($0.html)</p>\n" }.joined()
    }
}

extension UnitPlan {
    /// What the policy writes otherwise than it was saved, or not at all.
    fileprivate var policyPieces: [PlanPiece<PlanList>] {
        let rows = report.registers.compactMap { register -> String? in
            let isLeftOut = register.outcome == .skipped(.policy)
            guard isLeftOut || !register.overrides.isEmpty else { return nil }
            let value = MatrixPage.values.text(register.wanted, of: register.id)
            let rules = MatrixPage.values.texts(register.overrides, of: register.id) ?? []
            return "<tr><th scope=\"row\">\(register.id.name.html)</th>"
                + "<td>\(isLeftOut ? "nothing" : (value ?? "nothing").html)</td>"
                + "<td>\(rules.map(\.html).joined(separator: "<br>"))</td></tr>\n"
        }
        guard !rows.isEmpty else { return [] }
        let head = ["register", "written", "rule"]
        let list = PlanList(
            summary: rows.count.of("register"),
            html: PlanList.table(head, "<tbody>\n\(rows.joined())</tbody>\n"),
            isShort: rows.count <= PlanList.longestOpen)
        return [.text("<h5>the policy decides what is written</h5>\n"), .list(list)]
    }
}
