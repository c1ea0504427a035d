internal import ArgumentParser
internal import Transfer

/// `vcpusnap register NAME|ID|REGISTER=VALUE...`.
struct RegisterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Say what a register is, or what a value of it means.",
        usage: "vcpusnap register <names> ... [--all | --history] [options]",
        discussion: """
            A register can also be named the way the kernel, QEMU's log or an assembler
            names it, and so can one field of it. REGISTER=VALUE explains the value: the
            fields that are set, or all of them with --all. --history tells, kernel by
            kernel, what changed and how that is known; it also takes capabilities and vCPU
            features.

            EXAMPLES
              vcpusnap register ESR_EL1=0x96000010
              vcpusnap register pstate=0x3c5 SCTLR_EL1=0x30d0198d
              vcpusnap register SCTLR_EL1
              vcpusnap register SCTLR_EL1.M 'sys_reg(3, 0, 5, 2, 0)' p15,0,c5,c0,0
              vcpusnap register 0x603000000013df1a s3_0_c0_c4_0
              vcpusnap register 'PMEV*' --format json
              vcpusnap register --history TCR2_EL1 KVM_CAP_ARM_EL2
            """)

    @Argument(
        help: "Names, ids or patterns (* and ?); or REGISTER=VALUE.",
        completion: Completions.historySubjects)
    var names: [String]

    @Flag(help: "Also explain the fields of a value that are not set.")
    var all = false

    @Flag(help: "Say what changed from kernel to kernel; also takes KVM_CAP_* and KVM_ARM_VCPU_*.")
    var history = false

    @OptionGroup var printing: PrintingOptions

    func validate() throws {
        guard !names.isEmpty else { throw ValidationError("name at least one register") }
    }

    func run() throws {
        if history {
            try HistoryOutput(subjects: try names.flatMap(HistorySubject.all)).print(as: printing)
        } else {
            let output = RegisterOutput(
                subjects: try names.flatMap(RegisterSubject.all), values: DecodedText(showsAll: all)
            )
            try output.print(as: printing)
        }
    }
}
