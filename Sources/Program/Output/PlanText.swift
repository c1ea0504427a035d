internal import Planning
internal import Registers
internal import Transfer
internal import VCPUModel

/// The text of the plans of a guest's vCPUs, all of them together.
struct PlanText {
    let values: ValueText
    private var counts = FoldedCounts()
    private var losses = FoldedStatements<Cause, PlannedLoss>()
    /// What is restored if whoever makes the VM does something.
    private var conditional = FoldedStatements<String, RegisterRestore>()

    init(values: ValueText) {
        self.values = values
    }

    mutating func add(_ plan: VCPUPlan) {
        counts.add(plan.report.counts, of: plan.report.vcpu)
        for loss in plan.losses { losses.add(loss, in: loss.cause, of: plan.report.vcpu) }
        for register in plan.report.registers where register.isConditional {
            conditional.add(register, in: register.outcomeWord, of: plan.report.vcpu)
        }
    }

    func write(to output: ReportWriter) {
        let style = output.style
        output.write(counts.line(RegisterOutcome.names, style))
        let lines = FoldedLines(values: values, vcpus: counts.vcpus, isUnderOutcome: false)
        for (cause, members) in losses.bySection.sorted(by: { $0.key < $1.key }) {
            let pardoned = members.count(where: \.subject.isPardoned)
            let count = "\(members.count)" + (pardoned > 0 ? ", \(pardoned) pardoned" : "")
            output.write("  \(style.bold("\(cause.text)")) (\(count))\n")
            output.write(lines.text(of: members) + Self.remedies(members))
        }
        let restored = FoldedLines(values: values, vcpus: counts.vcpus, isUnderOutcome: true)
        for (word, members) in conditional.bySection {
            output.write(
                "  \(word), on a condition (\(members.count))\n\(restored.text(of: members))")
        }
    }

    private static let maximumHosts = 6

    /// A line for each remedy of what counts; of very many other hosts the first ones.
    private static func remedies(
        _ losses: [FoldedStatements<Cause, PlannedLoss>.Entry]
    ) -> PrintableText {
        let counting = losses.filter { !$0.subject.isPardoned }
        let all = Remedy.each(counting.flatMap(\.statement.statement.remedies))
        let more = all.count(where: \.isOtherHost) - maximumHosts
        var lines: [PrintableText] = all.dropLast(max(more, 0)).map {
            "    can be done: \($0.text)\n"
        }
        if more > 0 { lines.append("    can be done: \(more) more of the kind\n") }
        return lines.joined()
    }
}

extension PlannedLoss: RegisterStatement {
    var id: RegisterID { restore.id }
    var outcomeWord: String { restore.outcomeWord }
    var reason: String? { restore.reason }
    var guestNotice: GuestNotice? { notice }
    var pardon: Pardon? { restore.pardon }

    func saysTheSame(as other: PlannedLoss) -> Bool { restore.saysTheSame(as: other.restore) }

    func line(_ values: ValueText) -> String { restore.line(values) }
}
