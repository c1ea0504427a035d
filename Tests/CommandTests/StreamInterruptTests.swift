import Foundation
import Registers
import SnapshotFormat
import TestFiles
import Testing
import VCPUModel

/// The interrupt controller of a QEMU stream, which commands take as state of the VM and its vCPUs.
@Suite("Commands: interrupt controllers of streams")
struct StreamInterruptTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func registers(_ unit: Any?) throws -> [String: String] {
        let unit = try #require(unit as? [String: Any])
        let registers = try streamObjects(unit["registers"])
        return Dictionary(
            uniqueKeysWithValues: registers.map {
                ($0["name"] as? String ?? "", $0["value"] as? String ?? "")
            })
    }

    @Test("show has both, and a table of the interrupts")
    func show() throws {
        let report = try Program.run("show", Stream.n1, "--format", "json").json()
        let vm = try registers(report["vm"])
        #expect(vm["GIC_MODEL"] == "0x7" && vm["GICD_CTLR"] == "0x52")
        #expect(vm["GIC_NR_IRQS"] == "0x120" && vm["GITS0_ADDRESS"] == "0x8080000")
        for vcpu in try streamObjects(report["vcpus"]) {
            let own = try registers(vcpu)
            #expect(own["ICC_CTLR_EL1"] == "0x8c00" && own["GICR_CTLR"] != nil)
        }
        let table = try Program.run("show", Stream.n1, "--interrupts")
        #expect(table.status == 0 && table.text.contains("  27     PPI   yes "))
        #expect(table.text.contains("  33     SPI   yes "))
    }

    @Test("A snapshot of the stream has it, and gives the stream back to the byte")
    func thereAndBack() throws {
        let snapshot = folder / "a.vcpusnap"
        #expect(try Program.run("convert", Stream.n1, "-o", snapshot).status == 0)
        #expect(try Program.run("diff", Stream.n1, snapshot).status == 0)
        #expect(try SnapshotReader.decode(try folder.bytes("a.vcpusnap")).vm[.gicdCtlr] != nil)
        let back = try Program.run("convert", snapshot, "--into", Stream.n1, "-o", folder / "b.mig")
        #expect(back.status == 0)
        #expect(try Data(try folder.bytes("b.mig")) == Stream.data(Stream.n1))
    }

    @Test("What a snapshot has otherwise is refused: the stream's own stays")
    func refused() throws {
        let name = "a.vcpusnap"
        #expect(try Program.run("convert", Stream.n1, "-o", folder / name).status == 0)
        var snapshot = try SnapshotReader.decode(try folder.bytes(name))
        snapshot.vm.set(RegisterValue(0x53, size: 4), for: .gicdCtlr)
        try folder.make(name, try SnapshotWriter.encode(snapshot))
        let run = try Program.run(
            "convert", folder / name, "--into", Stream.n1, "-o", folder / "b.mig")
        #expect(run.status == 1 && run.text.contains("GICD_CTLR"))
        #expect(try Data(try folder.bytes("b.mig")) == Stream.data(Stream.n1))
    }
}
