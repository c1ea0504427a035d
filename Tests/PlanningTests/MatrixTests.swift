import Emulation
import Planning
import Registers
import Synchronization
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Plans: the matrix")
struct MatrixTests {
    /// What a matrix said of its progress, from any thread.
    private final class Progress: Sendable {
        let counts = Mutex<[Int]>([])
    }

    private func sources(_ names: [String]) throws -> [MoveMatrix.Source] {
        try names.map { name in
            MoveMatrix.Source(name: "guest of " + name, snapshot: try guest(of: try builtIn(name)))
        }
    }

    @Test func cellsAreThePlans() throws {
        let policy = RestorePolicy(.safe)
        let profiles = try HostProfile.builtInNames.map(builtIn)
        let guests = try sources(HostProfile.builtInNames)
        let matrix = try MoveMatrix(of: guests, on: profiles, policy: policy)
        for (row, source) in guests.enumerated() {
            for (column, profile) in profiles.enumerated() {
                let plan = try MovePlan(of: source.snapshot, on: profile, policy: policy)
                let cell = matrix.cells[row][column]
                #expect(cell.verdict == plan.verdict, "\(source.name) on \(profile.name)")
                let counted = plan.units.flatMap(\.losses).filter { $0.restore.pardon == nil }
                let registers = Set(counted.map(\.restore.id))
                #expect(cell.lossCount == registers.count, "\(source.name) on \(profile.name)")
            }
        }
    }

    @Test func rowsAndColumnsKeepTheirOrder() throws {
        let names = ["6.12-neoverse-v1", "6.1-neoverse-n1", "6.12-neoverse-n1"]
        let hosts = ["6.12-neoverse-n1", "6.12-neoverse-v1"]
        let matrix = try MoveMatrix(
            of: sources(names), on: hosts.map(builtIn), policy: RestorePolicy(.safe))
        #expect(
            matrix.sources == [
                "guest of 6.12-neoverse-v1", "guest of 6.1-neoverse-n1",
                "guest of 6.12-neoverse-n1",
            ])
        #expect(matrix.hosts == hosts)
        #expect(
            matrix.cells.map { $0.map(\.verdict) } == [
                [.no, .yes], [.yesWithPolicy("safe"), .no], [.yes, .no],
            ])
        // PMCR_EL0 keeps its own IMP and IDCODE, which is pardoned.
        #expect(matrix.cells[1][0].lossCount == 0)
        #expect(matrix.cells[2][0].lossCount == 0)
    }

    /// Names of hosts, and when a guest was saved, change nothing of a plan; a value does.
    @Test func movesOfOneKindHaveOnePlan() throws {
        var twin = try builtIn("6.1-neoverse-n1")
        twin.name = "twin"
        var hosts = [try builtIn("6.1-neoverse-n1"), twin, twin]
        try hosts[2].set("MIDR_EL1", 5)
        var guests = try sources(["6.12-neoverse-n1", "6.12-neoverse-n1", "6.12-neoverse-n1"])
        guests[1].snapshot.provenance[.time] = "2026-01-01T00:00:00Z"
        try guests[2].snapshot.set("FAR_EL1", 5)
        let moves = MatrixMoves(of: guests, on: hosts, policy: RestorePolicy(.safe))
        let kind = moves.kind(ofGuest: 0, host: 0)
        #expect(moves.kind(ofGuest: 1, host: 1) == kind)
        #expect(moves.kind(ofGuest: 2, host: 0) != kind)
        #expect(moves.kind(ofGuest: 0, host: 2) != kind)
        let plan = try moves.plan(kind)
        #expect(plan.host == "the destination")
        let alone = try MovePlan(
            of: guests[1].snapshot, on: twin, policy: RestorePolicy(.safe))
        #expect(plan.verdict == alone.verdict)
        var sums = [LossSum(), LossSum()]
        for unit in plan.units { sums[0].add(unit) }
        for unit in alone.units { sums[1].add(unit) }
        #expect(sums[0].lost == sums[1].lost && !sums[0].lost.isEmpty)
        #expect(sums[0].causes == sums[1].causes && sums[0].pardoned == sums[1].pardoned)
    }

    /// A host serves many guests with one set of tables: none may leave anything to the next.
    @Test func guestsDoNotMeet() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var lowered = try guest(of: host)
        try lowered.set("ID_AA64ISAR0_EL1", 0)
        try lowered.set("PSCI_VERSION", 0x1_0000)
        try lowered.set("FAR_EL1", 5)
        let plain = MoveMatrix.Source(name: "plain", snapshot: try guest(of: host))
        let matrix = try MoveMatrix(
            of: [plain, .init(name: "lowered", snapshot: lowered), plain], on: [host],
            policy: RestorePolicy(.exact))
        #expect(matrix.cells.map { $0[0].verdict } == [.yes, .yes, .yes])
    }

    @Test func progressReachesTheTotal() throws {
        let progress = Progress()
        _ = try MoveMatrix(
            of: sources(["6.1-max", "6.12-max", "6.12-neoverse-n1"]),
            on: ["6.1-max", "6.12-max", "6.12-neoverse-n1", "6.1-neoverse-n1"].map(builtIn),
            policy: RestorePolicy(.safe)
        ) { done in
            progress.counts.withLock { $0.append(done) }
        }
        let counts = progress.counts.withLock { $0 }
        #expect(counts.max() == 12)
        #expect(counts.allSatisfy { 1...12 ~= $0 })
        #expect(Set(counts).count == counts.count)
    }

    /// A guest of many vCPUs does not look worse than the same guest with one.
    @Test func lossesOfAllVCPUsCountOnceForARegister() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host, vcpus: 3)
        // AArch32 Supervisor mode on two of them: the host has no such mode.
        for index in [0, 2] {
            snapshot.vcpus[index].registers.set(RegisterValue(0x1d3), for: .pstate)
        }
        let matrix = try MoveMatrix(
            of: [.init(name: "three", snapshot: snapshot)], on: [host],
            policy: RestorePolicy(.safe))
        #expect(matrix.cells.map { $0.map(\.verdict) } == [[.no]])
        #expect(matrix.cells[0][0].lossCount == 1)
    }

    @Test func pardonedLossesAreNotCounted() throws {
        let host = try builtIn("6.12-neoverse-n1")
        var snapshot = try guest(of: host)
        try snapshot.set("VENDOR_HYP_BMAP_2", 0)
        let source = MoveMatrix.Source(name: "new", snapshot: snapshot)
        let safe = try MoveMatrix(of: [source], on: [host], policy: RestorePolicy(.safe))
        #expect(safe.cells[0][0].verdict == .yesWithPolicy("safe"))
        #expect(safe.cells[0][0].lossCount == 0)
        let exact = try MoveMatrix(of: [source], on: [host], policy: RestorePolicy(.exact))
        #expect(exact.cells[0][0].verdict == .no)
        #expect(exact.cells[0][0].lossCount == 1)
    }

    /// The counter's speed is no register, and yet it can say no.
    @Test func counterFrequencyCounts() throws {
        var host = try builtIn("6.12-neoverse-n1")
        let source = MoveMatrix.Source(name: "guest", snapshot: try guest(of: host))
        host.counterFrequency = 1_000_000_000
        let matrix = try MoveMatrix(of: [source], on: [host], policy: RestorePolicy(.safe))
        #expect(matrix.cells[0][0].verdict == .no)
        #expect(matrix.cells[0][0].lossCount == 0)
    }

    @Test func emptyMatrix() throws {
        let host = try builtIn("6.12-neoverse-n1")
        let none = try MoveMatrix(of: [], on: [host], policy: RestorePolicy(.safe))
        #expect(none.cells.isEmpty && none.hosts == ["6.12-neoverse-n1"])
        let nowhere = try MoveMatrix(
            of: sources(["6.12-max"]), on: [], policy: RestorePolicy(.safe))
        #expect(nowhere.cells == [[]])
    }
}
