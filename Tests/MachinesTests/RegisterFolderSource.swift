import Emulation
import Foundation
import LinuxSystem
import Machines
import Registers
import VCPUModel

/// `reg:FOLDER`: one vCPU, of which each register is a file, `SCTLR_EL1.reg`, with its value as text.
///
/// A source of somebody else's: this file, and one line that adds it to `SourceKinds`.
struct RegisterFolderSource: NamedSource {
    static let scheme = "reg:"
    static let summary = SourceSummary(
        grammar: "reg:FOLDER", meaning: "a folder with a file for each register",
        abilities: [.read, .restore, .edit, .host], example: "vcpusnap show reg:registers")

    let name: String
    /// It is files.
    let isAtRest = true

    init(_ name: String) {
        self.name = name
    }

    func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        try opened(0).capture()
    }

    /// As a host it is the built-in profile of its name.
    func hosts(_ options: SourceOptions) throws(SourceError) -> [HostProfile] {
        guard let profile = try? HostProfile.builtIn(named: name) else {
            throw SourceError("\(name) is no host")
        }
        return [profile]
    }

    func open(
        _ purpose: OpenPurpose, _ options: SourceOptions
    ) throws(SourceError) -> any OpenState {
        guard case .restore(let snapshot, _) = purpose else { return opened(0) }
        return opened(snapshot.vcpus.first?.index ?? 0)
    }

    private func opened(_ index: UInt32) -> OpenFolder {
        OpenFolder(vcpus: [OpenVCPU(index: index, bank: RegisterFolder(name))])
    }

    private final class OpenFolder: OpenState {
        let vcpus: [OpenVCPU]
        let provenance = Provenance()

        init(vcpus: [OpenVCPU]) {
            self.vcpus = vcpus
        }
    }
}

/// A folder with registers, as a bank.
private final class RegisterFolder: RegisterBank {
    private let folder: URL

    init(_ path: String) {
        folder = URL(fileURLWithPath: path)
    }

    func list() throws(RegisterBankError) -> [RegisterID] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".reg") }
            .compactMap { RegisterID(spelled: String($0.dropLast(4))) }.sorted()
    }

    func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
        guard let text = try? String(contentsOf: file(of: id), encoding: .utf8) else {
            throw RegisterBankError(.read, id, .noEntry)
        }
        let word = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let value = RegisterValue(parsing: word, size: id.size ?? 8) else {
            throw RegisterBankError(.read, id, .invalidArgument, explanation: "not a number")
        }
        return value
    }

    func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
        guard FileManager.default.fileExists(atPath: file(of: id).path) else {
            throw RegisterBankError(.write, id, .noEntry)
        }
        guard (try? Data("\(value)\n".utf8).write(to: file(of: id))) != nil else {
            throw RegisterBankError(.write, id, .io)
        }
    }

    private func file(of id: RegisterID) -> URL {
        folder.appendingPathComponent("\(id.name).reg")
    }
}
