import LinuxSystem
import Machines
import QEMUStream
import Registers
import VCPUModel

/// A file whose first line is `registers`, and each other a name and a value: one vCPU.
///
/// A kind of file of somebody else's: this file, and one line that adds it to `SourceKinds`.
struct RegisterTextFile: StateFileKind, StateFile {
    static let phrase = "a list of registers"
    static let summary = SourceSummary(
        grammar: "register list", meaning: "a text with a register on each line",
        abilities: [.read], example: "vcpusnap show registers.txt")

    private let registers: RegisterList

    static func recognizes(_ prefix: [UInt8]) -> Bool { prefix.starts(with: "registers\n".utf8) }

    static func open(
        _ input: ImageInput, of location: Location, _ options: SourceOptions
    ) throws(SourceError) -> any StateFile {
        let text: [UInt8]
        do throws(Errno) {
            text = try input.read(upTo: 1 << 16)
        } catch {
            throw SourceError(FileError(.read, location.text, error))
        }
        return try RegisterTextFile(text: text, of: location.text)
    }

    private init(text: [UInt8], of name: String) throws(SourceError) {
        var pairs: [(RegisterID, RegisterValue)] = []
        for line in text.split(separator: UInt8(ascii: "\n")).dropFirst() {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count == 2, let id = RegisterID(spelled: String(words[0])),
                let value = RegisterValue(parsing: String(words[1]), size: id.size ?? 8)
            else { throw SourceError("\(name): a line is no name and value") }
            pairs.append((id, value))
        }
        guard let list = RegisterList(pairs) else {
            throw SourceError("\(name): a register stands there twice")
        }
        registers = list
    }

    func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        let vcpu = VCPUState(index: 0, registers: registers)
        return StateCapture(Snapshot(provenance: Provenance(), vcpus: [vcpu]))
    }
}
