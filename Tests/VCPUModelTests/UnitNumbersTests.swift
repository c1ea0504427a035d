import Testing
import VCPUModel

@Suite("Units in words")
struct UnitNumbersTests {
    @Test(
        arguments: [
            ([], "no vCPU"), ([.vm], "VM"), ([.vcpu(4)], "vCPU 4"),
            ([.vcpu(0), .vcpu(1)], "vCPUs 0-1"), ([.vm, .vcpu(7)], "VM and vCPU 7"),
            ([.vm, .vcpu(0), .vcpu(2), .vcpu(3), .vcpu(.max)], "VM and vCPUs 0, 2-3, 4294967295"),
            (
                stride(from: 0, to: 64, by: 2).map { .vcpu($0) },
                "vCPUs 0, 2, 4, 6, ..., 60, 62 (32 in all)"
            ),
        ] as [([UnitID], String)])
    func title(units: [UnitID], title: String) {
        var numbers = UnitNumbers()
        for unit in units { numbers.append(unit) }
        #expect(numbers.title == title && numbers.count == units.count)
        #expect(units == units.sorted())
    }
}
