import Emulation
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Plans: several vCPUs")
struct SeveralVCPUPlanTests {
    private let exact = RestorePolicy(.exact)

    @Test func withoutVCPUsThereIsNothingToPlan() throws {
        let host = try builtIn("6.12-neoverse-n1")
        let empty = Snapshot(provenance: Provenance(), vcpus: [])
        #expect(throws: RestoreError.noVCPU) {
            try MovePlan(of: empty, on: host, policy: exact)
        }
        let sources = [
            MoveMatrix.Source(name: "good", snapshot: try guest(of: host)),
            MoveMatrix.Source(name: "empty", snapshot: empty),
        ]
        #expect(throws: RestoreError.noVCPU) {
            try MoveMatrix(of: sources, on: [host], policy: exact)
        }
    }

    /// `KVM_CREATE_VCPU` answers EINVAL past the limit.
    @Test(arguments: [(1, 2), (2, 2), (512, 3), (2, 9)])
    func moreThanTheHostMakes(limit: Int, count: Int) throws {
        var host = try builtIn("6.12-neoverse-n1")
        let snapshot = try guest(of: host, vcpus: count)
        host.capabilities["KVM_CAP_MAX_VCPUS"] = Int32(limit)
        let plan = try MovePlan(of: snapshot, on: host, policy: exact)
        #expect(plan.verdict == (count > limit ? .no : .yes))
        let refused = plan.units.filter { vcpu in
            vcpu.losses.contains { $0.restore.id == .vcpuInit }
        }
        #expect(refused.count == max(0, count - limit))
        for vcpu in refused {
            let loss = try #require(vcpu.losses.first { $0.restore.id == .vcpuInit })
            #expect(loss.cause == Cause(.tooManyVCPUs, "\(count), KVM_CAP_MAX_VCPUS is \(limit)"))
            #expect(
                loss.remedies.map(\.text) == [
                    "choose a host or a kernel that makes \(count) vCPUs for a VM (KVM_CAP_MAX_VCPUS)"
                ])
            #expect(
                loss.restore.reason
                    == "the VM needs \(count) vCPUs, and the host makes at most \(limit) for a VM "
                    + "(KVM_CAP_MAX_VCPUS)")
        }
    }

    @Test func hostsOutOfReach() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var small = host
        small.name = "small"
        small.capabilities["KVM_CAP_MAX_VCPUS"] = 1
        let guest = PlannedGuest(try guest(of: host, vcpus: 2), in: nil)
        let some = try UnreachableHosts(of: guest, among: [host, small], by: exact)
        #expect(some.hosts.map(\.name) == ["small"] && some.areForced)
        let none = try UnreachableHosts(of: guest, among: [host], by: exact)
        #expect(none.hosts.isEmpty && none.areForced)
    }

    /// Bits in the second word of features and above: another host does not help.
    @Test func featuresOfNoKernel() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host)
        let made = try #require(snapshot.vcpus[0].registers[.vcpuInit])
        var bytes = made.littleEndianBytes
        bytes[9] = 1
        snapshot.vcpus[0].registers.set(
            try #require(RegisterValue(littleEndian: bytes)), for: .vcpuInit)
        let plan = try MovePlan(of: snapshot, on: host, policy: exact)
        let loss = try plan.loss(of: "VCPU_INIT")
        #expect(loss.cause.kind == .differentVCPUs)
        #expect(loss.remedies.map(\.name) == ["save-again"])
        #expect(loss.restore.reason?.hasSuffix("; no kernel has features above bit 31") == true)
    }

    /// KVM takes no SVE register of a vCPU that is not finalized, whatever its vector lengths are.
    @Test func vcpuThatIsNotFinalized() throws {
        let host = try builtIn("6.12-max")
        var snapshot = try guest(of: host)
        let rest = snapshot.vcpus[0].registers.filter { $0.0 != .vcpuFinalized }
        snapshot.vcpus[0].registers = try #require(RegisterList(rest))
        #expect(
            snapshot.notes == [.incomplete(vcpus: [0], missing: [.vcpuFinalized])])
        let plan = try MovePlan(of: snapshot, on: host, policy: exact)
        let causes = plan.units[0].byCause
        #expect(causes.map(\.cause.kind) == [.incomplete])
        #expect(causes[0].losses.contains { $0.restore.id == .vcpuFinalized })
        #expect(causes[0].losses.contains { $0.restore.id == .z(0) })
        #expect(causes[0].losses.allSatisfy { $0.remedies == [.saveAgain] })
    }

    /// Linux 6.12 shows a guest less of the same PMCR_EL0 than 6.1: no other host with that kernel helps.
    @Test func monitorsThatAKernelShowsOtherwise() throws {
        var snapshot = try guest(of: try builtIn("6.1-neoverse-n1"))
        let host = try builtIn("6.12-neoverse-n1")
        let loss = try MovePlan(of: snapshot, on: host, policy: exact).loss(of: "PMCR_EL0")
        #expect(loss.cause == Cause(.kernelView, "PMCR_EL0 (IMP, IDCODE)"))
        #expect(
            loss.remedies.map(\.name)
                == ["drop-safely", "lower-fields", "without-features", "other-host"])
        #expect(
            loss.remedies.last
                == .otherHost("Linux before 6.7, which keeps PMCR_EL0 as it was saved"))
        let pardon = try policy("base exact", "accept-masked PMCR_EL0")
        #expect(
            try !MovePlan(of: snapshot, on: host, policy: pardon).units[0].report.registers
                .contains { $0.id == .pmcrEL0 && $0.isLoss })
        // Of another CPU it is another.
        try snapshot.set("MIDR_EL1", 0x410f_d400)
        let other = try MovePlan(of: snapshot, on: host, policy: exact).loss(of: "PMCR_EL0")
        #expect(other.cause.kind == .performanceMonitors)
    }

    /// It says only how the vCPU begins, and MP_STATE says that too.
    @Test func poweredOff() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host, vcpus: 2)
        let made = try #require(snapshot.vcpus[1].registers[.vcpuInit])
        let off = UInt64(VCPUFeatures.powerOff.rawValue) << 32
        snapshot.vcpus[1].registers.set(
            made.replacingLowBits(with: made.lowBits | off), for: .vcpuInit)
        #expect(try MovePlan(of: snapshot, on: host, policy: exact).verdict == .yes)
    }

    private func mixed(_ host: HostProfile) throws -> Snapshot {
        var snapshot = try guest(of: host, vcpus: 3)
        let other = try save(start(on: host, features: [.psci02]), on: host)
        snapshot.vcpus[1].registers = other.vcpus[0].registers
        return snapshot
    }

    /// KVM answers EINVAL to the initialization, and what follows from it is one cause.
    @Test func otherFeatures() throws {
        let host = try builtIn("6.12-max")
        let plan = try MovePlan(of: mixed(host), on: host, policy: exact)
        #expect(plan.verdict == .no)
        #expect(plan.units[0].losses.isEmpty && plan.units[2].losses.isEmpty)
        let causes = plan.units[1].byCause
        #expect(causes.map(\.cause.kind) == [.differentVCPUs, .notInitialized])
        #expect(causes[0].losses.map(\.restore.id) == [.vcpuInit])
        #expect(causes[0].losses[0].remedies.map(\.name) == ["save-again"])
        #expect(causes[1].losses.allSatisfy { $0.remedies == [.saveAgain] })
    }

    @Test func oldKernelMakesThem() throws {
        let host = try builtIn("6.1-max")
        #expect(try MovePlan(of: mixed(host), on: host, policy: exact).verdict == .yes)
    }

    @Test(arguments: ["6.1-max", "6.12-neoverse-n1"])
    func incompleteVCPU(_ name: String) throws {
        let host = try builtIn(name)
        var snapshot = try guest(of: host, vcpus: 2)
        let rest = snapshot.vcpus[1].registers.filter { $0.0.name != "pc" }
        snapshot.vcpus[1].registers = try #require(RegisterList(rest))
        let plan = try MovePlan(of: snapshot, on: host, policy: exact)
        #expect(plan.verdict == .no)
        #expect(plan.units[1].losses.map(\.restore.outcome) == [.missing])
        #expect(plan.units[1].losses.map(\.cause.kind) == [.incomplete])
        #expect(plan.units[1].losses[0].remedies.map(\.name) == ["save-again"])
    }

    /// A guest of several vCPUs whose CPU has fewer event counters than the host's, which has no AArch32: as on
    /// real hosts of the A64FX, only the first vCPU changes N.
    @Test(arguments: [1, 2, 8])
    func otherNumberOfCounters(_ count: Int) throws {
        let source = try builtIn("6.12-neoverse-n1")
        var host = source
        host.name = "many"
        try host.set("PMCR_EL0", 0x4040)
        try host.set("ID_AA64PFR0_EL1", host.bits("ID_AA64PFR0_EL1") & ~0xff | 0x11)
        let snapshot = try guest(of: source, vcpus: count)
        let plan = try MovePlan(of: snapshot, on: host, policy: exact)
        let outcomes = try plan.units.map { vcpu in
            try #require(vcpu.report.registers.first { $0.id == .pmcrEL0 }).outcome
        }
        #expect(outcomes[0] == .keptButMasked(lost: RegisterValue(0x40)))
        #expect(outcomes.dropFirst().allSatisfy { $0 == .acceptedThenChanged })
    }
}
