import Registers
import Testing

@Suite("Names of registers, folded")
struct FoldedNamesTests {
    @Test(arguments: [
        ("", ""), ("x0", "x0"), ("x0 x1", "x0 x1"), ("x0 x1 x2", "x0-x2"),
        ("z30 z31 p0 p1 p2 ffr", "z30 z31 p0-p2 ffr"), ("x0 x2 x4", "x0 x2 x4"),
        ("PMEVCNTR9_EL0 PMEVCNTR10_EL0 PMEVCNTR11_EL0", "PMEVCNTR9_EL0-PMEVCNTR11_EL0"),
        // Another number counts up from here on.
        ("FAR_EL1 FAR_EL2 FAR_EL3 ESR_EL1", "FAR_EL1-FAR_EL3 ESR_EL1"),
        ("S3_0_C0_C1_6 S3_0_C0_C1_7 S3_0_C0_C2_0", "S3_0_C0_C1_6 S3_0_C0_C1_7 S3_0_C0_C2_0"),
        ("x2 x1 x0", "x2 x1 x0"),
        ("a0 b0 a1 b1 c a2 b2 a4", "a0-a2 b0-b2 c a4"),
        ("0x6030000000100000 0x6030000000100002", "0x6030000000100000 0x6030000000100002"),
    ])
    func folded(_ names: String, _ text: String) {
        #expect(RegisterID.folded(names.split(separator: " ").map(String.init)) == text)
    }

    /// From what is written every name can be had again.
    @Test func nothingIsLeftOut() {
        let names = RegisterDictionary.all.map(\.name)
        let runs = RegisterID.folded(names).split(separator: " ")
        let ends = runs.flatMap { $0.split(separator: "-") }.map(String.init)
        #expect(Set(ends).isSubset(of: names))
        #expect(runs.count < names.count * 2 / 3)
    }
}
