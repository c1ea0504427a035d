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
    /// - Parameter machine: the machine type that it will have; nil where the stream does not say it.
    public init(_ model: TCGModel, _ version: QEMUVersion, machine: String?) {
        (name, self.version, stream) = (model.name, version, nil)
        registers = model.registers(with: machine)
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
        let constants = try Self.constants(version)
        registers = (stream.cpus.first?.entries ?? []).map { entry in
            let isConstant =
                constants[entry.id] ?? RegisterDictionary.entry(for: entry.id)?.isQEMUConstant
            return TCGModel.Register(
                id: entry.id, value: entry.value, kind: isConstant == true ? .constant : .variable)
        }
    }

    /// Of the recorded models of that version, or of all where there is none: the registers that any of them has, and
    /// whether they are constant in each.
    private static func constants(
        _ version: QEMUVersion
    ) throws(DirectiveError) -> [RegisterID: Bool] {
        let names = TCGModel.builtInNames
        let own = names.filter { QEMUVersion(parsing: $0) == version }
        var result: [RegisterID: Bool] = [:]
        for name in own.isEmpty ? names : own {
            for register in try TCGModel.builtIn(named: name)?.registers ?? [] {
                let isConstant = register.kind != .variable
                result[register.id] = result[register.id, default: true] && isConstant
            }
        }
        return result
    }
}
