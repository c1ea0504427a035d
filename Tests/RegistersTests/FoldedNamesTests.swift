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
        // Of a long name that ends with the number, only that.
        ("GICD_IROUTER32 GICD_IROUTER33 GICD_IROUTER34 GIC_MODEL", "GICD_IROUTER32-34 GIC_MODEL"),
        ("GICD_ISENABLER1.40 GICD_ISENABLER1.41 GICD_ISENABLER1.42", "GICD_ISENABLER1.40-42"),
        ("0x6030000000100000 0x6030000000100002", "0x6030000000100000 0x6030000000100002"),
    ])
    func folded(_ names: String, _ text: String) {
        #expect(RegisterID.folded(names.split(separator: " ").map(String.init)) == text)
    }

    /// From what is written every name can be had again.
    @Test func nothingIsLeftOut() {
        let names = RegisterDictionary.all.map(\.name)
        let runs = RegisterID.folded(names).split(separator: " ")
        let ends = runs.flatMap { run -> [String] in
            let ends = run.split(separator: "-").map(String.init)
            guard ends.count == 2, ends[1].allSatisfy(\.isNumber) else { return ends }
            let stem = ends[0].reversed().drop(while: \.isNumber).reversed()
            return [ends[0], String(stem) + ends[1]]
        }
        #expect(Set(ends).isSubset(of: names))
        #expect(runs.count < names.count * 2 / 3)
    }
}
