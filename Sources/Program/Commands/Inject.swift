internal import ArgumentParser
internal import Machines
internal import Transfer
internal import VCPUModel

/// `vcpusnap inject TARGET EXCEPTION`.
struct Inject: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the guest of a snapshot take an exception when it resumes.",
        usage: "vcpusnap inject <target> <exception> [-o <output>] [options]",
        discussion: """
            breakpoint  the exception of BRK (BKPT in AArch32) at the program counter
            data-abort  a synchronous external abort, as for memory that the host has lost
            serror      a pending SError, which the guest takes when it unmasks SErrors

            The vCPU enters the exception as the CPU does: syndrome, fault address, return
            address, saved program state, new program state, and the program counter at the
            guest's vector. An AArch32 guest enters Abort mode.

            EXAMPLES
              vcpusnap inject cpu.vcpusnap breakpoint --comment 0xf000
              vcpusnap inject cpu.vcpusnap data-abort \\
                --address 0xffff800010000000 -o hurt.vcpusnap
              vcpusnap inject four.vcpusnap serror --vcpu 1 --syndrome 0x11
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case breakpoint
        case dataAbort = "data-abort"
        case serror
    }

    @Argument(help: "The vCPU: \(SourceKinds.grammar(for: .edit)).")
    var target: Location

    @Argument(help: "breakpoint, data-abort or serror.")
    var exception: Kind

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
    }

    func run() throws {
        try options.run("inject \(exception.rawValue)", on: try options.open(target)) {
            (bank) throws(EditError) in
            try VCPUEdit.inject(injected, into: bank)
        }
    }

    private var injected: InjectedException {
        switch exception {
        case .breakpoint: .breakpoint(comment: UInt16(truncatingIfNeeded: comment?.value ?? 0))
        case .dataAbort: .dataAbort(address: address?.value, isWrite: write)
        case .serror: .serror(syndrome: syndrome?.value)
        }
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
