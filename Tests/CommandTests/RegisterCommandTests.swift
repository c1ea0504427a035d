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
        #expect(backports == [nil, "6.13", "6.18", nil])
        #expect(try report("RVBAR_EL2").registers[0].history.map(\.class) == ["writable", nil])
        #expect(try Program.run("register", "CLIDR_EL1").text.contains("PSCI CPU_ON"))
    }

    @Test func capabilityWithItsKernel() throws {
        let behavior = try #require(try report("MIDR_EL1").registers[0].behaviour)
        #expect(behavior.capability == "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS")
        #expect(behavior.capabilitySince == "6.15")
        #expect(
            try Program.run("register", "MIDR_EL1").text
                .contains("KVM_CAP_ARM_WRITABLE_IMP_ID_REGS: Linux 6.15 or newer"))
    }

    @Test(arguments: [
        ("cpsr", "pstate"), ("xzr", "always zero"), ("w0", "x0"),
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
