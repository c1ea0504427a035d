import Emulation
import Planning
import Registers
import SeededRandom
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Baselines: what they are written for, and what it takes to find them")
struct BaselineFormatTests {
    /// Built-in hosts, and the same with other kernels.
    private static func fleet() throws -> [HostProfile] {
        let own = try HostProfile.builtInNames.map(builtIn)
        let others = try ["6.6", "6.15", "7.0"].flatMap { release in
            try own.map { host in
                try host.withKernel(release, like: [], name: "\(host.name)@\(release)")
            }
        }
        return own + others
    }

    // MARK: Moves

    @Test("Obstacles are what moves between each two hosts lose", arguments: 0..<6)
    func asEveryMove(round: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let hosts = Array(try Self.fleet().shuffled(using: &random).prefix(6))
        let baseline = try Baseline(of: hosts)
        let template = try BaselineTemplate(parsing: baseline.file.utf8, file: "test")
        let obstacles = Set(baseline.obstacles.map(\.register))
        var lost: Set<RegisterID> = []
        for source in hosts {
            var guest = try BaselineGuest.started(on: source, with: template)
            guest.vm = RegisterList()
            for destination in hosts where destination.name != source.name {
                let plan = try MovePlan(
                    of: guest, on: destination, policy: RestorePolicy(.safe))
                lost.formUnion(plan.units[0].report.losses.map(\.id))
            }
        }
        let names = hosts.map(\.name)
        #expect(lost.isSubset(of: obstacles), "\(names): \(lost.subtracting(obstacles))")
        let moved = Set(baseline.obstacles.filter { $0.text.contains(" to ") }.map(\.register))
        #expect(moved.isSubset(of: lost), "\(names): \(moved.subtracting(lost))")
    }

    @Test("Fifty hosts take fewer guests than there are pairs of them")
    func restores() throws {
        let hosts = Array(try Self.fleet().prefix(50))
        let baseline = try Baseline(of: hosts)
        let lines = baseline.file.split(separator: "\n")
        #expect(lines.allSatisfy { $0.utf8.count <= HostProfile.Limit.line })
        let count = baseline.restoreCount
        print("\(count) guests were started and moved among 50 hosts")
        #expect(count >= 50 && count < 50 * 50)
    }

    // MARK: The PMU

    @Test("Where ID registers show no PMU, vCPUs are made without")
    func noPMU() throws {
        var bare = try builtIn("6.12-neoverse-n1")
        bare.name = "bare"
        let id = try register("ID_AA64DFR0_EL1")
        let bits = try #require(bare.registers[id]?.bits)
        try bare.set("ID_AA64DFR0_EL1", bits & ~0xf00)
        let baseline = try Baseline(of: [bare, try builtIn("6.12-neoverse-v1")])
        #expect(baseline.features == .psci02)
        #expect(baseline.lostFeatures.contains { $0.name == "PMU_V3" })
        let shown = baseline.registers[id].map { $0.lowBits >> 8 & 0xf }
        #expect(shown == nil || shown == 0)
    }

    // MARK: Firecracker

    @Test("A template says all of a baseline for Firecracker")
    func template() throws {
        for names in [
            ["6.12-neoverse-n1", "6.12-neoverse-v1"], ["7.3-max", "7.3-neoverse-v1"],
            ["7.3-neoverse-v1", "6.12-neoverse-v1"],
        ] {
            let hosts = try names.map(builtIn)
            let baseline = try Baseline(of: hosts, for: .firecracker)
            let document = baseline.document(.firecracker)
            #expect(document.shortcomings.isEmpty && !baseline.features.contains(.pmuV3))
            let read = try CPUFingerprint(parsing: Array(document.text.utf8))
            #expect(read.isTemplate && read.configuration.madeFeatures == baseline.features)
            var registers = RegisterList()
            for modifier in read.configuration.modifiers {
                let size = try #require(modifier.register.size)
                let zero = try #require(RegisterValue.zero(size: size))
                registers.set(modifier.pattern.applied(to: zero), for: modifier.register)
            }
            #expect(registers == baseline.registers && registers.count > 0, "\(names)")
            let isTold = read.configuration.capabilities.contains("239")
            #expect(isTold == !baseline.capabilities.isEmpty)
        }
    }

    @Test("Vectors of different lengths cannot be told in a template")
    func vectors() throws {
        let hosts = try ["7.3-max", "7.3-neoverse-v1"].map(builtIn)
        #expect(try Baseline(of: hosts).registers.contains(.sveVLS))
        let baseline = try Baseline(of: hosts, for: .firecracker)
        #expect(!baseline.features.contains(.sve) && !baseline.registers.contains(.sveVLS))
        #expect(baseline.lostFeatures.contains { $0.name == "SVE" })
        let alike = try Baseline(
            of: [hosts[1], try builtIn("6.12-neoverse-v1")], for: .firecracker)
        #expect(alike.features.contains(.sve))
        #expect(alike.document(.firecracker).text.contains(#""bitmap": "0b111xxxx""#))
    }

    // MARK: QEMU and libvirt

    private func options(
        _ names: [String], _ version: QEMUVersion = .newest, usesSeries: Bool = false
    ) throws -> (qemu: BaselineDocument, libvirt: BaselineDocument) {
        let baseline = try Baseline(of: names.map(builtIn), for: .qemu)
        return (
            baseline.document(.qemu, qemu: version, usesSeries: usesSeries),
            baseline.document(.libvirt, qemu: version, usesSeries: usesSeries)
        )
    }

    @Test("Features that some hosts do not have are switched off")
    func switches() throws {
        let (qemu, libvirt) = try options(["6.12-neoverse-n1", "6.12-neoverse-v1"])
        #expect(qemu.text == "-cpu host,sve=off,pauth=off\n")
        #expect(libvirt.text.contains("<feature policy='disable' name='sve'/>"))
        #expect(libvirt.text.contains("<feature policy='disable' name='pauth'/>"))
        #expect(!libvirt.text.contains("qemu:commandline"))
        #expect(qemu.shortcomings.contains { $0.contains("ID_AA64ISAR0_EL1 0x100010211120") })
        #expect(qemu.shortcomings == libvirt.shortcomings)
        let (vectors, _) = try options(["6.12-max", "6.12-neoverse-v1"])
        #expect(vectors.text == "-cpu host,sve256=on\n")
    }

    @Test("A PMU is a feature of the machine for libvirt")
    func pmu() throws {
        var bare = try builtIn("6.12-neoverse-n1")
        bare.registers.set(VCPUInit(features: [.psci02]).value, for: .vcpuInit)
        bare.name = "bare"
        let baseline = try Baseline(of: [bare, try builtIn("6.12-neoverse-n1")], for: .libvirt)
        #expect(baseline.document(.qemu).text == "-cpu host,pmu=off\n")
        let text = baseline.document(.libvirt).text
        #expect(
            text.contains("<pmu state='off'/>") && text.contains("host-passthrough' check='none'/>")
        )
    }

    @Test("The version of PSCI is a property of QEMU 11.0 and newer")
    func psci() throws {
        let names = ["6.1-neoverse-n1", "7.3-neoverse-n1"]
        let (new, libvirt) = try options(names)
        #expect(new.text == "-cpu host,kvm-psci-version=1.1\n")
        #expect(libvirt.text.contains("<qemu:arg value='-global'/>"))
        #expect(libvirt.text.contains("<qemu:arg value='host-arm-cpu.kvm-psci-version=1.1'/>"))
        let (old, _) = try options(names, QEMUVersion(10, 0))
        #expect(old.text == "-cpu host\n")
        #expect(
            old.shortcomings.contains {
                $0.contains("QEMU 10.0") && $0.contains("PSCI_VERSION 0x10001")
            })
        #expect(!new.shortcomings.contains { $0.contains("PSCI_VERSION") })
    }

    @Test("Fields are set only where a series of patches takes them")
    func series() throws {
        let names = ["6.12-neoverse-n1", "6.12-neoverse-v1"]
        let (plain, _) = try options(names)
        let (patched, _) = try options(names, usesSeries: true)
        #expect(!plain.text.contains("SYSREG_"))
        #expect(patched.text.contains(",SYSREG_ID_AA64ISAR0_EL1_RNDR=0x0"))
        #expect(!patched.shortcomings.contains { $0.contains("ID_AA64ISAR0_EL1") })
        #expect(patched.shortcomings.contains { $0.contains("in no release") })
    }
}
