import VCPUSnap

extension Snapshot {
    /// Changes what it says, so that it stays a sound one.
    mutating func mutate(_ random: inout Random) {
        guard !vcpus.isEmpty else {
            return vcpus.append(VCPUState(index: 0, registers: RegisterList()))
        }
        let index = random.below(vcpus.count)
        switch random.below(11) {
        case 0: mutateProvenance(&random)
        case 1: addVCPU(like: index, &random)
        case 2: vcpus.remove(at: index)
        case 3: vcpus[index].registers.removeSome(&random)
        case 4: vcpus[index].registers.addOne(&random)
        case 5: vcpus[index].registers.mutateInit(&random)
        case 6: mutateVM(&random)
        default:
            for _ in 0...random.below(4) { vcpus[index].registers.mutateValue(&random) }
        }
    }

    private mutating func addVCPU(like index: Int, _ random: inout Random) {
        var copy = vcpus[index]
        let last = vcpus[vcpus.count - 1].index
        copy.index = last &+ (random.once(in: 4) ? UInt32(truncatingIfNeeded: random.number()) : 1)
        guard copy.index > last, vcpus.count < 64 else { return }
        if random.once(in: 2) { copy.registers.mutateValue(&random) }
        vcpus.append(copy)
    }

    private mutating func mutateVM(_ random: inout Random) {
        switch random.below(4) {
        case 0: vm.removeSome(&random)
        case 1: vm.mutateValue(&random)
        default: vm.addOne(&random)
        }
    }

    private mutating func mutateProvenance(_ random: inout Random) {
        let known = [
            "tool", "time", "source", "kernel", "midr", "counter-frequency", "qemu-version", "vmm",
            "capability.KVM_CAP_ARM_SVE", "exit-reason.0", "feature.sve",
            "writable-mask.0x603000000013c020", "x-\u{202e}y",
        ]
        let values = [
            "", "0", "1", "6.12.0", "6.1", "99999999999999999999.1", "0x0", "0x413fd0c1", "MMIO",
            "\u{9b}31m",
        ]
        let key = Provenance.Key(rawValue: known[random.below(known.count)])
        var value = values[random.below(values.count)]
        if random.once(in: 2), let old = provenance[key] {
            value = String(decoding: mutated(Array(old.utf8), most: 64), as: UTF8.self)
        }
        provenance[key] = value
    }
}

extension RegisterList {
    fileprivate mutating func mutateValue(_ random: inout Random) {
        guard count > 0 else { return }
        let id = ids[random.below(count)]
        guard let size = id.size, let old = self[id] else { return }
        var bytes = old.littleEndianBytes
        if random.once(in: 3) {
            bytes[random.below(size)] ^= 1 << UInt8(random.below(8))
        } else {
            bytes.setLittle(
                random.number(), Swift.min(8, size), at: size > 8 ? 8 * random.below(size / 8) : 0)
        }
        if let value = RegisterValue(littleEndian: bytes) { set(value, for: id) }
    }

    fileprivate mutating func mutateInit(_ random: inout Random) {
        guard let old = self[.vcpuInit] else { return }
        var bytes = old.littleEndianBytes
        if bytes.count > 8 { bytes[4 + random.below(2)] ^= 1 << UInt8(random.below(8)) }
        if let value = RegisterValue(littleEndian: bytes) { set(value, for: .vcpuInit) }
    }

    fileprivate mutating func removeSome(_ random: inout Random) {
        let first = random.below(count)
        let dropped = Set(
            ids.dropFirst(first).prefix(1 + random.below(random.once(in: 4) ? count : 3)))
        let pairs = zip(ids, values).filter { !dropped.contains($0.0) }.map { ($0.0, $0.1) }
        if let list = RegisterList(pairs) { self = list }
    }

    fileprivate mutating func addOne(_ random: inout Random) {
        let all = RegisterDictionary.all
        var id = all[all.index(all.startIndex, offsetBy: random.below(all.count))].id
        if random.once(in: 8) {
            id = RegisterID(rawValue: id.rawValue ^ (1 << UInt64(random.below(64))))
        }
        guard let size = id.size else { return }
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.setLittle(random.number(), Swift.min(8, size), at: 0)
        if let value = RegisterValue(littleEndian: bytes) { set(value, for: id) }
    }
}
