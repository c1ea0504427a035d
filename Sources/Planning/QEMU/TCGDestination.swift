public import Emulation
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

    /// A recorded CPU model.
    /// - Parameters:
    ///   - machine: the machine type that it will have; nil where the stream does not say it.
    ///   - vcpus: how many vCPUs it will have: those of the stream.
    public init(_ model: TCGModel, _ version: QEMUVersion, machine: String?, vcpus: Int) {
        (name, self.version, stream) = (model.name, version, nil)
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
