internal import ArgumentParser
internal import Machines
internal import Registers
internal import Transfer

/// `vcpusnap show FILE`.
struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the registers of a snapshot or a QEMU stream.",
        usage: "vcpusnap show <source> [-r <register> ...] [options]",
        discussion: """
            EXAMPLES
              vcpusnap show cpu.vcpusnap
              vcpusnap show cpu.vcpusnap --register 'ID_AA64*'
              vcpusnap show vm.save
              vcpusnap show disk.qcow2 --snapshot before-upgrade
              vcpusnap show half.mig --partial
              vcpusnap show cpu.vcpusnap --register SCTLR_EL1 --format json
              vcpusnap show vm.vcpusnap --interrupts
              vcpusnap show guest32.vcpusnap --aarch32 --register '?F?R'
            """)

    @Argument(help: "\(SourceKinds.grammar(for: .read)).")
    var source: Location

    @Option(
        name: [.customShort("r"), .customLong("register")],
        help:
            "Only registers with this name, id or pattern (* and ?), with their fields (repeatable).",
        completion: Completions.registers
    )
    var registers: [String] = []

    @Flag(
        help:
            "Show the interrupts in use, by the interrupt controller's registers, instead of registers."
    )
    var interrupts = false

    @Flag(
        help:
            "With --register, also show the fields that are not set; with --interrupts, all interrupts."
    )
    var all = false

    @Flag(
        name: .customLong("aarch32"),
        help:
            "Also show the p14 and p15 registers of an AArch32 guest, which KVM keeps in other registers."
    )
    var isAArch32 = false

    @OptionGroup var selection: SelectionOptions

    @OptionGroup var streamOptions: StreamOptions

    @Flag(name: .of(.partial), help: ArgumentHelp(of: .partial))
    var partial = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !interrupts || registers.isEmpty else {
            throw ValidationError("--interrupts shows no registers: leave out --register")
        }
    }

    func run() throws {
        var options = streamOptions.options
        options.set(.partial, if: partial)
        let guest = try source.guest(options)
        var snapshot = try selection.selected(
            of: guest.capture.reporting(from: source), named: source.text)
        if isAArch32 { snapshot = try snapshot.withAArch32Registers() }
        if interrupts {
            return try InterruptsOutput(snapshot, source: source.text, showsAll: all)
                .print(as: output.printing)
        }
        let patterns = registers.map(RegisterPattern.init(spelled:))
        let report = ShowOutput(
            snapshot, of: guest.stream, source: source.text, patterns: patterns,
            values: output.values, fields: DecodedText(showsAll: all))
        for pattern in patterns where !report.has(pattern) {
            throw CommandError(
                "\(source.text) has no register \(pattern.text); vcpusnap show lists what it has"
                    + (pattern.isWildcard || pattern.registerID != nil
                        ? "" : RegisterDictionary.question(about: pattern.text)))
        }
        try report.print(as: output.printing)
    }
}
