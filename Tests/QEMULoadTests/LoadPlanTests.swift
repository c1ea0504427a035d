import LinuxSystem
import Planning
import QEMUStream
import Registers
import TestFiles
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("What QEMU does with a stream")
struct LoadPlanTests {
    private static let older = QEMUVersion(10, 0)
    private static let naming = QEMUVersion(10, 2)
    private static let comparing = QEMUVersion(11, 0)
    private static let tolerant = QEMUVersion(11, 1)

    /// In the middle of the list, of no host.
    private static let stranger = RegisterID(rawValue: 0x6030_0000_0013_bfff)

    private static let putFailed = "Failed to put registers after init: Invalid argument"
    /// The last line, where the destination lacks a register of the stream.
    private static func ending(_ version: QEMUVersion) -> String {
        let end = "load of migration failed: "
        guard version >= naming else { return end + "Operation not permitted" }
        return end + (version >= tolerant ? "Invalid argument" : "Operation not permitted")
            + ": error while loading state for instance 0x0 of device 'cpu': post load hook failed "
            + "for: cpu, version_id: 22, minimum_version: 22, ret: -1"
    }

    // MARK: Notices

    /// The vCPU has MIDR_EL1 of the host: QEMU does not let a guest keep its own.
    @Test(arguments: [
        ("6.12-neoverse-n1", []), ("7.3-neoverse-v1", ["other-cpu", "other-errata"]),
    ])
    func notices(host: String, names: [String]) throws {
        let notices = try loadPlan(QEMUStream(.kvmN1), on: host, by: Self.tolerant).notices
        #expect(notices.map(\.name) == names)
        #expect(notices.first?.text.contains("will see that of ARM NEOVERSE_V1") ?? true)
        #expect(
            try loadPlan(QEMUStream(.tcgMax), on: host, by: Self.tolerant).notices.isEmpty)
    }

    // MARK: The host it comes from

    @Test("A stream loads where it was made", arguments: QEMUVersion.kinds)
    func ownHost(version: QEMUVersion) throws {
        for (stream, host) in [(StreamFixture.kvmN1, "6.12-neoverse-n1"), (.kvmMax, "6.12-max")] {
            let plan = try loadPlan(try QEMUStream(stream), on: host, by: version)
            #expect(plan.verdict != .fails)
            #expect(plan.output.isEmpty)
            #expect(plan.host == host && plan.version == version && plan.policy == "safe")
            for vcpu in plan.vcpus {
                #expect(vcpu.failure == nil)
                let names = Set(vcpu.registers.map(\.fate.rawValue))
                #expect(names.isSubset(of: ["loaded", "altered"]), "\(names)")
            }
        }
    }

    @Test(
        "QEMU does not enable the capability with which KVM takes another MIDR_EL1",
        arguments: QEMUVersion.kinds)
    func anotherImplementation(version: QEMUVersion) throws {
        let plan = try loadPlan(try QEMUStream(.kvmN1), on: "7.3-neoverse-v1", by: version)
        let midr = try plan.load(of: "MIDR_EL1")
        #expect(midr.fate == .refused && midr.errno == .invalidArgument)
    }

    @Test("Linux 6.12 replays a PMU's SET register that it cleared before through the CLR view")
    func countersStay() throws {
        let stream = try QEMUStream(.kvmN1)
        let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: Self.older)
        #expect(plan.verdict == .loadsWithLosses)
        // The CLR views of the other two come after them, so that QEMU's first put clears both.
        #expect(plan.names("altered") == ["PMOVSSET_EL0"])
        let forced = try loadPlan(
            stream, on: "6.12-neoverse-n1", by: Self.older, policy: RestorePolicy(.force))
        #expect(forced.verdict == .loads)
        #expect(forced.vcpus.allSatisfy { $0.losses.isEmpty })
    }

    @Test(
        "Every register of the stream has one fate, in ascending order",
        arguments: QEMUVersion.kinds)
    func everyRegister(version: QEMUVersion) throws {
        let stream = try QEMUStream(.kvmN1)
        for host in ["6.12-neoverse-n1", "6.1-neoverse-n1", "6.12-max", "6.1-cortex-a57"] {
            let plan = try loadPlan(stream, on: host, by: version)
            for (vcpu, section) in zip(plan.vcpus, stream.cpus) {
                let ids = vcpu.registers.map(\.id)
                #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
                #expect(Set(section.entries.map(\.id)).isSubset(of: Set(ids)))
                #expect(ids.contains(.x(30)) && ids.contains(.v(31)) && ids.contains(.pstate))
                #expect(vcpu.index == section.instance)
            }
        }
    }

    // MARK: An older host, version by version

    @Test("QEMU before 11.0 gives up at the number of registers, each with its words")
    func tooMany() throws {
        let stream = try QEMUStream(.kvmN1)
        let old = try loadPlan(stream, on: "6.1-neoverse-n1", by: Self.older)
        #expect(old.verdict == .fails)
        #expect(
            old.output == [
                "Invalid value 258 expecting positive value <= 241",
                "Failed to load cpu:cpreg_vmstate_array_len",
                "error while loading state for instance 0x0 of device 'cpu'",
                "load of migration failed: Invalid argument",
            ])
        let new = try loadPlan(stream, on: "6.1-neoverse-n1", by: Self.naming)
        #expect(
            new.output == [
                "Invalid value 258 expecting positive value <= 241",
                "load of migration failed: Invalid argument: error while loading state for "
                    + "instance 0x0 of device 'cpu': Failed to load element of type int32 le for "
                    + "cpreg_vmstate_array_len: -22",
            ])
        for plan in [old, new] {
            #expect(
                plan.vcpus.map(\.failure)
                    == Array(repeating: .tooManyRegisters(258, limit: 241), count: 2))
        }
    }

    @Test("QEMU 11.0 names every register that the host has not, and gives up")
    func named() throws {
        let plan = try loadPlan(try QEMUStream(.kvmN1), on: "6.1-neoverse-n1", by: Self.comparing)
        let absent =
            (3...13).map { "demuxed reg 602000000011000" + String($0, radix: 16) }
            + [
                "op0:3 op1:0 crn:2 crm:0 op2:3", "op0:3 op1:0 crn:10 crm:2 op2:2",
                "op0:3 op1:0 crn:10 crm:2 op2:3", "op0:3 op1:3 crn:14 crm:0 op2:1",
                "op0:3 op1:3 crn:14 crm:2 op2:1", "op0:3 op1:3 crn:14 crm:2 op2:2",
            ].map { "system register \($0)" }
        let lines = absent.map {
            "handle_cpreg_only_in_incoming_stream: \($0) in the incoming stream but unknown on the "
                + "destination: fail migration"
        }
        // The registers it has are put all the same, and KVM refuses five.
        #expect(Array(plan.output.prefix(lines.count)) == lines)
        #expect(plan.output.dropFirst(lines.count).dropLast().count == 5)
        #expect(
            plan.output.dropFirst(lines.count).dropLast().allSatisfy {
                $0.hasPrefix("Could not set register ")
            })
        #expect(plan.output.last == Self.putFailed)
        #expect(plan.vcpus.map(\.failure) == [.unknownRegisters, .unknownRegisters])
        #expect(plan.names("unknown").count == 17)
    }

    @Test("QEMU 11.1 lets three of them be missing")
    func tolerated() throws {
        let plan = try loadPlan(try QEMUStream(.kvmN1), on: "6.1-neoverse-n1", by: Self.tolerant)
        #expect(plan.verdict == .fails)
        #expect(plan.names("tolerated") == ["TCR2_EL1", "PIRE0_EL1", "PIR_EL1"])
        #expect(plan.output.count == 14 + 5 + 1)
        #expect(plan.output.allSatisfy { !$0.contains("crn:10") && !$0.contains("crn:2 ") })
        #expect(plan.output.last == Self.putFailed)
    }

    @Test("Values that KVM refuses are named from 10.2 on, and an error number is known")
    func refused() throws {
        let stream = try QEMUStream(.kvmN1)
        let old = try loadPlan(stream, on: "6.12-max", by: Self.older)
        #expect(
            old.output == [
                "error while loading state for instance 0x0 of device 'cpu'", Self.putFailed,
            ])
        let oldest = try loadPlan(stream, on: "6.12-max", by: .oldest)
        #expect(oldest.output == [old.output[0], Self.ending(.oldest)])
        let new = try loadPlan(stream, on: "6.12-max", by: Self.naming)
        #expect(
            new.output.first
                == "Could not set register op0:3 op1:0 crn:0 crm:0 op2:0 to "
                + "414fd0c1 (is f0510)")
        #expect(new.output.last == Self.putFailed)
        // When the section is loaded, and when all registers are put.
        #expect(new.output.count == 2 * new.names("refused").count + 1)
        let midr = try new.load(of: "MIDR_EL1")
        #expect(midr.outcome == .refused(.invalidArgument))
        #expect(midr.incoming == RegisterValue(0x414f_d0c1))
        #expect(midr.held == RegisterValue(0xf0510))
        #expect(midr.isLoss && midr.pardon == nil)
        #expect(new.vcpus.map(\.failure) == [.refusedValues, .refusedValues])
    }

    @Test("Only the first vCPU that fails is printed")
    func secondVCPU() throws {
        let stream = try QEMUStream(.kvmN1)
        var second = stream.cpus[1]
        var entries = second.entries
        entries.set(.midrEL1, 0x1234)
        try second.replaceEntries(entries)
        let plan = try loadPlan(
            try stream.replacing([second]), on: "6.12-neoverse-n1", by: Self.naming)
        #expect(plan.verdict == .fails)
        #expect(plan.vcpus.map { $0.failure == nil } == [true, false])
        #expect(plan.output.count == 3)
        #expect(plan.output[0].contains("to 1234 (is 414fd0c1)"))
        #expect(plan.output[1] == plan.output[0])
        let old = try loadPlan(
            try stream.replacing([second]), on: "6.12-neoverse-n1", by: Self.older)
        #expect(old.output.first?.contains("instance 0x1") == true)
    }

    // MARK: Lists that differ

    @Test(
        "A register at the end of a list that is not longer is dropped without a word before 11.0")
    func dropped() throws {
        // CNTKCTL_EL1 makes room for one that the host has not.
        let removed = try register("CNTKCTL_EL1")
        let stream = try QEMUStream(.kvmN1) {
            $0.remove(removed)
            $0.set(.vendorHypBmap2, 1)
        }
        for version in [QEMUVersion.oldest, Self.older, Self.naming] {
            let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: version)
            #expect(plan.verdict == .loadsWithLosses)
            #expect(plan.output.isEmpty)
            #expect(plan.vcpus[0].registers.first { $0.id == .vendorHypBmap2 }?.fate == .dropped)
            #expect(try plan.load(of: "CNTKCTL_EL1").fate == .keptAtReset)
            #expect(plan.vcpus[0].losses.contains { $0.id == .vendorHypBmap2 })
        }
        let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: Self.comparing)
        #expect(plan.verdict == .fails)
        #expect(plan.vcpus[0].registers.first { $0.id == .vendorHypBmap2 }?.fate == .unknown)
        #expect(
            plan.output.contains(
                "handle_cpreg_only_in_incoming_stream: fw feat reg 3 in the incoming stream but "
                    + "unknown on the destination: fail migration"))
        #expect(
            plan.output.contains(
                "warning: handle_cpreg_missing_in_incoming_stream: system register op0:3 op1:0 "
                    + "crn:14 crm:1 op2:0 expected by the destination but not in the incoming "
                    + "stream: skip it"))
    }

    @Test("One at the end of a longer list is one too many before 11.0")
    func oneTooMany() throws {
        let stream = try QEMUStream(.kvmN1) { $0.set(.vendorHypBmap2, 0) }
        let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: Self.older)
        #expect(plan.vcpus[0].failure == .tooManyRegisters(259, limit: 258))
        #expect(plan.output.first == "Invalid value 259 expecting positive value <= 258")
    }

    @Test(
        "A stranger in the middle of the list makes every version give up",
        arguments: QEMUVersion.kinds)
    func strangerInTheMiddle(version: QEMUVersion) throws {
        let removed = try register("CNTKCTL_EL1")
        let stream = try QEMUStream(.kvmN1) {
            $0.remove(removed)
            $0.set(Self.stranger, 0)
        }
        let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: version)
        #expect(plan.verdict == .fails)
        #expect(plan.vcpus[0].failure == .unknownRegisters)
        #expect(plan.vcpus[0].registers.first { $0.id == Self.stranger }?.fate == .unknown)
        #expect(plan.output.last == Self.ending(version))
        #expect(
            plan.output.contains { $0.contains("unknown on the destination") }
                == (version >= Self.comparing))
    }

    /// CSV3 of ID_AA64PFR0_EL1 and ICB of CLIDR_EL1 are the VM's: the vCPU that is loaded last decides.
    @Test(
        "Of what is the VM's every vCPU holds what the last one was given",
        arguments: [("ID_AA64PFR0_EL1", 60 as UInt64), ("ID_AA64ISAR0_EL1", 4)])
    func vcpusThatDisagree(name: String, bit: UInt64) throws {
        let changed = try register(name)
        var vcpu = 0
        let stream = try QEMUStream(.kvmN1) { entries in
            defer { vcpu += 1 }
            guard vcpu == 1, let own = entries.first(where: { $0.id == changed }) else { return }
            entries.set(changed, own.value & ~(0xf << bit))
        }
        try #require(vcpu == 2)
        let plan = try loadPlan(
            stream, on: "6.12-neoverse-n1", by: QEMUVersion(10, 0), policy: RestorePolicy(.exact))
        let first = try #require(plan.vcpus[0].registers.first { $0.id == changed })
        let last = try #require(plan.vcpus[1].registers.first { $0.id == changed })
        #expect(first.fate == .altered && first.isLoss && first.held == last.incoming)
        #expect(last.fate == .loaded)
        #expect(plan.verdict == .loadsWithLosses)
    }

    @Test(
        "What the stream does not have keeps a fresh vCPU's value, a loss where no vCPU can do without it",
        arguments: [("MDCCINT_EL1", false), ("CNTKCTL_EL1", true), ("SCTLR_EL1", true)])
    func keptAtReset(name: String, isEssential: Bool) throws {
        let removed = try register(name)
        let stream = try QEMUStream(.kvmN1) { $0.remove(removed) }
        for version in QEMUVersion.kinds {
            let plan = try loadPlan(
                stream, on: "6.12-neoverse-n1", by: version,
                policy: try RestorePolicy(
                    parsing: Array("vpolicy 1\naccept-masked PMOVSSET_EL0\n".utf8), file: "p"))
            let load = try plan.load(of: name)
            #expect(load.fate == .keptAtReset)
            #expect(load.incoming == nil && load.held != nil && load.isLoss == isEssential)
            #expect(plan.verdict == (isEssential ? .loadsWithLosses : .loads))
            #expect(plan.output.count == (version >= Self.comparing ? 2 : 0))
        }
    }

    @Test(
        "The second services bitmap may be missing for 11.1, if it has no service",
        arguments: [
            (0, true), (1, false), (1 << 63, false),
        ] as [(UInt64, Bool)])
    func services(value: UInt64, isTolerated: Bool) throws {
        let stream = try QEMUStream(.kvmN1) { $0.set(.vendorHypBmap2, value) }
        let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: Self.tolerant)
        let load = try #require(plan.vcpus[0].registers.first { $0.id == .vendorHypBmap2 })
        #expect(load.fate == (isTolerated ? .tolerated : .unknown))
        #expect((plan.verdict == .fails) == !isTolerated)
        // That the destination has no such services is pardoned where there are none.
        #expect(load.isLoss == !isTolerated)
        let before = try loadPlan(stream, on: "6.12-neoverse-n1", by: Self.comparing)
        #expect(before.verdict == .fails)
    }

    // MARK: Words

    @Test(
        "Registers have the names that each version gives them",
        arguments: [
            (0x6030_0000_0013_bfff, "op0:2 op1:7 crn:15 crm:15 op2:7", true),
            (0x6020_0000_0011_001f, "demuxed reg 602000000011001f", false),
            (0x6030_0000_0014_000a, "fw reg 10", false),
            (0x6030_0000_0016_000b, "fw feat reg 11", false),
            (0x6030_0000_0010_0bbb, "core reg 6030000000100bbb", false),
            (0x6030_0000_0015_0041, "SVE zreg n:2 slice:1", false),
            (0x6030_0000_0015_0400, "SVE ???", false),
            (0x6030_0000_0015_0600, "SVE ???", false),
            (0x6060_0000_0015_ffff, "SVE VLS", false),
            (0x6030_0000_0017_0001, "6030000000170001", false),
            (0x4030_0000_200f_0001, "40300000200f0001", false),
        ] as [(UInt64, String, Bool)])
    func registerNames(id: UInt64, name: String, isSystem: Bool) throws {
        let stream = try QEMUStream(.kvmN1) { $0.set(RegisterID(rawValue: id), 1) }
        let tail = " in the incoming stream but unknown on the destination: fail migration"
        for version in [Self.comparing, Self.tolerant] {
            let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: version)
            #expect(
                plan.output.filter { $0.contains("incoming stream") } == [
                    "handle_cpreg_only_in_incoming_stream: \(isSystem ? "system register " : "")"
                        + name + tail
                ])
        }
    }

    @Test(
        "What KVM refuses is named as each version names it",
        arguments: [
            (QEMUVersion(10, 2), ""), (QEMUVersion(11, 0), "system register "),
            (QEMUVersion(11, 1), "system register "),
        ])
    func refusedNames(version: QEMUVersion, prefix: String) throws {
        let cache = try register("CCSIDR2")
        let stream = try QEMUStream(.kvmN1) {
            $0.set(.midrEL1, 0x1_0000_1234)
            // A register of 32 bits has the low half of its 64.
            $0.set(cache, 0xdead_beef_0000_0003)
            $0.set(.psciVersion, 0x2_0000)
        }
        let plan = try loadPlan(stream, on: "6.1-neoverse-n1", by: version)
        let lines = plan.output.filter { $0.hasPrefix("Could not set register ") }
        guard version >= QEMUVersion(11, 0) else { return #expect(lines.isEmpty) }
        for line in [
            "Could not set register \(prefix)op0:3 op1:0 crn:0 crm:0 op2:0 to 100001234 (is 414fd0c1)",
            "Could not set register demuxed reg 6020000000110002 to 3 (is 70ffe03a)",
            "Could not set register fw reg 0 to 20000 (is 10001)",
        ] {
            #expect(lines.contains(line), "\(line) of \(lines)")
        }
    }

    // MARK: The last one decides

    @Test("QEMU 11.1 goes on where the last register that only the stream has is a tolerated one")
    func lastOneDecides() throws {
        for (value, verdict) in [(0, LoadPlan.Verdict.loadsWithLosses), (1, .fails)] {
            let stream = try QEMUStream(.kvmN1) {
                $0.set(Self.stranger, 7)
                $0.set(.vendorHypBmap2, UInt64(value))
            }
            let plan = try loadPlan(stream, on: "6.12-neoverse-n1", by: Self.tolerant)
            #expect(plan.verdict == verdict)
            // It says all the same that it fails.
            let word = "op0:2 op1:7 crn:15 crm:15 op2:7 in the incoming stream but unknown"
            #expect(plan.output.contains { $0.contains(word) && $0.hasSuffix("fail migration") })
            let lost = try #require(plan.vcpus[0].registers.first { $0.id == Self.stranger })
            #expect(lost.fate == (value == 0 ? .dropped : .unknown))
            #expect(lost.isLoss && lost.incoming == RegisterValue(7))
            let before = try loadPlan(stream, on: "6.12-neoverse-n1", by: Self.comparing)
            #expect(before.verdict == .fails)
        }
    }

    @Test("A tolerated register before the last one that only the stream has saves nothing")
    func toleratedBeforeTheLast() throws {
        // On 6.1 PIR_EL1 is tolerated, and the physical timer's registers come after it.
        let physical = try ["CNTPCT_EL0", "CNTP_CTL_EL0", "CNTP_CVAL_EL0"].map(register)
        let caches = try (3...13).map { try register("CCSIDR\($0)") }
        let all = try loadPlan(
            try QEMUStream(.kvmN1), on: "6.1-neoverse-n1", by: Self.tolerant)
        #expect(try all.load(of: "CCSIDR3").fate == .unknown)
        let shorter = try QEMUStream(.kvmN1) { for id in physical { $0.remove(id) } }
        let plan = try loadPlan(shorter, on: "6.1-neoverse-n1", by: Self.tolerant)
        for id in caches {
            #expect(plan.vcpus[0].registers.first { $0.id == id }?.fate == .dropped)
        }
    }

    // MARK: Vectors

    @Test(
        "What is above 128 bits of Z is lost without SVE, and nobody says so",
        arguments: QEMUVersion.kinds)
    func vectors(version: QEMUVersion) throws {
        let stream = try QEMUStream(.kvmMax)
        let before = try loadPlan(stream, on: "6.12-neoverse-n1", by: version)
        #expect(before.names("dropped").isEmpty || version < Self.comparing)
        #expect(try before.load(of: "z3").fate == .loaded)
        let bank = QEMUVCPUBank(stream.cpus[0], origin: stream.origin)
        var bytes = try bank.read(.z(3)).littleEndianBytes
        bytes[16] = 1
        try bank.write(try #require(RegisterValue(littleEndian: bytes)), to: .z(3))
        var predicate = try bank.read(.p(2)).littleEndianBytes
        predicate[0] = 1
        try bank.write(try #require(RegisterValue(littleEndian: predicate)), to: .p(2))
        let changed = try stream.replacing([bank.section])
        let after = try loadPlan(changed, on: "6.12-neoverse-n1", by: version)
        for name in ["z3", "p2"] {
            let load = try after.load(of: name)
            let number = String(load.id.rawValue, radix: 16)
            #expect(load.fate == .dropped)
            #expect(load.isLoss)
            #expect(!after.output.contains { $0.contains(number) })
        }
        #expect(try after.load(of: "z2").fate == .loaded)
        let own = try loadPlan(changed, on: "6.12-max", by: version)
        #expect(try own.load(of: "z3").fate == .loaded)
        #expect(try own.load(of: "p2").fate == .loaded)
    }

    // MARK: Pardons

    @Test("Pardons are the policy's, and change no fate")
    func pardons() throws {
        let stream = try QEMUStream(.kvmN1)
        let safe = try loadPlan(stream, on: "6.1-neoverse-n1", by: Self.comparing)
        let exact = try loadPlan(
            stream, on: "6.1-neoverse-n1", by: Self.comparing, policy: RestorePolicy(.exact))
        let force = try loadPlan(
            stream, on: "6.1-neoverse-n1", by: Self.comparing, policy: RestorePolicy(.force))
        for plan in [exact, force] {
            #expect(
                plan.vcpus.map { $0.registers.map(\.fate) }
                    == safe.vcpus.map { $0.registers.map(\.fate) })
            #expect(plan.output == safe.output)
            // QEMU has no policy.
            #expect(plan.verdict == .fails)
        }
        #expect(exact.vcpus[0].losses.count == 22)
        #expect(
            safe.vcpus[0].losses.map(\.id.name)
                == ["CCSIDR1", "CCSIDR2", "ID_AA64DFR0_EL1", "CLIDR_EL1", "CNTPCT_EL0"])
        #expect(force.vcpus[0].losses.isEmpty)
        let pardon = try #require(try safe.load(of: "TCR2_EL1").pardon)
        #expect(pardon.rule == "safe" && pardon.proof?.contains("ID_AA64MMFR3_EL1.TCRX") == true)
        #expect(try force.load(of: "CNTPCT_EL0").pardon?.rule == "force")
        let own = try loadPlan(
            stream, on: "6.1-neoverse-n1", by: Self.comparing, policy: policy("drop CNTPCT_EL0"))
        #expect(own.policy == "test")
        #expect(try own.load(of: "CNTPCT_EL0").pardon?.rule == "drop CNTPCT_EL0")
    }

    @Test("The names of fates are all there, and each is its own")
    func names() {
        #expect(
            RegisterLoad.Fate.names == [
                "unknown", "refused", "dropped", "altered", "tolerated", "kept-at-reset", "unset",
                "loaded",
            ])
        let failures = RegisterLoad.Fate.allCases.filter(\.isFailure)
        #expect(failures == [.unknown, .refused])
    }

    @Test("A stream of QEMU's emulation has registers that no KVM has")
    func otherOrigin() throws {
        let stream = try QEMUStream(.tcgMax)
        let plan = try loadPlan(stream, on: "6.12-max", by: Self.comparing)
        #expect(plan.verdict == .fails)
        #expect(plan.vcpus.allSatisfy { $0.registers.contains { $0.fate == .unknown } })
        // QEMU does not come to them: before that it ends at what only its emulation has.
        #expect(plan.vcpus.allSatisfy { $0.failure == .timerWithoutWFxT })
    }
}
