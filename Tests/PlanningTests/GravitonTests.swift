import Emulation
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Real machines under old kernels, and a vendor's: what is derived for another kernel against what that kernel showed.
@Suite("Graviton under other kernels")
struct GravitonTests {
    private static let pairs = (0..<3).flatMap { from in
        (0..<3).filter { $0 != from }.map { (from, $0) }
    }

    /// Why a register is not as derived.
    private enum Cause: String, CaseIterable {
        case vendor = "ported back by the vendor"
        case vmm = "written by Firecracker"
        case guess = "called a guess"
    }

    /// The bits that Amazon's kernels hide by a change of a newer one.
    private static let hiddenByAmazon: [RegisterID: UInt64] = [
        .idAA64MMFR2EL1: 0xf << 20, .idMMFR4EL1: 0xf << 24,
    ]

    private func cause(
        _ id: RegisterID, _ derived: UInt64?, _ real: UInt64?, _ profile: HostProfile
    ) -> Cause? {
        // KVM lists them since 6.4.
        if [.cntpCTLEL0, .cntpCVALEL0].contains(id) { return .vendor }
        // Since 6.3 KVM makes caches up, and Firecracker writes those of the host.
        if id == .clidrEL1, profile.kernel ?? KernelVersion(0, 0) >= KernelVersion(6, 3) {
            return .vmm
        }
        if profile.guesses.contains(where: { $0.register == id }) { return .guess }
        guard let derived, let real, let hidden = Self.hiddenByAmazon[id] else { return nil }
        return (derived ^ real) & ~hidden == 0 ? .vendor : nil
    }

    @Test(arguments: Graviton.machines.indices)
    func derivedAsRecorded(machine: Int) throws {
        var (count, wrong): (Int, [Cause: [String]]) = (0, [:])
        for (from, to) in Self.pairs {
            let real = try Graviton.profile(machine, to)
            let derived = try Graviton.profile(machine, from)
                .withKernel(real.kernelRelease, like: [])
            for id in Set(real.registers.ids + derived.registers.ids).sorted() {
                guard id.architecture == .arm64 else { continue }
                count += 1
                let values = [derived, real].map {
                    $0.registers[id]?.withoutMotion(of: id).lowBits
                }
                guard values[0] != values[1] else { continue }
                let cause = cause(id, values[0], values[1], derived)
                #expect(cause != nil, "\(id) \(values) from \(from) to \(to)")
                if let cause { wrong[cause, default: []].append(id.name) }
            }
        }
        let all = wrong.values.reduce(0) { $0 + $1.count }
        print("\(Graviton.machines[machine]): \(count) registers compared, \(count - all) right")
        for cause in Cause.allCases {
            let names = wrong[cause] ?? []
            print("  \(names.count) \(cause.rawValue): \(Set(names).sorted())")
        }
        #expect(count > 1000 && all * 20 < count)
    }

    private func plan(_ machine: Int, from: Int, to: Int) throws -> MovePlan {
        let old = try Graviton.profile(machine, from)
        let new = try old.withKernel(Graviton.kernels[to], like: [])
        return try MovePlan(of: guest(of: old), on: new, policy: RestorePolicy(.exact))
    }

    @Test("Firecracker's tests restore a snapshot of 6.1 with 6.18 on the same type of instance")
    func upgrades() throws {
        for machine in Graviton.machines.indices {
            let losses = try plan(machine, from: 1, to: 2).units[0].losses.map(\.restore)
            // 6.18 takes MPAM and NV, which only Graviton3 has, and hides them; Firecracker does not look.
            #expect(losses.allSatisfy { $0.outcome == .acceptedThenChanged }, "\(losses)")
            #expect(losses.map(\.id) == (machine == 0 ? [] : [.idAA64PFR0EL1, .idAA64MMFR2EL1]))
        }
    }

    @Test("Those of 5.10 they do not: it lists the PMU of vCPUs that have none")
    func oldPMU() throws {
        for machine in Graviton.machines.indices {
            let plan = try plan(machine, from: 0, to: 1)
            #expect(plan.verdict == .no)
            let absent = plan.units[0].report.registers.filter { $0.outcome == .absent }
            #expect(absent.count == 74)
            #expect(absent.allSatisfy { RegisterDictionary.entry(for: $0.id)?.isPMU == true })
        }
    }
}
