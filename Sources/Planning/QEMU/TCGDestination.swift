public import Emulation
internal import LinuxSystem
public import QEMUStream
internal import Registers
public import TextFormats

/// A QEMU that emulates its vCPUs (TCG), as far as a stream that it is to load meets it.
public struct TCGDestination {
    /// Of the recorded CPU model, or of what the stream of the destination was read from.
    public let name: String
    /// The QEMU.
    public let version: QEMUVersion
    /// The list of each vCPU, with what a fresh one holds; ascending by id, as it stands in streams.
    let registers: [TCGModel.Register]
    /// The stream that the list was taken from; nil for a recorded model.
    let stream: QEMUStream?
    /// The release whose list it is, where that of the release which was named is not recorded.
    public let otherRelease: String?

    /// A recorded CPU model.
    /// - Parameters:
    ///   - machine: the machine type that it will have; nil where the stream does not say it.
    ///   - vcpus: how many vCPUs it will have: those of the stream.
    ///   - release: what was asked for.
    public init(
        _ model: TCGModel, _ version: QEMUVersion, machine: String?, vcpus: Int,
        insteadOf release: String? = nil
    ) {
        (name, self.version, stream) = (model.name, version, nil)
        otherRelease = release == nil || release == model.qemu ? nil : model.qemu
        registers = model.registers(with: machine, vcpus: vcpus)
    }

    /// The machine that wrote a stream, best before it ran.
    ///
    /// The stream does not say which registers are constant, so that this is as it is in the recorded models.
    /// - Parameter name: for reports.
    /// - Throws: never with the models of a release, which its tests parse.
    public init(
        _ stream: QEMUStream, _ version: QEMUVersion, named name: String
    ) throws(DirectiveError) {
        (self.name, self.version, self.stream) = (name, version, stream)
        otherRelease = nil
        let kinds = try Self.kinds(version)
        registers = (stream.cpus.first?.entries ?? []).map { entry in
            let isConstant = RegisterDictionary.entry(for: entry.id)?.isQEMUConstant == true
            return TCGModel.Register(
                id: entry.id, value: entry.value,
                kind: kinds[entry.id] ?? (isConstant ? .constant : .variable))
        }
    }

    /// Of the recorded models of that version, or of all where there is none: the registers that any of them has, which
    /// are constant if they are in each.
    private static func kinds(
        _ version: QEMUVersion
    ) throws(DirectiveError) -> [RegisterID: TCGModel.Register.Kind] {
        let names = TCGModel.builtInNames
        let own = names.filter { QEMUVersion(parsing: $0) == version }
        var result: [RegisterID: TCGModel.Register.Kind] = [:]
        for name in own.isEmpty ? names : own {
            for register in try TCGModel.builtIn(named: name)?.registers ?? [] {
                guard result[register.id]?.isConstant ?? true else { continue }
                result[register.id] = register.kind.isConstant ? .constant : register.kind
            }
        }
        return result
    }
}

extension TCGDestination {
    /// Which QEMU wrote a stream.
    package struct Writer {
        package let version: QEMUVersion
        /// What tells it, in words.
        package let evidence: String
    }

    /// The QEMU of one version whose recorded CPUs have the stream's list of registers, or else the one that has its machine
    /// type as its own; nil where neither tells.
    /// - Throws: never with the models of a release, which its tests parse.
    package static func writer(of stream: QEMUStream) throws(DirectiveError) -> Writer? {
        let list = stream.cpus.first?.entries.map(\.id) ?? []
        var versions: Set<QEMUVersion> = []
        for name in TCGModel.builtInNames {
            guard let version = QEMUVersion(parsing: name),
                try TCGModel.builtIn(named: name)?.registers.map(\.id) == list
            else { continue }
            versions.insert(version)
        }
        if versions.count == 1, let version = versions.first {
            return Writer(version: version, evidence: "its list of registers")
        }
        return QEMUVersion(ofMachineOf: stream).map {
            Writer(version: $0, evidence: "its machine type")
        }
    }
}

extension TCGDestination {
    /// Why no list can stand for a destination.
    public struct Unrecorded: Error, CustomStringConvertible {
        /// A sentence that says what to do instead.
        public let description: String
    }

    /// The recorded list of a CPU for the machine that a stream is of.
    /// - Parameters:
    ///   - release: of QEMU, as it was given: `10.0` or `10.0.2`.
    ///   - name: of the stream, for errors.
    /// - Throws: where none is recorded, or none with the machine's options.
    public init(
        recorded cpu: String, _ release: String, _ version: QEMUVersion, for stream: QEMUStream,
        named name: String
    ) throws(Unrecorded) {
        guard let model = (try? TCGModel.recorded(cpu, of: release)) ?? nil else {
            throw Self.unrecorded(cpu, release)
        }
        if let option = stream.machineOption {
            throw Unrecorded(
                description:
                    "\(name): its machine had \(option), and the recorded CPUs are of machines without: make "
                    + "a stream of the destination before it runs, and name it with --to")
        }
        self.init(
            model, version, machine: stream.machineType, vcpus: stream.cpus.count,
            insteadOf: release)
    }

    /// The machine that a QEMU emulates, by a stream of it that somebody named.
    /// - Throws: for the stream of a VM that KVM ran.
    package init(
        emulatedIn stream: QEMUStream, _ version: @autoclosure () throws -> QEMUVersion,
        named name: String
    ) throws {
        guard stream.origin == .tcg else {
            throw Unrecorded(
                description:
                    "\(name) was written with \(stream.origin.text): --to takes a stream of "
                    + "QEMU's emulation; for KVM name the host with --host")
        }
        try self.init(stream, try version(), named: name)
    }

    private static func unrecorded(_ cpu: String, _ release: String) -> Unrecorded {
        let cpus = TCGModel.cpus
        guard cpus.contains(cpu) else {
            return Unrecorded(
                description: "unknown CPU \(Shown.text(cpu.utf8)): recorded are "
                    + cpus.joined(separator: ", ")
                    + NameSuggestion.question(about: cpu, among: cpus))
        }
        return Unrecorded(
            description: "no list of \(cpu) in QEMU \(release) is recorded, only those of "
                + "\(TCGModel.versions(of: cpu).joined(separator: ", ")): make a stream of the "
                + "destination before it runs, and name it with --to")
    }
}
