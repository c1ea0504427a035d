internal import Registers
internal import VCPUModel

/// The content of the VCPU chunk: which vCPUs there are, which registers each has, and the values.
struct VCPUChunk {
    /// How a vCPU's set of registers is written.
    enum Members {
        /// Every id of the table.
        static let all: UInt8 = 0
        /// Those of the vCPU before.
        static let asBefore: UInt8 = 1
        /// A bit for each id of the table follows, the first in bit 0 of the first byte.
        static let bitmap: UInt8 = 2
    }

    var vcpus: [VCPUState]
    /// The ids of all vCPUs, ascending.
    var ids: [RegisterID]

    init(_ vcpus: [VCPUState]) {
        self.vcpus = vcpus
        var union: Set<RegisterID> = []
        var previous: [RegisterID]?
        for vcpu in vcpus where vcpu.registers.ids != previous {
            union.formUnion(vcpu.registers.ids)
            previous = vcpu.registers.ids
        }
        ids = union.sorted()
    }
}

extension VCPUChunk {
    func encoded() throws(SnapshotFormatError) -> [UInt8] {
        try check()
        var writer = ByteWriter()
        writer.append(ascending: vcpus.map { UInt64($0.index) })
        writer.append(ascending: ids.map(\.rawValue))
        var previous: [RegisterID]?
        for vcpu in vcpus {
            writer.append(members(vcpu.registers.ids, after: previous))
            previous = vcpu.registers.ids
        }
        let (codes, values) = encodedValues()
        for row in codes { writer.append(row) }
        writer.append(values)
        return writer.bytes
    }

    private func check() throws(SnapshotFormatError) {
        for (vcpu, next) in zip(vcpus, vcpus.dropFirst()) where vcpu.index >= next.index {
            throw SnapshotFormatError(
                .invalidSnapshot, chunk: .vcpus,
                "vCPU \(next.index) comes after vCPU \(vcpu.index); sort them by index")
        }
        let valueBytes = vcpus.reduce(0) { $0 + $1.registers.values.reduce(0) { $0 + $1.size } }
        let counts = [
            ("number of vCPUs", vcpus.count, SnapshotLimits.vcpus),
            ("number of register ids", ids.count, SnapshotLimits.registers),
            ("number of vCPUs times ids", vcpus.count * ids.count, SnapshotLimits.cells),
            ("size of all values in bytes", valueBytes, SnapshotLimits.valueBytes),
        ]
        for (what, value, limit) in counts where value > limit {
            throw SnapshotFormatError(
                .limitExceeded, chunk: .vcpus, "the \(what) is \(value), the limit is \(limit)")
        }
    }

    private func members(_ own: [RegisterID], after previous: [RegisterID]?) -> [UInt8] {
        if own.count == ids.count { return [Members.all] }
        if own == previous { return [Members.asBefore] }
        var bitmap = [UInt8](repeating: 0, count: (ids.count + 7) / 8)
        var rest = own[...]
        for (place, id) in ids.enumerated() where id == rest.first {
            bitmap[place / 8] |= 1 << UInt8(place % 8)
            rest.removeFirst()
        }
        return [Members.bitmap] + bitmap
    }

    /// A row of codes for each vCPU, and the values register after register.
    private func encodedValues() -> (codes: [[UInt8]], values: [UInt8]) {
        var codes = vcpus.map { _ in [UInt8]() }
        var values: [UInt8] = []
        for id in ids {
            var earlier = ValueCode.Earlier()
            for (place, vcpu) in vcpus.enumerated() {
                // The row is as long as the registers written, so it is also the next one's place.
                let next = codes[place].count
                guard next < vcpu.registers.count, vcpu.registers.ids[next] == id
                else { continue }
                let value = vcpu.registers.values[next]
                let (code, bytes) = ValueCode.encode(value, after: earlier)
                codes[place].append(code)
                values.append(contentsOf: bytes)
                earlier.append(value)
            }
        }
        return (codes, values)
    }
}
