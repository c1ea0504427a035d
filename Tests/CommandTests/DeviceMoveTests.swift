import Emulation
import Foundation
import Registers
import SnapshotFormat
import TestFiles
import TestSubjects
import Testing
import VCPUModel

/// Guests with an interrupt controller and a clock that come from a host which has them, and go to one.
@Suite("Commands: moves with an interrupt controller, and changes of it")
struct DeviceMoveTests {
    private let folder: TemporaryFolder
    private let host: String

    init() throws {
        folder = try TemporaryFolder()
        host = try folder.make("rack.vhost", try hostWithDevices().text)
    }

    /// A fresh guest of two vCPUs with these values: in the VM, or of names of a vCPU in both.
    private func guest(
        _ name: String, gic: String = "v3", _ changes: [(String, UInt64)] = []
    ) throws -> String {
        let run = try Program.run(
            "save", "emulated:\(host)", "--gic", gic, "--vcpus", "2", "-o", folder / name)
        try #require(run.status == 0, "\(run.errors)")
        return try change(name, changes)
    }

    /// The same of one vCPU in a VM with an ITS.
    private func guestWithITS(_ name: String, _ changes: [(String, UInt64)] = []) throws -> String {
        let run = try Program.run(
            "set", "emulated:\(host)", "--gic", "v3", "GITS_ADDRESS=0x8080000", "-o", folder / name)
        try #require(run.status == 0, "\(run.errors)")
        return try change(name, changes)
    }

    private func change(_ name: String, _ changes: [(String, UInt64)]) throws -> String {
        var snapshot = try SnapshotReader.decode(try folder.bytes(name))
        for (name, bits) in changes {
            let id = try register(name)
            let value = RegisterValue(bits, size: id.size ?? 8)
            if case .vm = id.group {
                snapshot.vm.set(value, for: id)
            } else {
                for index in snapshot.vcpus.indices {
                    snapshot.vcpus[index].registers.set(value, for: id)
                }
            }
        }
        return try folder.make(name, try SnapshotWriter.encode(snapshot))
    }

    private func restored(_ words: String...) throws -> Run {
        try Program.run(["restore"] + words)
    }

    private static let tables: [(String, UInt64)] = [
        ("GITS_CBASER", 1 << 63 | 0x4000_0000),
        ("GITS_BASER0", 0x9907_0000_4001_0200), ("GITS_BASER1", 0x9c07_0000_4002_0200),
        ("GITS_CTLR", 1), ("GICR_CTLR", 7),
    ]

    @Test func tablesInTheGuestsMemoryAreLeftOutAndSaid() throws {
        let file = try guestWithITS("a", Self.tables)
        let run = try restored(file, "emulated:\(host)", "-o", folder / "b", "--format", "json")
        #expect(run.status == 0, "\(run.text)")
        let there = try SnapshotReader.decode(try folder.bytes("b"))
        #expect(there.vm[try register("GITS_CTLR")]?.lowBits == 1 << 31)
        #expect(there.vm[try register("GITS_ADDRESS")]?.lowBits == 0x808_0000)
        #expect(there.vcpus[0].registers[.gicrCtlr]?.lowBits == 6)
        let text = try restored(file, "emulated:\(host)").text
        #expect(text.contains("  skipped (5)\n"), "\(text)")
        #expect(
            text.contains(
                "GICR_CTLR: wanted 0x7, found 0x6; it tells of tables in the guest's memory"),
            "\(text)")
        #expect(try Program.run("plan", file, "--host", host).status == 0)
        // A file is a guest's state, wherever its memory is.
        let copy = try guestWithITS("c")
        #expect(try restored(file, copy).status == 0)
        let whole = try SnapshotReader.decode(try folder.bytes("c"))
        #expect(whole.vm[try register("GITS_CTLR")]?.lowBits == 1)
        #expect(whole.vcpus[0].registers[.gicrCtlr]?.lowBits == 7)
    }

    @Test func vcpusWithOneAffinityAreRefused() throws {
        let run = try restored(try guest("a", [("MPIDR_EL1", 0x8000_0003)]), "emulated:\(host)")
        #expect(run.status == 2 && run.errors.contains("vCPUs 0 and 1 have the same affinity"))
    }

    @Test func whatLacksTheControllerSaysSo() throws {
        let file = try guest("a")
        let other = try folder.make(
            "other.vhost", try hostWithDevices().text.replacing("device VGIC_V3\n", with: ""))
        let run = try restored(file, "emulated:\(other)")
        #expect(run.status == 1)
        #expect(
            run.text.contains("ICC_PMR_EL1")
                && run.text.contains("this host's KVM makes no such device")
                && run.text.contains("no interrupt controller was made there: see GIC_MODEL"),
            "\(run.text)")
        #expect(!run.text.contains("with the features"), "\(run.text)")
    }

    @Test func prioritiesAreSpokenOf() throws {
        let fewer = try restored(try guest("a", [("ICC_CTLR_EL1", 0x8b00)]), "emulated:\(host)")
        #expect(fewer.status == 0)
        #expect(fewer.text.contains("the guest goes on seeing 4 bits of priority"), "\(fewer.text)")
        let more = try Program.run(
            "plan", try guest("b", [("ICC_CTLR_EL1", 0x8e00)]), "--host", host)
        #expect(more.status == 1)
        #expect(
            more.text.contains("choose a host with PRIbits 0x6 or more in ICC_CTLR_EL1"),
            "\(more.text)")
    }

    @Test func anOlderKernelIsNamed() throws {
        let file = try guest("a", [("GIC_MAINTENANCE_IRQ", 25)])
        let run = try Program.run("plan", file, "--host", host)
        #expect(run.status == 1)
        for words in [
            "older than Linux 7.2", "GIC_MAINTENANCE_IRQ: wanted 0x19; added to KVM in Linux 7.2",
            "give the destination Linux 7.2 or newer", "drop GIC_MAINTENANCE_IRQ",
        ] { #expect(run.text.contains(words), "\(run.text)") }
    }

    @Test func whatNobodyCanTellIsSaid() throws {
        let words = "cannot tell whether its VM had PMU_FILTER, LINE_OF_EDGE"
        let file = try guest("a", [("UNKNOWN_STATE", 0x81)])
        #expect(try Program.run("save", file, "-o", folder / "b").errors.contains(words))
        for run in [
            try restored(file, "emulated:\(host)"), try Program.run("plan", file, "--host", host),
            try Program.run("verify", file),
        ] { #expect(run.status == 0 && run.text.contains(words), "\(run.text)") }
    }

    @Test func theVMsRegistersAreCounted() throws {
        let saved = try Program.run(
            "save", "emulated:\(host)", "--gic", "v3", "-o", folder / "a")
        let json = try Program.run("verify", folder / "a", "--format", "json").json()
        let count = try #require(json["vmRegisters"] as? Int)
        #expect(count == (try SnapshotReader.decode(try folder.bytes("a"))).vm.count && count > 300)
        #expect(saved.text.contains(", \(count) of them the VM's\n"), "\(saved.text)")
        #expect(
            try Program.run("verify", folder / "a").text.contains(" of vCPUs, \(count) of the VM"))
    }

    @Test func interruptsThatDifferAlikeAreOneLine() throws {
        let routes = (32..<256).map { ("GICD_IROUTER\($0)", UInt64(1)) }
        let file = try guest("a")
        let other = try guest(
            "b", routes + [("GICD_ISENABLER2", 0xffff_fff0), ("GICD_IPRIORITYR10", 0xa0)])
        let run = try Program.run("diff", file, other)
        #expect(run.status == 1)
        for line in [
            "GICD_IROUTER32-255: 0x0 -> 0x1", "GICD_ISENABLER2.68-95: 0x0 -> 0x1",
            "GICD_IPRIORITYR10.40: 0x0 -> 0xa0",
        ] { #expect(run.text.contains("\n    \(line)\n"), "\(run.text)") }
        #expect(run.text.split(separator: "\n").filter { $0.contains("GICD_") }.count == 3)
    }

    // MARK: The clock

    /// Saved in 1970, so that the time which passed is known well enough.
    private func old(_ name: String) throws -> String {
        try guest(name, [("CLOCK_CNTVCT", 1000), ("CLOCK_REALTIME", 0)])
    }

    @Test func byTheWallAnEmulatedClockAdvances() throws {
        let run = try restored(
            try old("a"), "emulated:\(host)", "--clock", "wall", "-o", folder / "b")
        #expect(run.status == 0, "\(run.text)")
        let count = try SnapshotReader.decode(try folder.bytes("b")).vm[.clockCntvct]?.lowBits ?? 0
        #expect(count > 50 * 365 * 86400 * 62_500_000)
    }

    @Test func aPlanKnowsTheClock() throws {
        let file = try guest("a", [("CLOCK_CNTFRQ", 24_000_000)])
        let policy = try folder.make(
            "p.vpolicy", "vpolicy 1\nbase exact\nignore CLOCK_CNTFRQ\n")
        let words = ["plan", file, "--host", host, "--policy", policy]
        #expect(try Program.run(words).status == 0)
        let run = try Program.run(words + ["--clock", "wall"])
        #expect(run.status == 1)
        #expect(run.text.contains("the counters here have another frequency"), "\(run.text)")
        let qemu = try Program.run(words + ["--clock", "wall", "--qemu", "10.0"])
        #expect(qemu.status == 2 && qemu.errors.contains("--clock is for a restore"))
    }

    @Test(arguments: ["wall", "host"])
    func noTimePassesInAFile(mode: String) throws {
        let (file, copy) = (try old("a"), try old("b"))
        let run = try restored(file, copy, "--clock", mode)
        #expect(run.status == 2 && run.errors.contains("no time passes in a file"), "\(run.errors)")
        let move = try Program.run("move", file, "ssh:rack1", "new", "--clock", mode)
        #expect(move.status == 2 && move.errors.contains("gets the snapshot as it is"))
    }

    @Test func onlyKVMHasAnOffset() throws {
        let run = try restored(try old("a"), "emulated:\(host)", "--counter-offset")
        #expect(run.status == 2 && run.errors.contains("--counter-offset"), "\(run.errors)")
    }

    // MARK: Changes

    private func bits(_ name: String, in file: String, vcpu: Int? = nil) throws -> UInt64 {
        let snapshot = try SnapshotReader.decode(try folder.bytes(file))
        let registers = vcpu.map { snapshot.vcpus[$0].registers } ?? snapshot.vm
        return try #require(registers[try register(name)]?.bits)
    }

    @Test func registersOfDevicesAreSet() throws {
        let file = try guest("a")
        let words = ["GICR_ISENABLER0.27=1", "GICR_ISENABLER0.5=0", "--vcpu", "1"]
        #expect(try Program.run(["set", file] + words).status == 0)
        #expect(try bits("GICR_ISENABLER0", in: "a", vcpu: 1) == 0x800_ffdf)
        #expect(try bits("GICR_ISENABLER0", in: "a", vcpu: 0) == 0xffff)
        // What the VM has once takes no vCPU.
        let run = try Program.run("set", file, "GICD_IPRIORITYR10.40=0xa0", "--format", "json")
        let vm = try #require(try run.json()["vm"] as? [String: Any])
        #expect(run.status == 0 && vm["complete"] as? Bool == true)
        #expect(try bits("GICD_IPRIORITYR10", in: "a") == 0xa0)
        let both = try Program.run("set", file, "--vcpu", "0", "x0=7", "GICD_ISENABLER1=3")
        #expect(both.text.contains("VM and vCPU 0: made\n"))
        let one = try Program.run("set", file, "--vcpu", "0", "GICD_ISENABLER1=3")
        #expect(one.status == 2 && one.errors.contains("--vcpu"))
        #expect(try Program.run("set", file, "GICD_ISENABLER31=1").errors.contains("no register"))
    }

    /// KVM's rules, which lose what a priority has below its five bits.
    @Test func anEmulatedHostTakesWhatKVMDoes() throws {
        let run = try Program.run(
            "set", "emulated:\(host)", "--gic", "v3", "GICD_IPRIORITYR10=0xff", "GICD_CTLR=2",
            "GIC_LINE_LEVEL0=0xffffffff", "-o", folder / "b")
        #expect(run.status == 1)
        #expect(run.text.contains("GICD_IPRIORITYR10: 0x0 -> 0xff, accepted-then-changed"))
        #expect(try bits("GICD_CTLR", in: "b") == 0x52)
        let none = try Program.run("set", "emulated:\(host)", "GICD_CTLR=2", "-o", folder / "c")
        #expect(none.status == 2 && none.errors.contains("no register GICD_CTLR"), "\(none.errors)")
    }

    @Test(
        arguments: [
            // A line that is high, where a level triggers; a latch, where an edge does.
            ("v3", "irq", 41, "GIC_LINE_LEVEL1", 1 << 9),
            ("v3", "irq", 42, "GICD_ISPENDR1", 1 << 10),
            ("v3", "ppi", 20, "GIC_LINE_LEVEL0", 1 << 20),
            ("v3", "sgi", 3, "GICR_ISPENDR0", 1 << 3),
            // A GICv2 has no lines, and knows who sent an SGI.
            ("v2", "irq", 41, "GICD_ISPENDR1", 1 << 9), ("v2", "sgi", 3, "GICD_ISPENDR0", 1 << 3),
            ("v2", "sgi", 3, "GICD_SPENDSGIR0", 2 << 24),
        ] as [(String, String, Int, String, UInt64)])
    func interruptsBecomePending(
        gic: String, kind: String, number: Int, register: String, expected: UInt64
    ) throws {
        // INTID 41 has a level.
        let file = try guest("a", gic: gic, [("GICD_ICFGR2", 0xaaa2_aaaa)])
        let isOfVM = kind == "irq"
        let vcpu = isOfVM ? [] : ["--vcpu", "1"]
        let run = try Program.run(["inject", file, kind, "\(number)"] + vcpu)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.text.hasPrefix("inject \(kind) \(number): "), "\(run.text)")
        #expect(try bits(register, in: "a", vcpu: isOfVM ? nil : 1) == expected)
        if !isOfVM { #expect(try bits(register, in: "a", vcpu: 0) == 0) }
        let back = try restored(file, "emulated:\(host)", "-o", folder / "b")
        #expect(back.status == 0, "\(back.text)")
        #expect(try bits(register, in: "b", vcpu: isOfVM ? nil : 1) == expected)
    }

    /// Registers neither come nor go by an edit.
    @Test(arguments: [
        ("GIC_MODEL=5", "GIC_MODEL=0x5: GICD_TYPER2 and "), ("GIC_MODEL=9", "0x9: 5 is a GICv2"),
        ("GIC_NR_IRQS=288", "GIC_NR_IRQS=0x120: GICD_IGROUPR8 and "),
        ("GIC_NR_IRQS=128", "are too many"),
    ])
    func aControllerKeepsItsRegisters(assignment: String, expected: String) throws {
        let file = try guest("a")
        let before = try folder.bytes("a")
        let run = try Program.run("set", file, assignment)
        #expect(run.status == 2 && run.errors.contains(expected), "\(run.errors)")
        #expect(try folder.bytes("a") == before)
        #expect(try Program.run("set", file, "GIC_MODEL=7").status == 0)
        #expect(try Program.run("set", file, assignment, "--force").status == 0)
    }

    /// A stream does not have which CPU interface is a vCPU's own.
    @Test func anSGIInAStreamsGICv2HasASender() throws {
        let file = folder / "a"
        try Program.run("convert", Stream.tcgA15, "-o", file)
        let run = try Program.run("inject", file, "sgi", "3")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try bits("GICD_ISPENDR0", in: "a", vcpu: 0) & 8 == 8)
        #expect(try bits("GICD_SPENDSGIR0", in: "a", vcpu: 0) == 1 << 24)
    }

    @Test(arguments: [
        (["irq", "31"], "32 to 1019"), (["irq"], "32 to 1019"), (["ppi", "32"], "16 to 31"),
        (["sgi", "-1"], "sgi"), (["serror", "3"], "takes no number"),
        (["irq", "1019"], "INTID 1019 is not there"), (["ppi", "27", "--vcpu", "0"], "KVM's"),
        (["ppi", "20"], "--vcpu"), (["irq", "40", "--vcpu", "0"], "--vcpu"),
        (["irq", "40", "--comment", "1"], "breakpoint only"),
    ])
    func whatIsNoInterruptIsRefused(words: [String], expected: String) throws {
        let run = try Program.run(["inject", try guest("a")] + words)
        #expect(run.status == 2 && run.errors.contains(expected), "\(run.errors)")
    }

    @Test func withoutAControllerThereIsNoInterrupt() throws {
        try Program.run("save", "emulated:\(host)", "-o", folder / "a")
        for words in [["irq", "40"], ["sgi", "1"]] {
            let run = try Program.run(["inject", folder / "a"] + words)
            #expect(run.status == 2 && run.errors.contains("interrupt controller"), "\(run.errors)")
        }
    }
}
