internal import Planning
internal import Policy
internal import Registers
internal import Transfer

/// A part of what a page says of a plan.
enum PlanPiece: Hashable {
    case text(String)
    case list(PlanList)
}

/// What a page says of a plan, without the names of the guest and the host.
struct MatrixPlanBody {
    private let plan: MovePlan
    private let output: PlanOutput.Host

    /// Pointer authentication keys never get into a page.
    init(_ plan: MovePlan) {
        self.plan = plan
        output = PlanOutput.Host(plan, ValueText(showsKeys: false))
    }

    /// What keeps the guest from moving: the causes of losses that are not pardoned.
    var obstacles: Set<String> {
        guard plan.verdict == .no else { return [] }
        let causes = output.vcpus.flatMap(\.causes).filter { !$0.lost.isEmpty }.map(\.text)
        let isStopped = output.counter.map { $0.pardon == nil } ?? false
        return Set(causes + (isStopped ? ["the counter runs at another frequency"] : []))
    }

    var pieces: [PlanPiece] {
        [.text(sum + (output.counter?.html ?? ""))] + vcpus
    }

    private var sum: String {
        let causes = output.vcpus.flatMap(\.causes)
        let lost = causes.reduce(0) { $0 + $1.lost.count }
        let pardoned = causes.reduce(0) { $0 + $1.pardoned.count }
        let pardon = pardoned > 0 ? "; \(pardoned) pardoned by policy \(plan.policy.html)" : ""
        return "<p><b>\(lost.of("register")) lost</b>\(pardon).</p>\n"
    }

    /// Most guests have vCPUs that differ in nothing that is lost: what is the same is said once.
    private var vcpus: [PlanPiece] {
        var groups: [(indices: [UInt32], pieces: [PlanPiece])] = []
        for (vcpu, plan) in zip(output.vcpus, plan.vcpus) {
            let pieces = vcpu.pieces + plan.policyPieces
            if let place = groups.firstIndex(where: { $0.pieces == pieces }) {
                groups[place].indices.append(vcpu.index)
            } else {
                groups.append(([vcpu.index], pieces))
            }
        }
        return groups.flatMap { indices, pieces in
            let noun = indices.count == 1 ? "vCPU" : "vCPUs"
            return [.text("<h4>\(noun) \(indices.ranges)</h4>\n")] + pieces
        }
    }
}

extension [UInt32] {
    /// `0, 2-5`; the numbers ascend.
    fileprivate var ranges: String {
        var ranges: [ClosedRange<UInt32>] = []
        for number in self {
            if let last = ranges.last, last.upperBound < number, number - last.upperBound == 1 {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }.joined(separator: ", ")
    }
}

extension CounterText {
    fileprivate var html: String {
        "<p>The counter runs at \(host) Hz, the guest's at \(guest) Hz"
            + (pardon.map { "; pardoned by \($0.text.html)" } ?? "") + ".</p>\n"
    }
}

extension PlanOutput.VCPU {
    fileprivate var pieces: [PlanPiece] {
        let parts = RestoreOutcome.names.compactMap { name in
            counts[name].map { "\($0) \(name)" }
        }
        return [.text("<p>\(parts.joined(separator: ", "))</p>\n")] + causes.flatMap(\.pieces)
    }
}

extension VCPUPlan {
    /// What the policy writes otherwise than it was saved, or not at all.
    fileprivate var policyPieces: [PlanPiece] {
        let rows = report.registers.compactMap { register -> String? in
            let isLeftOut = register.outcome == .skipped(.policy)
            guard isLeftOut || !register.overrides.isEmpty else { return nil }
            let value = ValueText(showsKeys: false).text(register.wanted, of: register.id)
            let rules = register.overrides.map(\.description.html).joined(separator: "<br>")
            return "<tr><th scope=\"row\">\(register.id.name.html)</th>"
                + "<td>\(isLeftOut ? "nothing" : (value ?? "nothing").html)</td>"
                + "<td>\(rules)</td></tr>\n"
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
