internal import Emulation
internal import LinuxSystem
internal import Planning
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
    }

    let upgrades: [Upgrade]
    let kernel: String
    let policy: String
    let values: ValueText

    var status: ExitStatus {
        upgrades.flatMap(\.plan.moves).allSatisfy { $0.plan.verdict != .no } ? .success : .finding
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
            for (what, plan) in upgrade.plan.moves {
                output.write("\(style.bold("\(what.text)")): \(plan.verdict.text(style))\n")
                PlanBody(plan: plan, values: values).write(text: output)
            }
        }
    }

    var json: JSONObject {
        [
            "guests": upgrades.json { upgrade in
                [
                    "from": upgrade.plan.old.kernelRelease, "host": upgrade.plan.old.name,
                    "moves": upgrade.plan.moves.json { what, plan in
                        PlanBody(plan: plan, values: values).json
                            + ["move": what.rawValue]
                    },
                    "notes": upgrade.notes, "source": upgrade.source,
                ]
            }, "policy": policy, "to": kernel,
        ]
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
