internal import ArgumentParser
internal import Machines
internal import Registers
internal import Transfer
internal import VCPUModel

/// `vcpusnap set TARGET REGISTER=VALUE...`.
struct SetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change registers or fields of a snapshot.",
        usage: """
            vcpusnap set <target> <assignment> ... [-o <output>] [options]
            vcpusnap set <target> --baseline <file> [-o <output>] [options]
            """,
        discussion: """
            Values are decimal, hexadecimal with 0x, or for a field one of the names that
            vcpusnap register prints; _ may separate digits. Reserved bits are not changed
            unless --force is given. A change goes through the CPU state to the vCPU and is
            read back there; only what was assigned is written. Registers of the interrupt
            controller and other state of devices and the VM are written as they are.

            --baseline is for a vCPU that has not run yet: it gets the registers of a
            baseline, or of a custom CPU template of Firecracker. What vCPUs are made with
            is not changed: where that should be less, it is said.

            EXAMPLES
              vcpusnap set cpu.vcpusnap pc=0x40080000 SCTLR_EL1.M=0
              vcpusnap set cpu.vcpusnap ID_AA64PFR0_EL1.CSV3=NI -o lower.vcpusnap
              vcpusnap set four.vcpusnap --vcpu 2 MP_STATE.mp_state=STOPPED
              vcpusnap set guest32.vcpusnap DFSR=0x805 LR_abt=0x8008
              vcpusnap set cpu.vcpusnap --baseline racks.vbaseline -o lower.vcpusnap
              vcpusnap save kvm: -o - | vcpusnap set - x0=1 -o - |
                ssh host vcpusnap restore - kvm:
            """)

    @Argument(help: "What to change: \(SourceKinds.grammar(for: .edit)).")
    var target: Location

    @Argument(
        help: ArgumentHelp(
            "REGISTER=VALUE or REGISTER.FIELD=VALUE; applied in order.",
            valueName: "assignment"), completion: Completions.assignments)
    var assignments: [String] = []

    @Option(
        name: [.customLong("baseline"), .customLong("template")],
        help: ArgumentHelp(
            "Write the registers of this baseline, or of this CPU template of Firecracker, before the assignments.",
            valueName: "file"))
    var baseline: Location?

    @Flag(
        help:
            "Also change reserved bits, and change in one vCPU what all vCPUs must have in common.")
    var force = false

    @OptionGroup var options: EditOptions

    func validate() throws {
        guard !assignments.isEmpty || baseline != nil else {
            throw ValidationError("give at least one REGISTER=VALUE, or --baseline")
        }
    }

    func run() throws {
        let wanted = try assignments.map { text in try RegisterAssignment(parsing: text) }
        let ofVM = wanted.filter(\.isOfVM)
        let ofVCPUs = wanted.filter { !$0.isOfVM }
        if let baseline {
            try options.overwriting.check(
                reading: [self.target, baseline], writing: options.output, .binary,
                keeping: [baseline])
        }
        let preset = try baseline.map(CPUPreset.load)
        let target = try options.open(
            self.target, changesVCPUs: !ofVCPUs.isEmpty || preset != nil)
        if !force { try target.checkAlike(ofVCPUs, preset) }
        let (force, isSaved) = (force, target.location.isLasting)
        let editVM = { (bank: any RegisterBank) throws(EditError) in
            if isSaved, !force { try VCPUEdit.checkController(ofVM, in: bank) }
            return try VCPUEdit.set(ofVM, in: bank, isForced: force)
        }
        try options.run("set", on: target, ofVM: ofVM.isEmpty ? nil : editVM) {
            (bank) throws(EditError) in
            let first = try preset?.assignments(in: bank) ?? []
            return try VCPUEdit.set(first + ofVCPUs, in: bank, isForced: force)
        }
        for notice in preset?.notices(about: target) ?? [] {
            SourceOptions.commandLine.notify("\(self.target.text): \(notice)")
        }
    }
}
