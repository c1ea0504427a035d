import LinuxSystem
import Registers
import Testing
import Transfer
import VCPUModel

/// What KVM says while a vCPU runs is not what it says of a register.
@Suite("Restore: vCPUs that do not stand still, and that cannot be told apart")
struct StandstillTests {
    /// A VM of which a thread is in a call for a vCPU, as its devices see it.
    private final class RunningVM: RegisterBank {
        /// Whether reading is refused, too, as KVM does; else a thread came between.
        let refusesReads: Bool

        init(refusesReads: Bool) { self.refusesReads = refusesReads }

        func list() throws(RegisterBankError) -> [RegisterID] { [.gicdCtlr] }

        func read(_ id: RegisterID) throws(RegisterBankError) -> RegisterValue {
            guard !refusesReads else { throw busy(.read, id) }
            return RegisterValue(0, size: 4)
        }

        func write(_ value: RegisterValue, to id: RegisterID) throws(RegisterBankError) {
            throw busy(.write, id)
        }

        private func busy(
            _ operation: RegisterBankError.Operation, _ id: RegisterID
        ) -> RegisterBankError {
            var error = RegisterBankError(operation, id, .busy, explanation: "a vCPU runs")
            error.isBeyondRules = true
            return error
        }
    }

    private func guest(_ affinities: UInt64...) -> Snapshot {
        var result = Snapshot(provenance: Provenance(), vcpus: [])
        result.vm.set(RegisterValue(0x52, size: 4), for: .gicdCtlr)
        for (index, mpidr) in zip(UInt32(0)..., affinities) {
            let registers = RegisterList([
                (.mpidrEL1, RegisterValue(mpidr)), (.gicrCtlr, RegisterValue(0, size: 4)),
            ])
            result.vcpus.append(VCPUState(index: index, registers: registers ?? RegisterList()))
        }
        return result
    }

    private func banks(of guest: Snapshot) -> [any RegisterBank] {
        guest.vcpus.map { SnapshotBank($0.registers) }
    }

    @Test(arguments: [true, false])
    func itEndsTheRestore(refusesReads: Bool) throws {
        let guest = guest(0x8000_0000)
        let vm = RunningVM(refusesReads: refusesReads)
        do {
            _ = try Restore.perform(guest, into: banks(of: guest), vm: vm)
            Issue.record("it was taken for what the register says")
        } catch .bank(let error) {
            #expect(error.errno == .busy && error.id == .gicdCtlr)
        }
    }

    @Test func itEndsAList() throws {
        let error = #expect(throws: RegisterBankError.self) {
            _ = try RunningVM(refusesReads: true).readIfThere(.gicdCtlr)
        }
        #expect(error?.errno == .busy)
        #expect(throws: RegisterBankError.self) {
            try Capture(of: RunningVM(refusesReads: true))
        }
        #expect(try SnapshotBank(RegisterList()).readIfThere(.gicdCtlr) == nil)
    }

    @Test func vcpusThatCannotBeToldApartAreNamed() throws {
        let guest = guest(0x8000_0001, 0x8000_0002, 0x8000_0001)
        do {
            _ = try Restore.perform(guest, into: banks(of: guest), vm: SnapshotBank(guest.vm))
            Issue.record("one of them answered for the other")
        } catch {
            #expect(error == .sameAffinity(0, 2, mpidr: RegisterValue(0x8000_0001)))
            #expect("\(error)".contains("vCPUs 0 and 2 have the same affinity"))
        }
    }
}
