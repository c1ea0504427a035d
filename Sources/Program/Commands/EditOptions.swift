internal import ArgumentParser
internal import LinuxSystem
internal import Machines
internal import Registers
internal import TextFormats
internal import Transfer
internal import VCPUModel

/// The TARGET of `set` and `inject`: a snapshot, or vCPUs made on a host, and which of them are meant.
struct EditTarget {
    /// What `--vcpu` says.
    enum Selection: ExpressibleByArgument {
        case all
        case one(UInt32)

        init?(argument: String) {
            if argument == "all" {
                self = .all
            } else if let index = NumberText.decimal(argument).flatMap({ UInt32(exactly: $0) }) {
                self = .one(index)
            } else {
                return nil
            }
        }
    }

    let location: Location
    /// The vCPUs that are meant, with their numbers.
    let vcpus: [OpenVCPU]
    /// Whether they are all the target has.
    let isWhole: Bool
    /// The kernel whose KVM the vCPUs are of, where it is known.
    var kernel: KernelVersion? { state.provenance.kernelVersion }

    /// Where the result goes; nil where it is not kept.
    private let destination: Location?
    private let state: any OpenState

    /// - Parameter output: where the result goes instead of the file itself.
    init(_ location: Location, _ selection: Selection?, output: Location?) throws {
        self.location = location
        destination = output ?? (location.namedKind == nil ? location : nil)
        let identity = location.identity
        let isInPlace = output.map { identity != nil && $0.identity == identity } ?? true
        state = try location.open(.edit(keeps: isInPlace), .commandLine)
        let all = state.vcpus
        let title = UnitNumbers(all.map(\.index)).title
        guard !all.isEmpty else { throw Snapshot.hasNoVCPU(location, to: "change") }
        switch selection {
        case .all: vcpus = all
        case .one(let index): vcpus = all.filter { $0.index == index }
        case nil:
            guard all.count == 1 else {
                throw CommandError(
                    "\(location.text) has \(title): name one with --vcpu, or --vcpu all")
            }
            vcpus = all
        }
        isWhole = vcpus.count == all.count
        guard !vcpus.isEmpty else {
            throw CommandError("\(location.text) has no such vCPU; it has \(title)")
        }
    }

    /// Keeps the result where it is to go.
    /// - Returns: what the target then holds.
    func finish() throws -> Snapshot {
        let result = try state.capture().snapshot
        try state.letGo()
        if let destination { try state.write(result, to: destination) }
        return result
    }
}

/// The options that `set` and `inject` share.
struct EditOptions: ParsableArguments {
    @Option(
        help: "The number of the vCPU to change, or all; needed where there is more than one.")
    var vcpu: EditTarget.Selection?

    @Option(
        name: .shortAndLong,
        help:
            "Write the changed snapshot here, - is stdout; without it a FILE is replaced, whole or not at all."
    )
    var output: Location?

    @OptionGroup var report: OutputOptions

    /// Opens what is to be changed.
    func open(_ target: Location) throws -> EditTarget {
        guard target != .standardStream || output != nil else {
            throw CommandError(
                "the report goes to standard output: give --output a file for the snapshot, or -")
        }
        if let output {
            try output.checkOutput(.binary, keeping: target.lostByItsChange(in: output))
        }
        return try EditTarget(target, vcpu, output: output)
    }

    /// Makes a change in each vCPU that is meant, keeps the result and prints the report.
    ///
    /// Nothing is kept when the change cannot be made; a change that the target does not take is
    /// reported, and its result kept.
    func run(
        _ verb: String, on target: EditTarget,
        _ edit: (any RegisterBank) throws(EditError) -> VCPUEdit
    ) throws {
        var edits: [(index: UInt32, edit: VCPUEdit)] = []
        for vcpu in target.vcpus {
            do throws(EditError) {
                edits.append((vcpu.index, try edit(vcpu.bank)))
            } catch {
                throw CommandError("\(target.location.text), vCPU \(vcpu.index): \(error)")
            }
        }
        let notes = try target.finish().noteTexts
        let result = EditOutput(
            verb: verb, target: target.location.text, edits: edits, notes: notes,
            kernel: target.kernel,
            values: report.values)
        try result.print(
            as: report.format, besides: output, after: (output ?? target.location).writtenBefore)
    }
}
