import Foundation
import Registers
import SnapshotFormat
import TestFiles
import Testing
import VCPUModel

/// Snapshots with an interrupt controller, a clock and device attributes.
@Suite("Commands: interrupt controller, clock and device attributes")
struct DeviceStateCommandTests {
    private let folder: TemporaryFolder
    private let host = "6.12-neoverse-n1"

    init() throws {
        folder = try TemporaryFolder()
    }

    private func set(_ bits: UInt64, _ name: String, in list: inout RegisterList) throws {
        let id = try #require(RegisterID(parsing: name))
        let isSet = list.set(RegisterValue(bits, size: id.size ?? 0), for: id)
        #expect(isSet)
    }

    /// INTID 40 is pending for vCPU 1 with its line high, INTID 41 enabled for a CPU that is not there; a timer's PPI is
    /// active on vCPU 0.
    private static let vm: [(String, UInt64)] = [
        ("GIC_MODEL", 7), ("GIC_NR_IRQS", 64), ("GICD_CTLR", 0x52), ("GICD_IIDR", 0x4b00_343b),
        ("GICD_IGROUPR1", 0xffff_ffff), ("GICD_ISENABLER1", 0x300), ("GICD_ISPENDR1", 0x100),
        ("GICD_ISACTIVER1", 0), ("GICD_IPRIORITYR10", 0xa0), ("GICD_ICFGR2", 0xaaa8_aaaa),
        ("GICD_IROUTER40", 1), ("GICD_IROUTER41", 0x5_0000_0300), ("GICD_IROUTER42", 1 << 31),
        ("GIC_LINE_LEVEL1", 0x100), ("CLOCK_CNTVCT", 1000), ("CLOCK_CNTFRQ", 62_500_000),
        ("TIMER_IRQ_VIRTUAL", 27), ("UNKNOWN_STATE", 1),
    ]
    private static let vcpu: [(String, UInt64)] = [
        ("GICR_ISENABLER0", 0x0800_ffff), ("GICR_ISPENDR0", 0), ("GICR_ISACTIVER0", 0x0800_0000),
        ("GICR_IPRIORITYR6", 0x9000_0000), ("GIC_LINE_LEVEL0", 0x0800_0000), ("ICC_PMR_EL1", 0xf0),
        ("PVTIME_IPA", .max),
    ]

    /// A snapshot of two vCPUs with this state and some other values.
    private func snapshot(_ name: String, _ changes: [(String, UInt64)] = []) throws -> String {
        try Program.run("save", "emulated:\(host)", "--vcpus", "2", "-o", folder / name)
        var snapshot = try SnapshotReader.decode(try folder.bytes(name))
        for (register, bits) in Self.vm + changes {
            try set(bits, register, in: &snapshot.vm)
        }
        for index in snapshot.vcpus.indices {
            for (register, bits) in Self.vcpu {
                try set(bits, register, in: &snapshot.vcpus[index].registers)
            }
        }
        return try folder.make(name, try SnapshotWriter.encode(snapshot))
    }

    private func registers(_ name: String) throws -> Set<String> {
        let snapshot = try SnapshotReader.decode(try folder.bytes(name))
        return Set(snapshot.units.flatMap { $0.registers.ids.map(\.name) })
    }

    @Test func show() throws {
        let file = try snapshot("a")
        let text = try Program.run("show", file).text
        #expect(text.contains("\nVM: 18 registers\n  interrupt controller\n"), "\(text)")
        #expect(text.contains("\n  clock\n    CLOCK_CNTVCT"), "\(text)")
        #expect(text.contains("\n  device attributes\n    TIMER_IRQ_VIRTUAL"), "\(text)")
        #expect(try Program.run("verify", file).text.contains("format 1.1"))
        let one = try Program.run("show", file, "--register", "GICR_ISENABLER0").text
        #expect(one.contains("[27]") && one.contains("the interrupt is enabled"), "\(one)")
        let pattern = try Program.run("show", file, "-r", "GICD_IROUTER*", "--format", "json")
        let vm = try #require(try pattern.json()["vm"] as? [String: Any])
        let names = (vm["registers"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
        #expect(names == ["GICD_IROUTER40", "GICD_IROUTER41", "GICD_IROUTER42"])
    }

    @Test func whatARegisterIs() throws {
        let text = try Program.run("register", "GICD_ISENABLER1", "GICD_IPRIORITYR10.40=0xa0").text
        #expect(text.hasPrefix("GICD_ISENABLER1  0x7620000000030041\n  interrupt controller, 32"))
        #expect(text.contains("[8]       40 "), "\(text)")
        #expect(text.contains("GICD_IPRIORITYR10.40 = 0xa0\n"), "\(text)")
        let all = try Program.run("register", "GICD_IROUTER10*", "--format", "json").json()
        // 100 to 109, and 1000 to 1019.
        #expect((all["registers"] as? [Any])?.count == 30)
        #expect(try Program.run("register", "GICD_IROUTER1020").status == 2)
    }

    @Test func diff() throws {
        let (left, right) = (
            try snapshot("a"),
            try snapshot(
                "b", [("GICD_ISENABLER1", 0x100), ("GICD_IPRIORITYR10", 0xb0), ("CLOCK_CNTVCT", 7)])
        )
        let run = try Program.run("diff", left, right)
        #expect(run.status == 1)
        #expect(run.text.contains("    GICD_ISENABLER1.41: 0x1 -> 0x0\n"), "\(run.text)")
        #expect(run.text.contains("    GICD_IPRIORITYR10.40: 0xa0 -> 0xb0\n"), "\(run.text)")
        #expect(run.text.contains("by themselves\n    CLOCK_CNTVCT: 0x3e8 -> 0x7\n"), "\(run.text)")
        let clock = try snapshot("c", [("CLOCK_CNTVCT", 7)])
        #expect(try Program.run("diff", left, clock).status == 0)
    }

    @Test func aClockThatWasNotSavedIsNotSet() throws {
        let (file, target) = (try snapshot("a"), folder / "b")
        try Program.run("save", "emulated:\(host)", "--vcpus", "2", "-o", target)
        for words in [
            [target, "emulated:\(host)", "--clock", "wall"],
            [file, target, "--clock", "5", "--without", "clock"],
        ] {
            let run = try Program.run(["restore"] + words)
            #expect(run.status == 2)
            #expect(
                run.errors.contains("no clock of the VM (CLOCK_CNTVCT) comes from"), "\(run.errors)"
            )
        }
        #expect(try Program.run("restore", file, file, "--clock", "5").status == 0)
        let written = try SnapshotReader.decode(try folder.bytes("a"))
        #expect(written.vm[.clockCntvct]?.bits == 5)
    }

    @Test func restoreIntoASnapshotAndElsewhere() throws {
        let file = try snapshot("a")
        let target = try snapshot("b", [("GICD_IROUTER40", 0)])
        #expect(try Program.run("restore", file, target).status == 0)
        let written = try SnapshotReader.decode(try folder.bytes("b"))
        let route = try #require(RegisterID(parsing: "GICD_IROUTER40"))
        #expect(written.vm[route]?.bits == 1)
    }

    @Test func aPlanTellsWhatItsHostDoesToThem() throws {
        let file = try snapshot("a")
        let plan = try Program.run("plan", file, "--host", host)
        #expect(plan.status == 1)
        for words in [
            "the destination cannot give the guest its interrupt controller as it was (2)",
            "GICD_IROUTER41: wanted 0x500000300, found 0x300",
            "GICD_IROUTER42: wanted 0x80000000, found 0x0",
        ] {
            #expect(plan.text.contains(words), "\(plan.text)")
        }
    }

    /// Its profile was recorded by an older vcpusnap.
    @Test func aHostWhoseDevicesAreNotKnownTakesNone() throws {
        let file = try snapshot("a")
        let recorded = try String(
            contentsOf: ProjectFolder.file("Formats/hosts/\(host).vhost"), encoding: .utf8)
        let lines = recorded.split(separator: "\n").filter { line in
            !["device", "gic-revision", "attribute"].contains { line.hasPrefix($0 + " ") }
        }
        let older = try folder.make("older.vhost", lines.joined(separator: "\n"))
        let plan = try Program.run("plan", file, "--host", older)
        #expect(plan.status == 1)
        #expect(
            plan.text.contains("the destination cannot give the guest its interrupt controller")
                && plan.text.contains("no interrupt controller was made there: see GIC_MODEL"),
            "\(plan.text)")
        #expect(!plan.text.contains("choose a host"), "\(plan.text)")
        let left = ["GIC*", "ICC_*", "CLOCK_*", "TIMER_*", "UNKNOWN_STATE", "PVTIME_IPA"]
        let rules = left.map { "ignore \($0)\n" }.joined()
        let policy = try folder.make("p.vpolicy", "vpolicy 1\nbase exact\n" + rules)
        let pardoned = try Program.run("plan", file, "--host", older, "--policy", policy)
        #expect(pardoned.status == 0, "\(pardoned.text)")
    }

    @Test func without() throws {
        let file = try snapshot("a")
        #expect(try Program.run("save", file, "-o", folder / "b", "--without", "gic").status == 0)
        let rest = try registers("b")
        #expect(rest.contains("CLOCK_CNTVCT") && rest.contains("PVTIME_IPA"))
        #expect(!rest.contains { $0.hasPrefix("GIC") || $0.hasPrefix("ICC_") })
        try Program.run("save", file, "-o", folder / "c", "--without", "clock")
        #expect(try registers("a").subtracting(registers("c")) == ["CLOCK_CNTVCT", "CLOCK_CNTFRQ"])
        let plain = try Program.run(
            "save", "emulated:\(host)", "--vcpus", "2", "-o", folder / "d")
        #expect(plain.status == 0)
        // What is left out cannot be lost.
        let some = try snapshot("e")
        let run = try Program.run(
            "restore", some, folder / "d", "--without", "gic", "--without", "clock")
        #expect(
            run.text.contains("TIMER_IRQ_VIRTUAL") && !run.text.contains("GICD_CTLR"), "\(run.text)"
        )
    }

    @Test func interrupts() throws {
        let file = try snapshot("a")
        let sgis = (0..<16).map { number in
            "  \(number)".padding(toLength: 9, withPad: " ", startingAt: 0)
                + "SGI   yes      no       no      ?         low    -\n"
        }.joined()
        let text = try Program.run("show", file, "--interrupts").text
        #expect(
            text == """
                \(file)
                VM (30 not in use: --all)
                  INTID  kind  enabled  pending  active  priority  level  target
                  40     SPI   yes      yes      no      0xa0      high   vCPU 1
                  41     SPI   yes      no       no      0x0       low    affinity 5.0.3.0
                vCPUs 0-1 (15 not in use: --all)
                  INTID  kind  enabled  pending  active  priority  level  target
                \(sgis)  27     PPI   yes      no       yes     0x90      high   -

                """, "\(text)")
    }

    @Test func allInterruptsInJSON() throws {
        let file = try snapshot("a")
        let json = try Program.run("show", file, "--interrupts", "--format", "json").json()
        let vm = try #require(json["vm"] as? [String: Any])
        let spis = try #require(vm["interrupts"] as? [[String: Any]])
        #expect(spis.compactMap { $0["intid"] as? Int } == (32..<64).map { $0 })
        #expect(spis[8]["kind"] as? String == "SPI" && spis[8]["target"] as? String == "vCPU 1")
        #expect(
            spis[8]["edgeTriggered"] as? Bool == false && spis[9]["edgeTriggered"] as? Bool == true)
        #expect(spis[10]["target"] as? String == "any" && spis[11]["target"] == nil)
        let vcpus = try #require(json["vcpus"] as? [[String: Any]])
        let own = try #require(vcpus[1]["interrupts"] as? [[String: Any]])
        #expect(own.count == 32 && own[27]["active"] as? Bool == true)
        #expect(own[27]["priority"] as? String == "0x90" && own[0]["kind"] as? String == "SGI")
        let every = try Program.run("show", file, "--interrupts", "--all").text
        #expect(every.contains("\n  63     SPI   no "))
    }

    /// With every SPI, and as many vCPUs as have an interrupt controller of their own each.
    @Test func aLargeVMIsWrittenAndRead() throws {
        let ids = RegisterDictionary.everyRegister.map(\.id).filter {
            RegisterCategory(of: $0) == .interruptController && $0.architecture == .own
        }
        func list(_ ids: [RegisterID], _ seed: UInt64) -> RegisterList? {
            RegisterList(
                ids.map { id in
                    let bits = (id.rawValue &+ seed) &* 0x9e37_79b9_7f4a_7c15
                    let size = id.size ?? 0
                    return (id, RegisterValue(bits >> UInt64(64 - size * 8), size: size))
                })
        }
        let ownIDs = ids.filter { if case .vcpu = $0.group { true } else { false } }
        let vmIDs = ids.filter { if case .vm(kind: 3...5, _) = $0.group { true } else { false } }
        var snapshot = Snapshot(provenance: Provenance(), vcpus: [])
        snapshot.vm = try #require(list(vmIDs, 0))
        for index in 0..<64 as Range<UInt32> {
            let registers = try #require(list(ownIDs, UInt64(index)))
            snapshot.vcpus.append(VCPUState(index: index, registers: registers))
        }
        let read = try SnapshotReader.decode(try SnapshotWriter.encode(snapshot))
        #expect(read == snapshot)
        #expect(read.vm.interrupts.map(\.number) == (32..<1024).map { $0 })
        #expect(read.vcpus[63].registers.interrupts.map(\.number) == (0..<32).map { $0 })
        #expect(
            read.vm.interrupts.prefix(988).allSatisfy { $0.target != nil && $0.priority != nil })
    }

    /// Of a family the first one, until one of them is meant.
    @Test(arguments: [("GICD_ISEN", 2), ("gicd_isenabler", 32), ("GICD_ISENABLER3", 3)])
    func completion(word: String, count: Int) throws {
        let words = ["---completion", "register", "--", "names", "2", "\(9 + word.count)"]
        let run = try Program.run(
            words + ["vcpusnap", "register", word],
            program: ["/usr/bin/env", "SAP_SHELL=bash", Program.path])
        #expect(run.text.split(separator: "\n").count == count, "\(run.text)")
    }

    @Test func noInterrupts() throws {
        try Program.run("save", "emulated:\(host)", "-o", folder / "a")
        let run = try Program.run("show", folder / "a", "--interrupts")
        #expect(run.status == 2 && run.errors.contains("no state of an interrupt controller"))
        #expect(try Program.run("show", folder / "a", "--interrupts", "-r", "x0").status == 2)
    }
}
