import AttachSeam
import Glibc
import VCPUSnap

/// What the tests ask of the module Attach, on a machine with arm64 KVM.
///
///     attach-proof list
///     attach-proof dump PID [routine|chains|single]     every register, a line each
///     attach-proof devices PID [routine|chains|single]  every attribute of devices, a line each
///     attach-proof loop PID COUNT [routine|chains|single]
///     attach-proof ratio PID COUNT [routine|chains|single]    with the interrupt controller, against without, in turns
///     attach-proof steps PID COUNTS [routine|chains|single]   signals come, and the program ends, at every step
///     attach-proof random-steps PID COUNTS TIMES SEED [routine|chains|single]   and at random ones
///     attach-proof ended PID COUNTS STEP [routine|chains|single]   it is killed at a step; status 8: there is none
///     attach-proof hold PID                      keeps it stopped until its input ends
///     attach-proof write PID REGISTER VALUE      writes it to the VM or to every vCPU, and reads it back
@main
enum Main {
    static func main() {
        let arguments = CommandLine.arguments
        do {
            try run(Array(arguments.dropFirst()))
        } catch {
            print("attach-proof: \(error)")
            exit(1)
        }
    }

    private static func run(_ arguments: [String]) throws {
        let number = arguments.count > 1 ? Int(arguments[1]) ?? 0 : 0
        switch arguments.first {
        case "list": try list()
        case "dump": try dump(number, method(arguments, 2))
        case "devices": try devices(number, method(arguments, 2))
        case "loop": try loop(number, Int(arguments[2]) ?? 1, method(arguments, 3))
        case "ratio": try ratio(number, Int(arguments[2]) ?? 1, method(arguments, 3))
        case "steps":
            try steps(number, arguments[2], method(arguments, 3)) { steps in try steps.each() }
        case "random-steps":
            let (times, seed) = (Int(arguments[3]) ?? 1, UInt64(arguments[4]) ?? 1)
            try steps(number, arguments[2], method(arguments, 5)) { steps in
                try steps.random(times, seed: seed)
            }
        case "ended":
            try Kill(process: number, step: Int(arguments[3]) ?? 0)
                .perform(counts: arguments[2], method(arguments, 4))
        case "hold": try hold(number)
        case "write": try write(number, arguments[2], arguments[3])
        default: exit(64)
        }
    }

    private static func method(_ arguments: [String], _ index: Int) -> AttachedVM.Method? {
        guard arguments.count > index else { return nil }
        let methods: [String: AttachedVM.Method] = [
            "routine": .routine, "chains": .chains, "single": .singleCalls,
        ]
        return methods[arguments[index]]
    }

    /// Milliseconds: single calls in an emulated machine take long.
    private static let maximumPause = 600_000

    private static func list() throws {
        let table = try ProcessTable.read()
        for vmm in table.vmms {
            print("\(vmm.process) \(vmm.name)")
            for vm in vmm.vms {
                print("  vm \(vm.descriptor): \(vm.vcpus.map { "\($0.index)@\($0.descriptor)" })")
            }
        }
        print("hidden: \(table.unreadableProcesses)")
    }

    private static func capture(
        _ process: Int, _ method: AttachedVM.Method?, leavingOut: Set<RegisterCategory> = []
    ) throws -> (AttachedVM, AttachedVM.Cost) {
        guard let vm = try VMMProcess(process: process).vms.first else { exit(6) }
        var purpose = AttachedVM.Purpose(method: method, maximumPause: maximumPause)
        purpose.leavesOut = leavingOut
        return try AttachedVM.capture(vm, of: process, for: purpose)
    }

    private static func describe(_ cost: AttachedVM.Cost) -> String {
        "\(cost.method), \(cost.threads) threads, \(cost.stops) stops, \(cost.nanoseconds / 1000) us"
    }

    /// As the target's own `--dump`: KVM's list only.
    private static func dump(_ process: Int, _ method: AttachedVM.Method?) throws {
        let (vm, cost) = try capture(process, method)
        for bank in vm.banks {
            for id in try bank.list() {
                print("\(bank.vcpu.index) \(hex(id.rawValue, 16)) \(text(bank, id))")
            }
        }
        let exits = vm.banks.map { $0.exitReason.map(String.init) ?? "?" }
        print("# \(describe(cost)), exits \(exits)")
    }

    /// As the target's own `--gic`: vCPU, or -1 for the VM, group, attribute and value.
    private static func devices(_ process: Int, _ method: AttachedVM.Method?) throws {
        let (attached, cost) = try capture(process, method)
        if let vm = attached.vm { try printAttributes(of: vm, "-1") }
        for bank in attached.banks { try printAttributes(of: bank, "\(bank.vcpu.index)") }
        print("# \(describe(cost))")
    }

    private static func printAttributes(of bank: any RegisterBank, _ unit: String) throws {
        for id in try bank.list() {
            guard let attribute = id.deviceAttribute, attribute.device != .vcpu else { continue }
            var value = try bank.read(id).lowBits
            let number = attribute.attribute
            let hasHalves = [1, 5].contains(attribute.group) && id.size == 8
            if hasHalves {
                print("\(unit) \(hex(attribute.group)) \(hex(number + 4)) \(hex(value >> 32))")
                value &= 0xffff_ffff
            }
            print("\(unit) \(hex(attribute.group)) \(hex(number)) \(hex(value))")
        }
    }

    private static func hex(_ number: some BinaryInteger) -> String {
        String(number, radix: 16)
    }

    private static func text(_ bank: AttachedVCPUBank, _ id: RegisterID) -> String {
        do throws(RegisterBankError) {
            return try bank.read(id).littleEndianBytes.reversed().map { hex(UInt64($0), 2) }
                .joined()
        } catch {
            return "errno \(error.errno.rawValue)"
        }
    }

    private static func hex(_ number: UInt64, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }

    private static func loop(
        _ process: Int, _ count: Int, _ method: AttachedVM.Method?
    ) throws {
        var pauses: [Int64] = []
        var last = ""
        for _ in 0..<count {
            let (vm, cost) = try capture(process, method)
            guard try vm.banks.allSatisfy({ try $0.list().count > 100 }) else { exit(5) }
            pauses.append(cost.nanoseconds / 1000)
            last = describe(cost)
        }
        pauses.sort()
        print("\(count) times; the last: \(last)")
        print(
            "pause: least \(pauses[0]) us, median \(pauses[count / 2]) us, most \(pauses[count - 1]) us"
        )
    }

    private static func ratio(
        _ process: Int, _ count: Int, _ method: AttachedVM.Method?
    ) throws {
        var pauses: [[Int64]] = [[], []]
        for _ in 0..<count {
            for (way, left) in [[], [RegisterCategory.interruptController]].enumerated() {
                let cost = try capture(process, method, leavingOut: Set(left)).1
                pauses[way].append(cost.nanoseconds / 1000)
            }
        }
        for way in pauses.indices { pauses[way].sort() }
        for (name, place) in [("least", 0), ("median", count / 2)] {
            let (with, without) = (pauses[0][place], pauses[1][place])
            let ratio = Double(with) / Double(without)
            print("\(name): \(with) us with, \(without) us without, \(ratio)")
        }
    }

    private static func steps(
        _ process: Int, _ counts: String, _ method: AttachedVM.Method?,
        _ body: (Steps) throws -> Bool
    ) throws {
        guard let steps = try Steps(process, counts: counts, method) else { exit(3) }
        let isSound = try body(steps)
        print("\(attach_seam_begun()) attaches, \(attach_seam_completed()) came to their end")
        if !isSound { exit(7) }
    }

    private static func hold(_ process: Int) throws {
        let vm = try AttachedVM(VMMProcess(process: process).vms.flatMap(\.vcpus), of: process)
        while readLine() != nil {}
        print(try vm.letGo().map(describe) ?? "")
    }

    private static func write(_ process: Int, _ name: String, _ text: String) throws {
        guard let id = RegisterID(parsing: name), let size = id.size,
            let value = RegisterValue(parsing: text, size: size)
        else { exit(64) }
        guard let target = try VMMProcess(process: process).vms.first else { exit(6) }
        let vm = try AttachedVM(target, of: process)
        let own = try vm.vm?.list().contains(id) == true ? vm.vm : nil
        let banks: [any RegisterBank] = own.map { [$0 as any RegisterBank] } ?? vm.banks
        for bank in banks {
            let before = try bank.read(id)
            try bank.write(value, to: id)
            print("\(before) -> \(try bank.read(id))")
        }
        print(try vm.letGo().map(describe) ?? "")
    }
}
