internal import ArgumentParser
internal import Registers

/// `vcpusnap register NAME|ID...`.
struct RegisterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Say what a register is: name, id, fields, behaviour, ID-field rules.",
        discussion: """
            EXAMPLES
              vcpusnap register SCTLR_EL1
              vcpusnap register 0x603000000013df1a s3_0_c0_c4_0
              vcpusnap register 'PMEV*' --format json
            """)

    @Argument(help: "Names, ids or patterns (* and ?).")
    var names: [String]

    @Option(help: "How to print the result: text or json.")
    var format = OutputFormat.text

    func validate() throws {
        guard !names.isEmpty else { throw ValidationError("name at least one register") }
    }

    func run() throws {
        try RegisterOutput(try names.flatMap(ids)).print(as: format)
    }

    private func ids(_ text: String) throws -> [RegisterID] {
        let pattern = RegisterPattern(text)
        guard pattern.isWildcard else {
            guard let id = RegisterID(parsing: text) else { throw UnknownRegister(text).error }
            return [id]
        }
        let matching = RegisterDictionary.all.map(\.id).filter(pattern.matches)
        guard !matching.isEmpty else { throw UnknownRegister(text).error }
        return matching
    }
}

/// The message for a name that is no register.
struct UnknownRegister {
    let error: CommandError

    init(_ text: String) {
        error = CommandError(
            "\(text) is not a register: give a name (SCTLR_EL1, x0), an id (0x603000000013c080), "
                + "an encoding (s3_0_c1_c0_0), or a pattern ('ID_*')")
    }
}
