import LinuxSystem
import Registers
import Testing
import Transfer
import VCPUModel

/// The VM's own state beside that of its vCPUs.
///
/// No kind of it is known yet, so these ids are nobody's.
@Suite("Restore: units")
struct UnitRestoreTests {
    private let ids = (0..<2).map { RegisterID(rawValue: 0x7630_0000_ffff_0000 + $0) }

    private func bank(_ values: [RegisterID: UInt64]) -> BehavingBank {
        let bank = BehavingBank()
        for (id, bits) in values { bank.add(id, bits) }
        return bank
    }

    /// A snapshot of a VM with two registers of its own, and of one vCPU.
    private var snapshot: Snapshot {
        Snapshot(
            provenance: Provenance(),
            vcpus: [VCPUState(index: 3, registers: bank([.x(0): 7]).state().registers)],
            vm: bank([ids[0]: 1, ids[1]: 2]).state().registers)
    }

    private func restored(
        into vcpus: [any RegisterBank], vm: (any RegisterBank)?,
        _ options: Restore.Options = Restore.Options(), of other: Snapshot? = nil
    ) throws -> [RestoreReport] {
        Array(try Restore.perform(other ?? snapshot, into: vcpus, vm: vm, options: options))
    }

    @Test func theVMComesFirst() {
        #expect(snapshot.units.map(\.unit) == [.vm, .vcpu(3)])
        var other = snapshot
        other.vm = RegisterList()
        #expect(other.units.map(\.unit) == [.vcpu(3)])
    }

    @Test func bothAreRestored() throws {
        let (vm, vcpu) = (bank([ids[0]: 0, ids[1]: 0]), bank([.x(0): 0]))
        let reports = try restored(into: [vcpu], vm: vm)
        #expect(reports.map(\.unit) == [.vm, .vcpu(3)])
        #expect(reports.map(\.isComplete) == [true, true])
        #expect(try vm.read(ids[1]).bits == 2)
        #expect(try vcpu.read(.x(0)).bits == 7)
    }

    @Test func aVMWithoutStateOfItsOwnLacksEachRegister() throws {
        let reports = try restored(into: [bank([.x(0): 0])], vm: nil)
        #expect(reports[0].registers.map(\.outcome) == [.absent, .absent])
        #expect(reports[0].losses.map(\.id) == ids)
        #expect(reports[1].isComplete)
    }

    @Test func whatOnlyTheTargetsVMHasIsTold() throws {
        var other = snapshot
        other.vm = RegisterList()
        let reports = try restored(into: [bank([.x(0): 0])], vm: bank([ids[0]: 5]), of: other)
        #expect(reports.map(\.unit) == [.vm, .vcpu(3)])
        #expect(reports[0].registers.map(\.outcome) == [.untouched])
        #expect(reports[0].isComplete)
    }

    /// What no vCPU can do without is no matter of the VM's.
    @Test func nothingIsMissingOfAVM() throws {
        let vm = bank([ids[0]: 0, ids[1]: 0, .pstate: 0x3c5])
        let reports = try restored(into: [bank([.x(0): 0])], vm: vm)
        #expect(reports[0].registers.map(\.outcome) == [.untouched, .taken, .taken])
    }

    @Test func aLossOfAVCPUPutsTheVMBack() throws {
        let (vm, vcpu) = (bank([ids[0]: 8, ids[1]: 9]), BehavingBank())
        vcpu.add(.x(0), 0, .refuses(.invalidArgument))
        var options = Restore.Options()
        options.isStrict = true
        let reports = try restored(into: [vcpu], vm: vm, options)
        #expect(reports[0].undo?.map(\.isUndone) == [true, true])
        #expect(try vm.read(ids[0]).bits == 8 && vm.read(ids[1]).bits == 9)
    }

    @Test func aVMAloneIsNotRestored() {
        do throws(RestoreError) {
            _ = try Restore.run([snapshot.units[0]], into: [bank([:])])
            Issue.record("there is no vCPU")
        } catch {
            #expect(error == .noVCPU)
        }
    }
}
