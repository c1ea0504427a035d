internal import LinuxSystem
internal import Machines
internal import Planning
internal import Reports

/// The report of `fix`.
struct FixOutput: WholeReport {
    let source: String
    let host: String
    let policy: String
    let fix: GuestFix
    let questions: [PolicyProposal.Question]
    /// One for each question, up to the last that was answered.
    let answers: [Bool]
    let files: FixFiles
    let written: [Location]

    private var isDone: Bool { fix.isPossible && !answers.contains(false) }

    var status: ExitStatus { isDone ? .success : .finding }

    func text(_ style: TextStyle) -> PrintableText {
        style.bold("fix \(source) for \(host)") + ": \(verdict(style))\n"
            + (fix.mend?.blockerLines ?? "")
            + written.map { "  " + $0.writtenLine() }.joined() + "  \(ending)\n"
    }

    private func verdict(_ style: TextStyle) -> PrintableText {
        guard isDone else { return style.bad("not done") }
        guard !written.isEmpty else { return style.good("nothing is in the way") }
        return style.good(fix.mend == nil ? "it can go there" : "it loads there")
    }

    private var ending: PrintableText {
        let (file, place) = (FileName.word(source), FileName.word(host))
        let plan: PrintableText = "vcpusnap plan \(file) --host \(place)"
        guard fix.isPossible else {
            return
                "nothing was written: no rule lets it go there; next: see what is in the way (\(plan)), or "
                + "choose another host (vcpusnap matrix)"
        }
        if answers.contains(false) {
            let rules = zip(questions, answers).filter { !$0.1 }.flatMap(\.0.rules)
            let what =
                rules.isEmpty ? "no answer was yes" : "no yes to \(rules.joined(separator: ", "))"
            return
                "nothing was written: \(what); next: choose another host (vcpusnap matrix), or see what "
                + "else can be done (\(plan))"
        }
        if written.isEmpty { return "nothing was written: \(source) can go there as it is" }
        let rules = written.contains(files.policy) ? files.policy.text : policy
        guard let mended = files.mended else {
            return "next: there, vcpusnap restore \(file) TARGET --policy \(FileName.word(rules))"
        }
        return written.contains(mended)
            ? "next: load \(mended.text) there, as the original would be"
            : "next: load \(source) there as it is"
    }

    var json: JSONObject {
        [
            "fixed": isDone, "host": host, "policy": policy,
            "questions": questions.enumerated().json { number, question in
                [
                    "accepted": answers.indices.contains(number) ? answers[number] : nil,
                    "consequence": question.consequence, "rules": question.rules,
                    "text": question.text,
                ]
            }, "source": source, "written": written.map(\.text),
        ]
    }
}
