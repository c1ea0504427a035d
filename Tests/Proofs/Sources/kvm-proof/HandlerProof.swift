import GuestPrograms
import OwnVMM
import VCPUSnap

/// A guest is stopped in the handler of an interrupt, while an interrupt of each kind is pending, and goes on from there on
/// another host: every attribute of the interrupt controller is what it was, and the interrupts come in their order.
struct HandlerProof {
    private let guest: HandlerGuest

    init() throws {
        let result = guest_interrupt_prepare()
        if result < 0 { throw Errno(rawValue: -result) }
        guest = try HandlerGuest()
    }

    /// Saves it in a file, and its memory beside it; the guest itself goes on, too.
    func save(to path: String) throws -> Bool {
        try guest.start()
        try guest.machine.banks.saveTables()
        let snapshot = try guest.machine.snapshot()
        try AtomicFile.replace(path, with: [try SnapshotWriter.encode(snapshot, level: 3)])
        try AtomicFile.replace(path + ".memory", with: StateFiles.pages(of: guest.memory))
        let isUndisturbed = try guest.takesTheRest()
        return try activeTimerIsToldToBeLost() && isUndisturbed
    }

    /// KVM takes no active bit of a timer's interrupt once the VM has run, and says nothing.
    private func activeTimerIsToldToBeLost() throws -> Bool {
        let active = try RegisterID(named: "GICR_ISACTIVER0")
        let wanted = RegisterValue(UInt64(1 << 27 | 1 << 20), size: 4)
        let banks = guest.machine.banks
        try banks.vcpus[0].write(wanted, to: active)
        let found = try banks.vcpus[0].read(active)
        print("active PPIs 20 and 27 are", found)
        return found.lowBits == 1 << 20
    }

    /// - Parameter without: what is left out, of which the guest must then not go on as it was.
    func restore(from path: String, without: [RegisterPattern]) throws -> Bool {
        let limit = 16 << 20
        let saved = try SnapshotReader.decode(try File.read(path, limit: limit))
        try StateFiles.fill(guest.memory, from: try File.read(path + ".memory", limit: limit))
        let banks = guest.machine.banks
        var refusal: KVMError?
        var options = Restore.Options()
        options.policy = RestorePolicy(.exact).ignoring(without)
        let account = try Restore.perform(
            saved, into: banks.vcpus, vm: banks.vm, options: options
        ) {
            do throws(KVMError) { try banks.restoreTables() } catch { refusal = error }
        }
        if let refusal { throw refusal }
        let hasTables = try tablesAreRestored(banks)
        let refused = account.flatMap { report in
            report.losses.filter { Self.isOfController($0.id) }.map { loss in
                "refused: \(report.unit) \(loss.id) \(loss.outcome.name) \(loss.reason ?? "")"
            }
        }
        let before = Self.attributes(of: saved)
        let after = Self.attributes(of: try guest.machine.snapshot())
        let different = before.filter { after[$0.key] != $0.value }.map { place, value in
            "different: \(place) \(value), now \(after[place].map { "\($0)" } ?? "absent")"
        }
        for line in refused + different.sorted() { print(line) }
        print("\(before.count) attributes, \(refused.count) refused, \(different.count) different")
        return try guest.takesTheRest() && hasTables && refused.isEmpty && different.isEmpty
    }

    /// KVM refuses a second time, when the pending bits are gone from the guest's memory.
    private func tablesAreRestored(_ banks: KVMMachine) throws -> Bool {
        do throws(KVMError) {
            try banks.restoreTables()
        } catch {
            guard error.errno == .exists else { throw error }
            return true
        }
        print("the ITS had no tables")
        return false
    }

    /// All but the number of an interrupt that older kernels do not know.
    private static func isOfController(_ id: RegisterID) -> Bool {
        guard let attribute = id.deviceAttribute, attribute.device != .vcpu else { return false }
        return attribute.group != DeviceAttribute.GICGroup.maintenanceInterrupt.rawValue
    }

    private static func attributes(of snapshot: Snapshot) -> [String: RegisterValue] {
        var found: [String: RegisterValue] = [:]
        for unit in snapshot.units {
            for id in unit.registers.ids where isOfController(id) {
                found["\(unit.unit) \(id)"] = unit.registers[id]
            }
        }
        return found
    }
}
