import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Reserved bits are refused where a change makes them wrong, and only there.
struct ReservedBitsTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var register: String
        var old: String
        var assignment: String
        /// What the register holds then, or nil for a refusal.
        var new: String?
        /// The reserved bits of a refusal.
        var mask: String?

        var testDescription: String { "\(assignment) in \(old)" }

        static func taken(
            _ register: String, _ old: String, _ assignment: String, _ new: String
        ) -> Case {
            Case(register: register, old: old, assignment: assignment, new: new)
        }

        static func refused(
            _ register: String, _ old: String, _ assignment: String, _ mask: String
        ) -> Case {
            Case(register: register, old: old, assignment: assignment, mask: mask)
        }
    }

    /// What KVM resets many registers to.
    private static let pattern = "0x1de7ec7edbadc0de"

    static let cases: [Case] = [
        // RES0: bits 53:50 and 17 of SCTLR_EL1.
        .refused("SCTLR_EL1", "0xc50078", "SCTLR_EL1=0x4000000000000", "0x4000000000000"),
        .refused("SCTLR_EL1", "0x0", "SCTLR_EL1=0xffffffffffffffff", "0x3c000000020000"),
        .taken("SCTLR_EL1", "0x0", "SCTLR_EL1=0xffc3fffffffdffff", "0xffc3fffffffdffff"),
        // Bits that are wrong already: those of KVM's reset pattern stay, or become right, but no
        // further one becomes wrong. RES0 of ESR_EL1 is bits 63:56.
        .taken("ESR_EL1", pattern, "ESR_EL1.ISS=5", "0x1de7ec7eda000005"),
        .taken("ESR_EL1", pattern, "ESR_EL1=0x0de7ec7e00000000", "0xde7ec7e00000000"),
        .taken("ESR_EL1", pattern, "ESR_EL1=0x96000010", "0x96000010"),
        .refused("ESR_EL1", pattern, "ESR_EL1=0x3de7ec7edbadc0de", "0x2000000000000000"),
        .refused("ESR_EL1", pattern, "ESR_EL1=0x0200000000000000", "0x200000000000000"),
        // RES1: bit 31 of MPIDR_EL1; RES0 are 63:40 and 29:25.
        .refused("MPIDR_EL1", "0x80000000", "MPIDR_EL1=0x1", "0x80000000"),
        .taken("MPIDR_EL1", "0x80000000", "MPIDR_EL1.Aff0=1", "0x80000001"),
        .taken("MPIDR_EL1", "0x0", "MPIDR_EL1.Aff0=1", "0x1"),
        .taken("MPIDR_EL1", "0x0", "MPIDR_EL1=0x80000001", "0x80000001"),
        .refused("MPIDR_EL1", "0x80000000", "MPIDR_EL1=0x02000000", "0x82000000"),
        // RAZ: a whole unallocated ID register, and bits 7:2 of ID_AA64FPFR0_EL1.
        .refused("S3_0_C0_C3_3", "0x0", "S3_0_C0_C3_3=0x11", "0x11"),
        .refused("ID_AA64FPFR0_EL1", "0x0", "ID_AA64FPFR0_EL1=0x7", "0x4"),
        // UNKNOWN bits, 31:28 of CCSIDR, may be anything.
        .taken("CCSIDR0", "0x0", "CCSIDR0=0xf0000000", "0xf0000000"),
        // Two layouts: RES0 of PAR_EL1 is 55:52 and 6:1; with F = 1 it is 47:16, 10 and 7, and bit 11
        // is RES1. One that fits is enough; the mask is that of the first.
        .taken("PAR_EL1", "0x0", "PAR_EL1=0x1234000", "0x1234000"),
        .taken("PAR_EL1", "0x0", "PAR_EL1.FST=0x3f", "0x7e"),
        .taken("PAR_EL1", "0x0", "PAR_EL1=0xf0000000000003", "0xf0000000000003"),
        .refused("PAR_EL1", "0x0", "PAR_EL1=0x10800000000000", "0x10000000000000"),
        .taken("PAR_EL1", "0x800", "PAR_EL1=0x802", "0x802"),
        .refused("PAR_EL1", "0x800", "PAR_EL1=0x2", "0x2"),
        // Bit 27 of PSTATE is RES0 in AArch64 and Q in AArch32; bit 40 is RES0 in both.
        .taken("pstate", "0x3c5", "pstate=0x8000010", "0x8000010"),
        .refused("pstate", "0x3c5", "pstate=0x100000003c5", "0x10000000000"),
        // 32 bits, 128 bits and 256 bits.
        .refused("fpsr", "0x0", "fpsr=0xffffffff", "0x7ffff60"),
        .refused("VCPU_EVENTS", "0x0", "VCPU_EVENTS=0x800000001000001", "0x800000001000000"),
        .taken(
            "VCPU_EVENTS", "0x0", "VCPU_EVENTS=0x80000000000000000000000000000101",
            "0x80000000000000000000000000000101"),
        .refused(
            "VCPU_INIT", "0xc00000005", "VCPU_INIT=0x80000000000000010000000000000000",
            "0x80000000000000010000000000000000"),
        // Plain data has no reserved bits.
        .taken("x0", "0x0", "x0=0xffffffffffffffff", "0xffffffffffffffff"),
    ]

    @Test(arguments: cases)
    func refusesWhatBecomesWrong(_ example: Case) throws {
        let bank = try bank(of: example)
        let id = try register(example.register)
        let edited = try changes(of: bank) {
            guard let text = example.mask else {
                let edit = try set(example.assignment, in: bank)
                #expect(edit.isComplete)
                return
            }
            let mask = try #require(RegisterValue(parsing: text, size: id.size ?? 8))
            expect(.reserved(id, bits: mask)) { try set("x1=1", example.assignment, in: bank) }
        }
        #expect(edited == (example.new.map { [example.register: $0] } ?? [:]))
    }

    /// Those that --force makes possible; VCPU_INIT is decided when a vCPU is made.
    static let refusals = cases.filter { $0.mask != nil && $0.register != "VCPU_INIT" }

    @Test(arguments: refusals)
    func forcedItIsTaken(_ example: Case) throws {
        let bank = try bank(of: example)
        let value = try #require(example.assignment.split(separator: "=").last)
        let id = try register(example.register)
        let edited = try changes(of: bank) {
            let edit = try set([example.assignment], in: bank, isForced: true)
            #expect(edit.isComplete)
        }
        let new = try #require(RegisterValue(parsing: value, size: id.size ?? 8))
        #expect(edited == [example.register: new.description])
    }

    /// Each assignment is measured against the one before it.
    @Test func inOrder() throws {
        let bank = try snapshotBank(of: "6.12-neoverse-n1", ["ESR_EL1": "0xff00000000000000"])
        let id = try register("ESR_EL1")
        let edited = try changes(of: bank) {
            expect(.reserved(id, bits: RegisterValue(0x0100_0000_0000_0000))) {
                try set("ESR_EL1=0", "ESR_EL1=0x0100000000000000", in: bank)
            }
        }
        #expect(edited == [:])
    }

    private func bank(of example: Case) throws -> SnapshotBank {
        try snapshotBank(of: "6.12-neoverse-n1", [example.register: example.old])
    }
}
