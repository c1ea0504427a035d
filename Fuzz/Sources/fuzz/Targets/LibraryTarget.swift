import CVCPUSnap
import VCPUSnap

/// Calls of libvcpusnap, with objects, numbers and texts that the input chooses, and a bank that answers as it says.
struct LibraryTarget: Target {
    let name = "library"

    var seeds: [[UInt8]] {
        var all: [UInt8] = []
        for call in 0..<UInt8(LibraryCalls.count) { all += [call, 0, 0, 8] }
        return [
            all, all + all.reversed(), [4, 0, 0, 0, 7, 0, 0, 0, 15, 0, 0, 0, 16, 0, 0, 0],
        ]
    }

    func use(_ bytes: [UInt8]) {
        let calls = LibraryCalls(bytes)
        calls.makeAll()
        calls.destroyAll()
    }
}

/// The calls of one input.
private final class LibraryCalls {
    /// How many different calls there are.
    static let count = 24
    /// The most calls of one input.
    private static let most = 32
    private static let numbers: [Int] = [0, 1, 2, 8, 16, 256, 257, 4096, .max, -1, .min]

    private let bytes: [UInt8]
    private var place = 0
    private var machines: [OpaquePointer] = []
    private var captures: [OpaquePointer] = []
    private var snapshots: [OpaquePointer] = []
    private var policies: [OpaquePointer] = []
    private var reports: [OpaquePointer] = []
    private var hosts: [OpaquePointer] = []
    private var differences: [OpaquePointer] = []
    private var error = vcpusnap_error()

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private func next() -> UInt8 {
        defer { place += 1 }
        return place < bytes.count ? bytes[place] : 0
    }

    private func number() -> Int { Self.numbers[Int(next()) % Self.numbers.count] }

    /// One of some objects, or none.
    private func pick(_ objects: [OpaquePointer]) -> OpaquePointer? {
        let choice = Int(next())
        return objects.isEmpty || choice == 255 ? nil : objects[choice % objects.count]
    }

    /// What is left of the input, as a text.
    private var text: [CChar] {
        bytes.dropFirst(place).prefix(64).filter { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
    }

    func makeAll() {
        for _ in 0..<Self.most where place < bytes.count { makeOne(Int(next()) % Self.count) }
    }

    private func check(_ status: vcpusnap_status) {
        guard status != VCPUSNAP_OK else { return }
        expect(error.status == status, "the error has another status than the call")
        expect(error.message.0 != 0, "a failure says nothing")
    }

    private func keep(
        _ objects: inout [OpaquePointer],
        _ make: (UnsafeMutablePointer<OpaquePointer?>) -> vcpusnap_status
    ) {
        var made: OpaquePointer?
        let status = make(&made)
        check(status)
        expect(
            (made != nil) == (status == VCPUSNAP_OK),
            "a failure made something, or a success nothing")
        if let made { objects.append(made) }
    }

    private func makeOne(_ call: Int) {
        switch call {
        case 0..<8: makeObject(call)
        case 8..<14: changeObject(call)
        default: ask(call)
        }
    }

    private func makeObject(_ call: Int) {
        switch call {
        case 0: keep(&snapshots) { vcpusnap_save(pick(machines), $0, &error) }
        case 1: keep(&captures) { vcpusnap_prepare(pick(machines), $0, &error) }
        case 2: keep(&snapshots) { vcpusnap_capture_finish(pick(captures), $0, &error) }
        case 3:
            let given = Array(bytes.dropFirst(place))
            let content = next() % 2 == 0 ? Guests.small : given
            let size = next() % 4 == 0 ? min(content.count, max(0, number())) : content.count
            keep(&snapshots) { vcpusnap_snapshot_decode(content, size, $0, &error) }
        case 4:
            var banks = [bank(0), bank(1)]
            let count = next() % 4 == 3 ? number() : Int(next() % 3)
            keep(&machines) {
                vcpusnap_machine_create_from_banks(
                    &banks, count > 2 ? .max : count, nil, $0, &error)
            }
        case 5: keep(&policies) { vcpusnap_policy_create(text, $0, &error) }
        case 6: keep(&hosts) { vcpusnap_host_open("6.1-cortex-a57", $0, &error) }
        default:
            keep(&reports) {
                vcpusnap_plan(pick(snapshots), pick(hosts), pick(policies), $0, &error)
            }
        }
    }

    private func changeObject(_ call: Int) {
        var value = [UInt8](repeating: next(), count: 256)
        var length = 0
        switch call {
        case 8:
            check(
                vcpusnap_snapshot_set(
                    pick(snapshots), unit(), id(), value, min(256, number()), &error))
        case 9:
            check(
                vcpusnap_snapshot_get(
                    pick(snapshots), unit(), id(), &value, min(256, number()), &length, &error))
        case 10:
            check(vcpusnap_snapshot_set_provenance(pick(snapshots), text, text, &error))
        case 11: check(vcpusnap_capture_read(pick(captures), &error))
        case 12:
            keep(&differences) { vcpusnap_compare(pick(snapshots), pick(snapshots), $0, &error) }
        default: restore()
        }
    }

    private func restore() {
        var options = vcpusnap_restore_options()
        options.size = next() % 8 == 0 ? number() : MemoryLayout<vcpusnap_restore_options>.stride
        options.policy = pick(policies)
        options.strict = Int32(next() % 2)
        options.clock = vcpusnap_clock(rawValue: UInt32(next() % 6))
        options.has_tables = Int32(next() % 2)
        keep(&reports) {
            vcpusnap_restore(pick(snapshots), pick(machines), &options, $0, &error)
        }
    }

    private func ask(_ call: Int) {
        var room = [CChar](repeating: 0, count: 4096)
        switch call {
        case 14:
            var outcome = vcpusnap_outcome()
            var field = vcpusnap_field_difference()
            let report = pick(reports)
            while vcpusnap_report_next(report, &outcome) != 0 {
                expect(outcome.name != nil, "a register without a name")
                while vcpusnap_report_next_field(report, &field) != 0 {}
            }
        case 15: _ = vcpusnap_report_json(pick(reports))
        case 16: _ = vcpusnap_report_loss_count(pick(reports))
        case 17:
            var entry = vcpusnap_register_difference()
            while vcpusnap_difference_next(pick(differences), &entry) != 0 {}
        case 18: _ = vcpusnap_snapshot_register_id(pick(snapshots), unit(), number())
        case 19: _ = vcpusnap_snapshot_vcpu_index(pick(snapshots), number())
        case 20: _ = vcpusnap_register_name(id(), &room, min(room.count, number()))
        case 21:
            let value = [UInt8](repeating: next(), count: 256)
            _ = vcpusnap_register_describe(id(), value, min(256, number()), &room, room.count)
        case 22:
            var found: UInt64 = 0
            check(vcpusnap_register_find(text, &found, &error))
        default:
            var (start, size): (UnsafeRawPointer?, Int) = (nil, 0)
            check(vcpusnap_snapshot_encode(pick(snapshots), &start, &size, &error))
        }
    }

    private func unit() -> Int64 { [-1, 0, 1, .max, .min][Int(next()) % 5] }

    private func id() -> UInt64 {
        let known: [RegisterID] = [.tpidrEL1, .vcpuInit, .vcpuEvents, .z(0), .clockCntvct]
        let choice = Int(next())
        return choice < 128 ? known[choice % known.count].rawValue : UInt64(choice) << 52 | 0x30
    }

    // MARK: Banks

    private func bank(_ index: UInt32) -> vcpusnap_bank {
        vcpusnap_bank(
            context: Unmanaged.passUnretained(self).toOpaque(), index: index,
            list: { context, ids, capacity, count in
                LibraryCalls.of(context).list(ids, capacity, count)
            },
            read: { context, _, value, size in LibraryCalls.of(context).read(value, size) },
            write: { context, _, _, _ in LibraryCalls.of(context).answer() })
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> LibraryCalls {
        guard let context else { fatalError("a bank without its context") }
        return Unmanaged<LibraryCalls>.fromOpaque(context).takeUnretainedValue()
    }

    private func list(
        _ ids: UnsafeMutablePointer<UInt64>?, _ capacity: Int, _ count: UnsafeMutablePointer<Int>?
    ) -> Int32 {
        let listed = Int(next() % 8)
        for place in 0..<min(listed, capacity) { ids?[place] = id() }
        count?.pointee = next() == 255 ? number() : listed
        return answer()
    }

    private func read(_ value: UnsafeMutableRawPointer?, _ size: Int) -> Int32 {
        value?.initializeMemory(as: UInt8.self, repeating: next(), count: size)
        return answer()
    }

    private func answer() -> Int32 {
        switch next() {
        case 254: .min
        case 255: 16
        case 253: -22
        default: 0
        }
    }

    func destroyAll() {
        for object in captures { vcpusnap_capture_destroy(object) }
        for object in reports { vcpusnap_report_destroy(object) }
        for object in differences { vcpusnap_difference_destroy(object) }
        for object in snapshots { vcpusnap_snapshot_destroy(object) }
        for object in policies { vcpusnap_policy_destroy(object) }
        for object in hosts { vcpusnap_host_destroy(object) }
        for object in machines { vcpusnap_machine_destroy(object) }
    }
}
