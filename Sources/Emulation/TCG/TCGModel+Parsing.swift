internal import Registers
public import TextFormats

extension TCGModel {
    /// Reads a file in the format of Formats/vtcg-v1.md.
    /// - Parameter file: what to call the text in errors.
    /// - Throws: the line at fault, with what was expected there.
    public init(parsing text: some Collection<UInt8>, file: String) throws(DirectiveError) {
        var parser = try TCGModelParser(text, file: file)
        self = try parser.model()
    }
}

/// Reads it directive by directive.
private struct TCGModelParser {
    private var scanner: DirectiveScanner
    private var result = TCGModel()

    init(_ text: some Collection<UInt8>, file: String) throws(DirectiveError) {
        scanner = try DirectiveScanner(
            text, file: file, format: "vtcg 1",
            limits: DirectiveScanner.Limits(
                size: HostProfile.Limit.size, line: HostProfile.Limit.line,
                word: HostProfile.Limit.word))
    }

    private enum Directive: String, CaseIterable {
        case qemu, cpu, machine, subsection, register, wide, constant, counted, with
    }

    mutating func model() throws(DirectiveError) -> TCGModel {
        while let directive = try scanner.next() { try read(directive) }
        for (name, value) in [
            ("qemu", result.qemu), ("cpu", result.cpu), ("machine", result.machine),
        ] where value.isEmpty {
            throw scanner.error("expected \(name), found the end of the file")
        }
        return result
    }

    private mutating func read(_ directive: DirectiveScanner.Word) throws(DirectiveError) {
        switch try scanner.known(directive, as: Directive.self) {
        case .qemu: result.qemu = try scanner.single(directive, "a version")
        case .cpu: result.cpu = try scanner.single(directive, "a CPU model")
        case .machine: result.machine = try scanner.single(directive, "a machine type")
        case .subsection:
            result.subsections.append(String(try scanner.word("a subsection's name").text))
        case .register: try readRegister(.variable, directive)
        case .wide: try readRegister(.wide, directive)
        case .constant: try readRegister(.constant, directive)
        case .counted: try readRegister(.counted, directive)
        case .with: try readOther(directive)
        }
    }

    private mutating func readRegister(
        _ kind: TCGModel.Register.Kind, _ directive: DirectiveScanner.Word
    ) throws(DirectiveError) {
        let id = RegisterID(rawValue: try scanner.hexadecimal())
        guard result.registers.last.map({ $0.id < id }) ?? true else {
            throw scanner.error(
                "expected an id above that of the register before it", at: directive)
        }
        guard result.registers.count < HostProfile.Limit.registers else {
            throw scanner.error("there are at most \(HostProfile.Limit.registers) registers")
        }
        result.registers.append(
            TCGModel.Register(id: id, value: try scanner.hexadecimal(), kind: kind))
    }

    private mutating func readOther(_ directive: DirectiveScanner.Word) throws(DirectiveError) {
        let machine = String(try scanner.word("a machine type").text)
        let id = RegisterID(rawValue: try scanner.hexadecimal())
        try scanner.once(directive, key: "with \(machine) \(id.rawValue)")
        guard result.registers.contains(where: { $0.id == id }) else {
            throw scanner.error("expected a register of the list", at: directive)
        }
        result.otherMachines[machine, default: [:]][id] = try scanner.hexadecimal()
    }
}
