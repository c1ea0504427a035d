internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import Reports
internal import Transfer
internal import VCPUModel

/// The report of `upgrade`.
struct UpgradeOutput: Report {
    /// One guest.
    struct Upgrade {
        let source: String
        /// What is to be said of the snapshot; nil for nothing.
        let notes: [String]?
        let plan: KernelUpgrade
        /// QEMU's loads of a stream, which then count; nil for other guests, which vcpusnap restores.
        let loads: StreamUpgrade?
        /// The stream's.
        let file: StreamFile?
        /// Commands that can be typed about it.
        let words: UpgradeWords

        var isPossible: Bool { loads?.isPossible ?? plan.isPossible }

        /// Each load, in the words of the command line.
        func answers(_ loads: StreamUpgrade) -> [(what: KernelUpgrade.Move, answer: LoadAnswer)] {
            loads.loads.map { what, remedies in
                let mend = words.mend(what == .up ? file : nil, what, by: loads.version)
                return (what, LoadAnswer(remedies: remedies, mend: mend))
            }
        }
    }

    let upgrades: [Upgrade]
    let kernel: String
    let policy: String
    let values: ValueText

    var status: ExitStatus {
        upgrades.allSatisfy(\.isPossible) ? .success : .finding
    }

    func write(text output: ReportWriter) {
        let style = output.style
        for (number, upgrade) in upgrades.enumerated() {
            if number > 0 { output.write("\n") }
            let old = upgrade.plan.old
            output.write(
                style.bold(
                    "\(upgrade.source): \(old.name), Linux \(old.kernelRelease) to \(kernel)")
                    + "\n" + style.notes(upgrade.notes))
            if let loads = upgrade.loads {
                write(loads, of: upgrade, output)
            } else {
                output.write("  this is what vcpusnap restore does\n")
                for (what, plan) in upgrade.plan.moves {
                    output.write("\(style.bold("\(what.text)")): \(plan.verdict.text(style))\n")
                    PlanBody(plan: plan, values: values).write(text: output)
                }
            }
        }
        output.write(nextStep)
    }

    /// What to type next; nothing where QEMU's loads fail, of which each has its remedies.
    private var nextStep: PrintableText {
        guard let blocked = upgrades.first(where: { !$0.isPossible }) else {
            return "next: save the guests (vcpusnap save), boot Linux \(kernel), restore them\n"
        }
        guard blocked.loads == nil else { return "" }
        guard blocked.plan.up.verdict == .no else {
            return "next: save the guests before the upgrade: the old kernel takes that again\n"
        }
        return "next: \(blocked.words.planning) writes the rules that would do\n"
    }

    private func write(
        _ loads: StreamUpgrade, of upgrade: Upgrade, _ output: ReportWriter
    ) {
        let without = loads.without
        let option =
            without.isEmpty
            ? "" : ", started with \(Remedy.cpuOption(without: without)) as the guest was"
        output.write("  this is what QEMU \(loads.version) does\(option)\n")
        for (what, answer) in upgrade.answers(loads) {
            output.write("\(output.style.bold("\(what.text)")): ")
            answer.write(text: output, values)
        }
    }

    var json: JSONObject {
        [
            "guests": upgrades.json { upgrade in
                [
                    "from": upgrade.plan.old.kernelRelease, "host": upgrade.plan.old.name,
                    "moves": moves(of: upgrade), "notes": upgrade.notes,
                    "qemu": upgrade.loads.map { "\($0.version)" }, "source": upgrade.source,
                ]
            }, "policy": policy, "to": kernel,
        ]
    }
}

extension UpgradeOutput {
    private func moves(of upgrade: Upgrade) -> JSONList {
        guard let loads = upgrade.loads else {
            return upgrade.plan.moves.json { what, plan in
                PlanBody(plan: plan, values: values).json + ["move": what.rawValue]
            }
        }
        return upgrade.answers(loads).json { what, answer in
            answer.json(values) + ["move": what.rawValue]
        }
    }
}

extension KernelUpgrade.Move {
    /// A heading.
    fileprivate var text: String {
        switch self {
        case .up: "up, with the new kernel"
        case .back: "back to the old kernel, as the guest is then"
        case .freshBack: "back to the old kernel, of a guest that was started with the new one"
        }
    }
}
