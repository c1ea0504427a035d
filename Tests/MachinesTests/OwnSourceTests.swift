import Foundation
import Machines
import Program
import Registers
import TestFiles
import Testing
import VCPUModel

/// The commands take a source that is not this package's.
@Suite("A source of somebody else's", .serialized)
struct OwnSourceTests {
    private let folder: TemporaryFolder
    private let registers: String

    init() throws {
        SourceKinds.add(RegisterFolderSource.self)
        folder = try TemporaryFolder()
        registers = folder / "registers"
        try FileManager.default.createDirectory(
            atPath: registers, withIntermediateDirectories: true)
        for (name, value) in [("SCTLR_EL1", "0x30d0198"), ("TPIDR_EL1", "0x1234"), ("x0", "7")] {
            try folder.make("registers/\(name).reg", "\(value)\n")
        }
    }

    private func vcpusnap(_ words: String...) -> Int32 {
        VcpusnapProgram.exitCode(of: words)
    }

    @Test("Its scheme is its own, and nobody else's")
    func schemes() {
        #expect(SourceKinds.add(RegisterFolderSource.self))
        #expect(!SourceKinds.add(Impostor.self))
        #expect(!SourceKinds.named.contains { $0 == Impostor.self })
    }

    @Test("It is saved, planned, compared and restored as every other")
    func commands() throws {
        let file = folder / "saved.vcpusnap"
        #expect(vcpusnap("save", "reg:\(registers)", "-o", file) == 0)
        let saved = try Location(path: file).capture(SourceOptions()).snapshot
        #expect(saved.vcpus.count == 1 && saved.vcpus[0].registers.count == 3)
        #expect(vcpusnap("diff", file, "reg:\(registers)", "--format", "json") == 0)
        try folder.make("registers/TPIDR_EL1.reg", "0x9999\n")
        #expect(vcpusnap("diff", file, "reg:\(registers)", "--format", "json") == 1)
        #expect(vcpusnap("restore", file, "reg:\(registers)", "--format", "json") == 0)
        #expect(try folder.text("registers/TPIDR_EL1.reg") == "0x1234\n")
        #expect(vcpusnap("set", "reg:\(registers)", "x0=8", "--format", "json") == 0)
        #expect(try folder.text("registers/x0.reg").contains("0x8"))
        #expect(vcpusnap("plan", "reg:\(registers)", "--host", "6.12-max", "--format", "json") < 2)
    }

    @Test("No time passes for it, as it says")
    func rest() throws {
        let file = folder / "clock.vcpusnap"
        #expect(vcpusnap("save", "emulated:6.12-max", "--gic", "v3", "-o", file) == 0)
        let restore = ["restore", file, "reg:\(registers)", "--format", "json", "--clock"]
        #expect(VcpusnapProgram.exitCode(of: restore + ["stop"]) < 2)
        #expect(VcpusnapProgram.exitCode(of: restore + ["wall"]) == 2)
    }

    @Test("A register that cannot be read is named, and the rest saved")
    func unreadable() throws {
        try folder.make("registers/TPIDR_EL1.reg", "rubbish\n")
        let capture = try #require(Location(argument: "reg:\(registers)")).capture(SourceOptions())
        #expect(capture.unreadable.map(\.error.id?.name) == ["TPIDR_EL1"])
        #expect(capture.snapshot.vcpus[0].registers.count == 2)
        #expect(vcpusnap("save", "reg:\(registers)", "-o", folder / "rest.vcpusnap") == 1)
    }

    @Test("A kind of file of one's own is recognized by its content")
    func file() throws {
        SourceKinds.add(RegisterTextFile.self)
        let list = try folder.make(
            "list", "registers\nSCTLR_EL1 0x30d0198\nTPIDR_EL1 0x1234\nx0 7\n")
        #expect(vcpusnap("diff", list, "reg:\(registers)", "--format", "json") == 0)
        #expect(vcpusnap("plan", list, "--host", "6.12-max", "--format", "json") < 2)
        #expect(vcpusnap("restore", list, "reg:\(registers)", "--format", "json") == 0)
        let damaged = try folder.make("damaged", "registers\nSCTLR_EL1 true\n")
        #expect(vcpusnap("show", damaged) == 2)
        #expect(
            SourceTable.text(of: SourceKinds.all).contains { $0.hasPrefix("  register list ") })
    }

    @Test("It is a host as it says")
    func host() throws {
        let file = folder / "saved.vcpusnap"
        #expect(vcpusnap("save", "emulated:6.12-max", "-o", file) == 0)
        #expect(vcpusnap("plan", file, "--host", "reg:6.12-max", "--format", "json") == 0)
        #expect(vcpusnap("plan", file, "--host", "reg:none", "--format", "json") == 2)
        #expect(vcpusnap("baseline", "reg:6.12-max", "6.12-max", "--format", "json") < 2)
    }

    @Test("The help names it where it can be used")
    func help() {
        #expect(SourceKinds.grammar(for: .read).contains("reg:FOLDER"))
        #expect(SourceTable.text(of: SourceKinds.all).contains { $0.contains("reg:FOLDER") })
    }
}

/// A kind whose scheme another one has.
private struct Impostor: NamedSource {
    static let scheme = KVMSource.scheme
    static let summary = KVMSource.summary
    let name: String

    init(_ name: String) { self.name = name }

    func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        StateCapture(Snapshot(provenance: Provenance(), vcpus: []))
    }
}
