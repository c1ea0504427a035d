import Registers
import SeededRandom
import VCPUModel

/// Snapshots of random shape: shared and differing register lists, equal, stepping and random
/// values of every size, texts of several bytes a character.
struct RandomSnapshot {
    private var generator: SeededGenerator
    private var pool: [RegisterID] = []

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func next() -> Snapshot {
        pool = (0..<Int.random(in: 0...60, using: &generator)).map { _ in randomID() }
        var provenance = Provenance()
        for number in 0..<Int.random(in: 0...5, using: &generator) {
            provenance[.init(rawValue: "key\(number)")] = ["", "x", "größer", "値"].randomElement(
                using: &generator)
        }
        var index = UInt32.random(in: 0...3, using: &generator)
        var vcpus: [VCPUState] = []
        for _ in 0..<Int.random(in: 0...9, using: &generator) {
            vcpus.append(VCPUState(index: index, registers: registers(after: vcpus.last)))
            index += UInt32.random(in: 1...300, using: &generator)
        }
        let vm = Bool.random(using: &generator) ? registers(after: nil) : RegisterList()
        return Snapshot(provenance: provenance, vcpus: vcpus, vm: vm)
    }

    private mutating func randomID() -> RegisterID {
        let architecture = [0x60, 0x60, 0x76, 0x40, 0xff].randomElement(using: &generator) ?? 0x60
        let exponent = UInt64.random(in: 0...8, using: &generator)
        let low = UInt64.random(in: 0...0xff_ffff, using: &generator)
        return RegisterID(rawValue: UInt64(architecture) << 56 | exponent << 52 | low)
    }

    private mutating func registers(after previous: VCPUState?) -> RegisterList {
        var list = previous?.registers ?? RegisterList()
        if previous == nil || Bool.random(using: &generator) {
            list = RegisterList()
            for id in pool where UInt8.random(in: 0...9, using: &generator) != 0 {
                list.set(previous?.registers[id] ?? randomValue(id), for: id)
            }
        }
        for (id, value) in list where UInt8.random(in: 0...2, using: &generator) == 0 {
            let steps = value.bits.map { RegisterValue($0 &+ 16, size: value.size) }
            list.set(
                Bool.random(using: &generator) ? steps ?? value : randomValue(id), for: id)
        }
        return list
    }

    private mutating func randomValue(_ id: RegisterID) -> RegisterValue {
        let size = id.size ?? 1
        let significant = Int.random(in: 0...size, using: &generator)
        let bytes = (0..<size).map {
            $0 < significant ? UInt8.random(in: 0...255, using: &generator) : 0
        }
        return RegisterValue(littleEndian: bytes) ?? RegisterValue(0)
    }
}
