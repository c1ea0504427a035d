import LinuxSystem
import Machines
import QEMUStream
import Registers
import TestFiles
import Testing
import VCPUModel

/// What analyze-migration.py prints of a stream says the same as the stream.
@Suite("Analyzed streams")
struct AnalyzedStreamTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func analysis(of stream: String) throws -> Location {
        try VMMGenerator.analyzed.make(stream, folder / "vm.json")
        return Location(path: folder / "vm.json")
    }

    @Test("Every vCPU has what the stream says", arguments: StreamFixture.described)
    func same(stream: StreamFixture) throws {
        let analyzed = try analysis(of: stream.path).capture(SourceOptions()).snapshot
        let whole = try Location(path: stream.path).capture(SourceOptions()).snapshot
        #expect(!analyzed.vcpus.isEmpty)
        #expect(analyzed.vcpus == whole.vcpus)
        // The machine type, which says where the controller is and how many interrupts it has, is not printed.
        #expect((analyzed.vm.count > 0) == (whole.vm.count > 0))
        for (id, value) in analyzed.vm where id != .unknownState && whole.vm.contains(id) {
            #expect(whole.vm[id] == value, "\(id.label)")
        }
    }

    @Test("What is no value of a stream is refused by its place, and so is a text without vCPUs")
    func refused() throws {
        for (text, word) in [
            (#"{"cpu (1)": {"a": 1}}"#, "byte 18"), (#"{"cpu (1)": {"a": "0x0"}}"#, "byte 18"),
            (#"{"cpu (1)": []}"#, "byte 12"), (#"{"cpu (1)": {"a": "0x00"#, "byte 23"),
            (#"{"ram (2)": {}}"#, "no cpu"), (#"{"cpu (1)": {"A/b": {}}}"#, "byte"),
        ] {
            let error = #expect(throws: QEMUStreamError.self) {
                let bytes = try AnalyzedStream.stream(of: Array(text.utf8))
                _ = try QEMUStream(MemoryBytes(bytes, name: "x"), reading: .whole)
            }
            #expect(
                error?.description.contains(word) == true, "\(text): \(String(describing: error))")
        }
    }
}
