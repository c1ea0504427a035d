internal import ArgumentParser
internal import Machines
internal import Transfer
internal import VCPUModel

/// `vcpusnap inject TARGET EXCEPTION`.
struct Inject: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a guest take an exception or interrupt when it resumes.",
        usage: """
            vcpusnap inject <target> <exception> [-o <output>] [options]
            vcpusnap inject <target> irq|ppi|sgi <intid> [-o <output>] [options]
            """,
        discussion: """
            breakpoint  the exception of BRK (BKPT in AArch32) at the program counter
            data-abort  a synchronous external abort, as for memory that the host has lost
            serror      a pending SError, which the guest takes when it unmasks SErrors
            irq INTID   an interrupt of a device (32 to 1019), for the vCPU of its route
            ppi INTID   an interrupt of a device of the vCPU (16 to 31)
            sgi INTID   an interrupt by software, sent to the vCPU (0 to 15)

            The vCPU enters the exception as the CPU does: syndrome, fault address, return
            address, saved program state, new program state, and the program counter at the
            guest's vector. An AArch32 guest enters Abort mode.

            An interrupt is raised as its device does it: the line of one that has a level
            becomes high, and stays so until the device lowers it; one that has edges is
            latched as pending. The guest takes it when it is enabled and not masked. The
            lines of the timers and the PMU are KVM's, and are not raised.

            EXAMPLES
              vcpusnap inject cpu.vcpusnap breakpoint --comment 0xf000
              vcpusnap inject cpu.vcpusnap data-abort \\
                --address 0xffff800010000000 -o hurt.vcpusnap
              vcpusnap inject four.vcpusnap serror --vcpu 1 --syndrome 0x11
              vcpusnap inject vm.vcpusnap irq 40
              vcpusnap inject vm.vcpusnap sgi 1 --vcpu 0 --dry-run
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case breakpoint
        case dataAbort = "data-abort"
        case serror
        case irq, ppi, sgi

        var interrupt: Interrupt.Kind? {
            switch self {
            case .irq: .spi
            case .ppi: .ppi
            case .sgi: .sgi
            case .breakpoint, .dataAbort, .serror: nil
            }
        }
    }

    @Argument(help: "The vCPU: \(SourceKinds.grammar(for: .edit)).")
    var target: Location

    @Argument(help: "breakpoint, data-abort, serror, irq, ppi or sgi.")
    var exception: Kind

    @Argument(help: "irq, ppi, sgi: the number of the interrupt, as show --interrupts has it.")
    var intid: Number?

    @Option(help: "breakpoint: the instruction's immediate, 16 bits (default: 0).")
    var comment: Number?

    @Option(help: "data-abort: the virtual address; without it the syndrome says it is not valid.")
    var address: Number?

    @Flag(help: "data-abort: the access was a store.")
    var write = false

    @Option(help: "serror: the syndrome, 25 bits; only for vCPUs with the RAS extension.")
    var syndrome: Number?

    @OptionGroup var options: EditOptions

    func validate() throws {
        let given: [(name: String, isGiven: Bool, kind: Kind)] = [
            ("--comment", comment != nil, .breakpoint), ("--address", address != nil, .dataAbort),
            ("--write", write, .dataAbort), ("--syndrome", syndrome != nil, .serror),
        ]
        if let stray = given.first(where: { $0.isGiven && $0.kind != exception }) {
            throw ValidationError("\(stray.name) goes with \(stray.kind.rawValue) only")
        }
        guard (comment?.value ?? 0) >> 16 == 0 else {
            throw ValidationError("--comment takes a number of 16 bits")
        }
        guard let kind = exception.interrupt else {
            guard intid == nil else {
                throw ValidationError("\(exception.rawValue) takes no number")
            }
            return
        }
        guard interrupt != nil else {
            throw ValidationError(
                "\(exception.rawValue) takes an INTID (\(kind.rawValue)), \(kind.numbers.lowerBound) to "
                    + "\(kind.numbers.upperBound)")
        }
    }

    private var interrupt: InjectedInterrupt? {
        guard let kind = exception.interrupt, let intid else { return nil }
        return InjectedInterrupt(kind, intid.value)
    }

    func run() throws {
        switch exception {
        case .breakpoint:
            try inject(.breakpoint(comment: UInt16(truncatingIfNeeded: comment?.value ?? 0)))
        case .dataAbort: try inject(.dataAbort(address: address?.value, isWrite: write))
        case .serror: try inject(.serror(syndrome: syndrome?.value))
        case .irq, .ppi, .sgi: if let interrupt { try raise(interrupt) }
        }
    }

    private func inject(_ injected: InjectedException) throws {
        try options.run("inject \(exception.rawValue)", on: try options.open(target)) {
            (bank) throws(EditError) in
            try VCPUEdit.inject(injected, into: bank)
        }
    }

    private func raise(_ interrupt: InjectedInterrupt) throws {
        let target = try options.open(target, changesVCPUs: !interrupt.isOfVM)
        let vm = target.vm
        let inject = { (bank: any RegisterBank) throws(EditError) in
            try VCPUEdit.inject(interrupt, into: bank, of: vm)
        }
        try options.run(
            "inject \(exception.rawValue) \(interrupt.number)", on: target,
            ofVM: interrupt.isOfVM ? inject : nil, inject)
    }
}

/// A number on the command line: decimal, or hexadecimal with 0x; underscores may separate digits.
struct Number: ExpressibleByArgument {
    let value: UInt64

    init?(argument: String) {
        guard let bits = RegisterValue(parsing: argument, size: 8)?.bits else { return nil }
        value = bits
    }
}
