import OwnVMM
import SeededRandom
import VCPUSnap

/// A VMM lends its VM with an interrupt controller: what its registers hold is saved, and restored into the VM of another
/// one whose registers hold something else.
struct InterruptProof {
    private static let vcpuCount: Int32 = 2

    private let hasITS: Bool

    init(hasITS: Bool) {
        self.hasITS = hasITS
    }

    func run(seed: UInt64) throws -> Bool {
        var generator = SeededGenerator(seed: seed)
        print("seed", seed, hasITS ? "with an ITS" : "without an ITS")
        let source = try machine(interrupts: 128)
        try fill(source, &generator)
        let saved = try source.snapshot()
        let target = try machine(interrupts: 128)
        try fill(target, &generator)
        let results = [
            ("restored into another VMM's VM", try restore(saved, into: target)),
            ("restored into a VM that is made for it", try restoreIntoScratch(saved)),
            ("a refused ICC_CTLR_EL1 is not tried", try controlIsJudged()),
            ("registers above GIC_NR_IRQS are absent", try fewerInterruptsAreTold(saved)),
            ("tables that the guest has not given are not read", try noTablesAreNone()),
            ("a clock whose offset the VMM has set stays", try offsetOfTheVMMStays()),
            ("what a stopped VMM lends stays open", target.isOpen && source.isOpen),
        ]
        for (what, holds) in results { print(what + ":", holds) }
        return results.allSatisfy(\.1)
    }

    // MARK: Machines

    private func machine(interrupts: UInt32) throws -> LentMachine {
        try LentMachine(vcpuCount: Self.vcpuCount, interrupts: interrupts, hasITS: hasITS)
    }

    /// Writes something to every register that a guest or its devices change.
    private func fill(_ machine: LentMachine, _ generator: inout SeededGenerator) throws {
        for bank in [machine.banks.vm as any RegisterBank] + machine.banks.vcpus {
            for id in try bank.list() where isFilled(id) {
                guard let size = id.size else { continue }
                let value = RegisterValue(
                    UInt64.random(in: 0 ... .max, using: &generator), size: size)
                try? bank.write(value, to: id)
            }
        }
    }

    /// Neither what belongs to the set-up, nor what decides which registers there are, nor the clock; LPIs need memory.
    private func isFilled(_ id: RegisterID) -> Bool {
        let name = id.name
        let isOfController = name.hasPrefix("GIC") || name.hasPrefix("ICC_")
        let others = [
            "GICR_CTLR", "GICD_IIDR", "GICD_TYPER2", "ICC_CTLR_EL1", "ICC_SRE_EL1", "GIC_MODEL",
            "GIC_NR_IRQS",
            "GIC_MAINTENANCE_IRQ",
        ]
        return isOfController && !others.contains(name) && !name.hasPrefix("GIC_ADDRESS")
    }

    // MARK: Restores

    private func restore(_ saved: Snapshot, into target: LentMachine) throws -> Bool {
        let account = try Restore.perform(
            saved, into: target.banks.vcpus, vm: target.banks.vm)
        return try isSame(Array(account), saved, try target.snapshot())
    }

    private func restoreIntoScratch(_ saved: Snapshot) throws -> Bool {
        let scratch = try scratch()
        let account = try Restore.perform(saved, into: scratch.banks, vm: scratch.vm)
        let found = try Snapshot(reading: scratch.banks, vm: scratch.vm)
        return try isSame(Array(account), saved, found)
    }

    private func scratch() throws -> ScratchVM {
        try ScratchVM(on: try KVMSystem(), vcpuCount: Int(Self.vcpuCount))
    }

    private func isSame(
        _ reports: [RestoreReport], _ saved: Snapshot, _ found: Snapshot
    ) throws -> Bool {
        for report in reports {
            for loss in report.losses { print("lost:", report.unit, loss.id, loss.reason ?? "") }
        }
        let difference = SnapshotDifference(saved, found)
        if !difference.isSame { print("differs:", difference) }
        let count = saved.vm.count + saved.vcpus.map(\.registers.count).reduce(0, +)
        print(count, "registers;", saved.vm.count, "of the VM")
        return reports.allSatisfy(\.isComplete) && difference.isSame
    }

    /// KVM would keep part of the value that it refuses.
    private func controlIsJudged() throws -> Bool {
        let vcpu = try machine(interrupts: 64).banks.vcpus[0]
        let control = try RegisterID(named: "ICC_CTLR_EL1")
        let held = try vcpu.read(control)
        let higher = RegisterValue(held.lowBits | 0x700)
        do {
            try vcpu.write(higher, to: control)
            return false
        } catch {
            print(error)
            return try vcpu.read(control) == held
        }
    }

    /// KVM says that it restored the tables of an ITS of which it knows no place, and does nothing.
    private func noTablesAreNone() throws -> Bool {
        let target = try machine(interrupts: 64)
        let before = try target.snapshot()
        try target.banks.restoreTables()
        return SnapshotDifference(before, try target.snapshot()).isSame
    }

    /// KVM takes a count and ignores it once the VMM has set an offset, of which it tells nobody: so the snapshot of a lent
    /// VM says that there may be one.
    private func offsetOfTheVMMStays() throws -> Bool {
        let machine = try machine(interrupts: 64)
        guard own_vmm_set_counter_offset(machine.vm, 0) == 0 else { return true }
        let wanted: UInt64 = 1 << 60
        try machine.banks.vm.write(RegisterValue(wanted), to: .clockCntvct)
        let count = try machine.banks.vm.read(.clockCntvct).lowBits
        let unknown = try machine.snapshot().vm[.unknownState]?.lowBits ?? 0
        return count < wanted && UnknownState(rawValue: unknown).contains(.counterOffset)
    }

    private func fewerInterruptsAreTold(_ saved: Snapshot) throws -> Bool {
        let target = try machine(interrupts: 64)
        let reports = Array(
            try Restore.perform(saved, into: target.banks.vcpus, vm: target.banks.vm))
        let lost = reports[0].losses.map(\.id.name)
        print(lost.count, "lost with fewer interrupts")
        return lost.contains("GICD_ISENABLER3") && lost.contains("GICD_IROUTER127")
            && lost.contains("GIC_NR_IRQS") && !lost.contains("GICD_ISENABLER1")
    }
}
