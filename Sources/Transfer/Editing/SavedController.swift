internal import Registers
public import VCPUModel

extension VCPUEdit {
    /// Makes sure that a saved interrupt controller has the registers that go with its model and number of interrupts.
    ///
    /// In what was saved no register comes or goes by an edit, and a restore would lose what the controller then lacks.
    /// - Parameter bank: of what the VM has once.
    /// - Throws: where others would go with what is assigned, or the bank cannot be read.
    public static func checkController(
        _ assignments: [RegisterAssignment], in bank: any RegisterBank
    ) throws(EditError) {
        for assignment in assignments where [.gicModel, .gicNrIrqs].contains(assignment.register) {
            let before = try EditError.reading(assignment.register, in: bank)
            let wanted = try assignment.applied(to: before, isForced: false)
            guard before != wanted else { continue }
            if assignment.register == .gicModel {
                try check(model: wanted, in: bank)
            } else {
                try check(interruptCount: wanted, insteadOf: before, in: bank)
            }
        }
    }

    private static func check(
        model wanted: RegisterValue, in bank: any RegisterBank
    ) throws(EditError) {
        guard let model = GICModel(bits: wanted.lowBits) else {
            throw .impossible(
                "KVM has no interrupt controller of type \(wanted): 5 is a GICv2, 7 a GICv3")
        }
        let others = GICModel.allCases.filter { $0 != model }.flatMap(\.vmRegisters)
        let strange = Set(try EditError.listing(bank)).intersection(others)
            .subtracting(model.vmRegisters)
        try check(.gicModel, wanted, strange, "is not of that model", "are not of that model")
    }

    private static func check(
        interruptCount wanted: RegisterValue, insteadOf before: RegisterValue,
        in bank: any RegisterBank
    ) throws(EditError) {
        let (old, new) = (before.lowBits, wanted.lowBits)
        let model = try EditError.reading(.gicModel, in: bank)
        let between = Set(
            (GICModel(bits: model.lowBits) ?? .v3).vmRegisters.filter { id in
                min(old, new)..<max(old, new) ~= id.lowestINTID ?? 0
            })
        let held = between.intersection(try EditError.listing(bank))
        if new > old {
            try check(.gicNrIrqs, wanted, between.subtracting(held), "is missing", "are missing")
        } else {
            try check(.gicNrIrqs, wanted, held, "is too many", "are too many")
        }
    }

    private static func check(
        _ id: RegisterID, _ wanted: RegisterValue, _ ids: Set<RegisterID>, _ one: String,
        _ many: String
    ) throws(EditError) {
        guard let first = ids.min() else { return }
        let what = ids.count == 1 ? " \(one)" : " and \(ids.count - 1) more registers \(many)"
        throw .impossible(
            "\(id.name)=\(wanted): \(first.name)\(what), and an edit of what was saved neither makes nor removes "
                + "registers; save a VM that has it so, or give --force")
    }
}
