import Foundation
import TestFiles
import Testing

@Suite("Commands: what the dictionary says")
struct RegisterCommandTests {
    private struct Report: Decodable {
        struct Register: Decodable {
            struct Field: Decodable {
                var name: String
            }

            struct Change: Decodable {
                var from: String
                var until: String?
                var `class`: String?
                var needs: [String]
            }

            struct Behavior: Decodable {
                var capability: String?
                var capabilitySince: String?
            }

            var name: String
            var fields: [Field]
            var history: [Change]
            var behaviour: Behavior?
        }

        var registers: [Register]
    }

    private func report(_ names: String...) throws -> Report {
        let run = try Program.run(["register"] + names + ["--format", "json"])
        try #require(run.status == 0, "\(run.errors)")
        return try JSONDecoder().decode(Report.self, from: Data(run.output))
    }

    @Test func spellings() throws {
        let names = try report(
            "op0:3 op1:0 crn:0 crm:0 op2:0", "ARM64_SYS_REG(3, 0, 2, 0, 3)", "sys_reg(3,0,5,2,0)",
            "3 0 5 2 0", "fw feat reg 3", "SYS_ESR_EL1", "ESR_EL1 ", "6931044578463072256"
        ).registers.map(\.name)
        #expect(names.prefix(4) == ["MIDR_EL1", "TCR2_EL1", "ESR_EL1", "ESR_EL1"])
        #expect(names[4...6] == ["VENDOR_HYP_BMAP_2", "ESR_EL1", "ESR_EL1"])
        #expect(names.count == 8)
    }

    @Test func oneField() throws {
        let whole = try report("ESR_EL1").registers[0]
        #expect(whole.fields.count > 1)
        for text in ["ESR_EL1.EC", "esr_el1.ec", "sys_reg(3,0,5,2,0).EC"] {
            #expect(try report(text).registers[0].fields.map(\.name) == ["EC"], "\(text)")
        }
        let run = try Program.run("register", "ESR_EL1.NOPE")
        #expect(
            run.status == 2 && run.errors.contains("has no field NOPE") && run.errors.contains("EC")
        )
    }

    @Test func historyOverKernels() throws {
        let register = try report("TCR2_EL1").registers[0]
        #expect(register.history.map(\.from) == ["6.5", "6.13"])
        #expect(register.history.map(\.class) == ["writable", "writable"])
        #expect(register.history[1].needs == ["ID_AA64MMFR3_EL1.TCRX of at least 1"])
        let text = try Program.run("register", "TCR2_EL1").text
        #expect(text.contains("Linux 6.5: writable"))
        #expect(
            text.contains("Linux 6.13: writable; only with ID_AA64MMFR3_EL1.TCRX of at least 1"))
        let backports = try report("ID_ISAR0_EL1").registers[0].history.map(\.until)
        #expect(backports == [nil, nil, "6.13", "6.18", nil])
        #expect(try report("RVBAR_EL2").registers[0].history.map(\.class) == ["writable", nil])
        #expect(try Program.run("register", "CLIDR_EL1").text.contains("PSCI CPU_ON"))
    }

    // MARK: --history

    private struct HistoryReport: Decodable {
        struct Subject: Decodable {
            struct Kernel: Decodable {
                struct Change: Decodable {
                    var kind: String
                    var release: String?
                    var commits: [String]
                    var basis: [String]
                }

                struct State: Decodable {
                    var `class`: String?
                    var mask: String?
                }

                struct Deviation: Decodable {
                    var kind: String
                    var until: String?
                }

                var kernel: String
                var changes: [Change]
                var states: [State]
                var deviations: [Deviation]
            }

            var name: String
            var type: String
            var id: String?
            var since: String?
            var kernels: [Kernel]
        }

        var subjects: [Subject]
    }

    private func history(_ names: String...) throws -> [HistoryReport.Subject] {
        let run = try Program.run(["register", "--history"] + names + ["--format", "json"])
        try #require(run.status == 0, "\(run.errors)")
        return try JSONDecoder().decode(HistoryReport.self, from: Data(run.output)).subjects
    }

    @Test func everyKernelOfARegister() throws {
        let register = try history("TCR2_EL1")[0]
        #expect(register.type == "register" && register.since == "6.5" && register.id != nil)
        #expect(register.kernels.map(\.kernel) == ["6.5", "6.13"])
        #expect(register.kernels.map { $0.changes.map(\.kind) } == [["came"], ["went"]])
        #expect(register.kernels[1].changes[0].commits.contains("0fcb4eea5345"))
        let text = try Program.run("register", "--history", "TCR2_EL1").text
        #expect(text.contains("known from release; runs of 6.12.69, 6.16.3; commit 0fcb4eea5345"))
        #expect(text.contains("on write: writable; only with ID_AA64MMFR3_EL1.TCRX"))
    }

    @Test func backportsOfAChange() throws {
        let kernels = try history("ID_ISAR0_EL1")[0].kernels
            .filter { $0.kernel.hasPrefix("6") }
        #expect(kernels.map(\.kernel) == ["6.1", "6.12.60", "6.17.9", "6.18"])
        #expect(kernels.map { $0.changes.first?.release } == [nil, "6.18", "6.18", nil])
        #expect(
            try Program.run("register", "--history", "ID_ISAR0_EL1").text.contains(
                "writable, as in Linux 6.18"))
    }

    @Test func fieldsCapabilitiesAndFeatures() throws {
        let subjects = try history(
            "ID_AA64PFR0_EL1.RAS", "kvm_cap_arm_el2", "HAS_EL2", "KVM_ARM_VCPU_HAS_EL2", "PIR*_EL1")
        #expect(
            subjects.map(\.type) == [
                "field", "capability", "feature", "feature", "register", "register",
            ])
        #expect(subjects.prefix(2).map(\.name) == ["ID_AA64PFR0_EL1.RAS", "KVM_CAP_ARM_EL2"])
        // Before 6.17 no write changes the field.
        let states = subjects[0].kernels.flatMap { kernel in
            kernel.states.map { (kernel.kernel, $0.mask) }
        }
        #expect(states.last?.0 == "6.17" && states.last?.1 == "0xf0000000")
        #expect(states.dropLast().allSatisfy { $0.1 == nil || $0.1 == "0x0" })
        #expect(
            subjects[1...3].allSatisfy {
                $0.since == "6.16" && $0.kernels.map(\.kernel) == ["6.16"]
            })
    }

    @Test func deviationsOfAField() throws {
        let kernels = try history("ID_AA64DFR0_EL1.PMUVer")[0].kernels
        let signed = kernels.flatMap(\.deviations).filter { $0.kind == "signed" }
        #expect(signed.map(\.until) == ["6.12.91", "7.2"])
    }

    @Test func namesWithoutAHistory() throws {
        let nothing = try Program.run("register", "--history", "KVM_CAP_IRQCHIP")
        #expect(nothing.status == 0 && nothing.text.contains("no change of it is known"))
        for (name, words) in [
            ("KVM_CAP_ARM_EL3", "did you mean KVM_CAP_ARM_EL2?"), ("SCTLR_EL9", "not a register"),
        ] {
            let run = try Program.run("register", "--history", name)
            #expect(run.status == 2 && run.errors.contains(words), "\(run.errors)")
        }
        #expect(try Program.run("register", "KVM_CAP_ARM_EL2").status == 2)
    }

    @Test func capabilityWithItsKernel() throws {
        let behavior = try #require(try report("MIDR_EL1").registers[0].behaviour)
        #expect(behavior.capability == "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS")
        #expect(behavior.capabilitySince == "6.15")
        #expect(
            try Program.run("register", "MIDR_EL1").text
                .contains("KVM_CAP_ARM_WRITABLE_IMP_ID_REGS: Linux 6.15 or newer"))
    }

    @Test(
        "A value as dumps of a crash have it",
        arguments: [
            ("pstate : 600000c5", "pstate = 0x600000c5"),
            ("pstate: 60400009 (nZCv daif +PAN -UAO BTYPE=--)", "pstate = 0x60400009"),
            ("sp : ffff80001234abcd", "sp_el1 = 0xffff80001234abcd"),
            ("esr 96000010", "ESR_EL1 = 0x96000010"), ("FAR 0000000000000010", "FAR_EL1 = 0x10"),
            ("ESR: 0x96000010", "ESR_EL1 = 0x96000010"),
            ("spsr_el1 0x600000c5", "spsr_el1 = 0x600000c5"), ("MIDR=0x410fd0c1", "MIDR_EL1 has"),
        ])
    func valuesOfDumps(_ words: String, _ text: String) throws {
        let run = try Program.run("register", words)
        #expect(run.status == 0 && run.text.contains(text), "\(run)")
    }

    @Test(
        "What is no value in ASCII digits is none",
        arguments: [
            ("SCTLR_EL1=１２", "is not a value"), ("x0=٣", "is not a value"),
            ("PSTATE=60400009", "in two ways"), ("96000010", "explained as ESR_EL1=0x96000010"),
        ])
    func noValues(_ words: String, _ message: String) throws {
        expectTrouble(try Program.run("register", words), message)
    }

    @Test func fileInThePlaceOfACommand() throws {
        let folder = try TemporaryFolder()
        let file = try folder.make("vm.mig", "QEVM")
        expectTrouble(try Program.run(file), "is a file, and no command: vcpusnap verify")
    }

    @Test(arguments: [
        ("spsel", "pstate"), ("xzr", "always zero"), ("w0", "x0"),
        ("W30", "x30"),
        ("w31", "give a name"), ("wfi", "give a name"),
    ])
    func namesOfAnAssembler(_ name: String, _ hint: String) throws {
        let run = try Program.run("register", name)
        #expect(run.status == 2)
        #expect(
            run.errors.contains("\(name) is not a register") && run.errors.contains(hint),
            "\(run.errors)")
    }

    // MARK: Why a change is refused

    @Test(arguments: [
        ("6.1-neoverse-n1", "OSLSR_EL1=0", "bits other than OSLK must equal 0x8"),
        (
            "6.12-neoverse-n1", "MIDR_EL1=0x410fd0c0",
            "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS: Linux 6.15 or newer"
        ),
        ("6.1-neoverse-n1", "CLIDR_EL1=0", "it is the host's own value"),
        ("6.12-neoverse-n1", "SMCCC_ARCH_WORKAROUND_2=2", "level"),
    ])
    func refusalOfSet(_ host: String, _ assignment: String, _ rule: String) throws {
        let folder = try TemporaryFolder()
        let run = try Program.run(
            "set", "emulated:\(host)", assignment, "--force", "-o", folder / "x")
        #expect(run.status == 1, "\(run.errors)")
        #expect(run.text.contains("refused, EINVAL") && run.text.contains(rule), "\(run.text)")
    }

    @Test func planSaysWhatTheVMMHasToDo() throws {
        let folder = try TemporaryFolder()
        let profile = folder / "new.vhost"
        try Program.run("save", "emulated:6.12-neoverse-n1", "-o", folder / "own")
        let text = try Program.run("host", "--from", folder / "own", "--name", "new", "-o", "-")
            .text
        try #require(!text.isEmpty)
        try text.replacing(
            #/(?m)^kernel .*$/#,
            with: "kernel 6.18.0\ncapability KVM_CAP_ARM_WRITABLE_IMP_ID_REGS 1"
        )
        .write(toFile: profile, atomically: true, encoding: .utf8)
        try Program.run("save", "emulated:\(profile)", "-o", folder / "a")
        try Program.run("set", folder / "a", "MIDR_EL1=0x410fd0c0")
        for command in [
            ["plan", folder / "a", "--host", profile],
            ["restore", folder / "a", "emulated:\(profile)"],
        ] {
            let run = try Program.run(command)
            #expect(run.status == 0, "\(run.text)\(run.errors)")
            #expect(
                run.text.contains("MIDR_EL1")
                    && run.text.contains("KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, enabled before"),
                "\(run.text)")
        }
    }
}
