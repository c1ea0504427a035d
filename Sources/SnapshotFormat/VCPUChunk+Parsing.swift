internal import Registers
internal import TextFormats
internal import VCPUModel

extension VCPUChunk {
    init(
        parsing reader: inout ByteReader, header: SnapshotHeader
    ) throws(SnapshotFormatError) {
        let indexes = try Self.indexes(&reader, count: header.vcpuCount)
        let table = try reader.registerTable(header.registerCount)
        let members = try Self.members(&reader, vcpus: indexes.count, ids: table.count)
        try Self.checkSize(members, table, reader)
        var codes: [ArraySlice<UInt8>] = []
        for each in members {
            codes.append(try reader.take(each.count, "the value codes of a vCPU"))
        }
        let registers = try Self.values(&reader, table: table, members: members, codes: codes)
        try reader.finish()
        ids = table.map(\.id)
        vcpus = []
        var known: (places: [Int], ids: [RegisterID]) = ([], [])
        for (vcpu, index) in indexes.enumerated() {
            // vCPUs that have the same registers share the list of them.
            if members[vcpu] != known.places {
                known = (members[vcpu], members[vcpu].map { ids[$0] })
            }
            guard let list = RegisterList(ids: known.ids, values: registers[vcpu]) else {
                throw reader.malformed("the registers of vCPU \(index) are not a list")
            }
            vcpus.append(VCPUState(index: index, registers: list))
        }
    }

    private static func indexes(
        _ reader: inout ByteReader, count: Int
    ) throws(SnapshotFormatError) -> [UInt32] {
        let numbers = try reader.ascendingNumbers(count, "a vCPU index")
        if let last = numbers.last, last > UInt32.max {
            throw reader.malformed("the vCPU index \(last) is above 32 bits")
        }
        return numbers.map { UInt32(truncatingIfNeeded: $0) }
    }

    /// The places in the table of each vCPU's registers.
    private static func members(
        _ reader: inout ByteReader, vcpus: Int, ids: Int
    ) throws(SnapshotFormatError) -> [[Int]] {
        var members: [[Int]] = []
        let all = Array(0..<ids)
        var isUsed = [Bool](repeating: vcpus == 0, count: ids)
        for _ in 0..<vcpus {
            switch (try reader.byte("a set of registers"), members.last) {
            case (Members.all, _): members.append(all)
            case (Members.asBefore, let previous?): members.append(previous)
            case (Members.bitmap, _): members.append(try places(&reader, ids: ids))
            case (let other, _):
                throw reader.malformed("a set of registers has selector \(other)")
            }
            for place in members.last ?? [] { isUsed[place] = true }
        }
        guard vcpus > 0 || ids == 0, isUsed.allSatisfy({ $0 }) else {
            throw reader.malformed("a register id belongs to no vCPU")
        }
        return members
    }

    private static func places(
        _ reader: inout ByteReader, ids: Int
    ) throws(SnapshotFormatError) -> [Int] {
        let bitmap = Array(try reader.take((ids + 7) / 8, "a set of registers"))
        let set = (0..<bitmap.count * 8).filter { bitmap[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
        guard set.last ?? 0 < max(ids, 1) else {
            throw reader.malformed("a set of registers has bits beyond the last register")
        }
        return set
    }

    /// A code of one byte can stand for a value of 256, so this is checked before any value.
    private static func checkSize(
        _ members: [[Int]], _ table: [(id: RegisterID, size: Int)], _ reader: ByteReader
    ) throws(SnapshotFormatError) {
        let total = members.reduce(0) { $0 + $1.reduce(0) { $0 + table[$1].size } }
        guard total <= SnapshotLimits.valueBytes else {
            throw reader.error(
                .limitExceeded,
                "the size of all values is \(total) bytes, the limit is "
                    + "\(SnapshotLimits.valueBytes)")
        }
    }

    private static func values(
        _ reader: inout ByteReader, table: [(id: RegisterID, size: Int)], members: [[Int]],
        codes: [ArraySlice<UInt8>]
    ) throws(SnapshotFormatError) -> [[RegisterValue]] {
        var registers = members.map { members in
            var values: [RegisterValue] = []
            values.reserveCapacity(members.count)
            return values
        }
        for (place, entry) in table.enumerated() {
            var earlier = ValueCode.Earlier()
            for vcpu in members.indices {
                let next = registers[vcpu].count
                guard next < members[vcpu].count, members[vcpu][next] == place else { continue }
                let code = codes[vcpu][codes[vcpu].startIndex + next]
                let value = try ValueCode.decode(
                    code, size: entry.size, after: earlier, &reader)
                registers[vcpu].append(value)
                earlier.append(value)
            }
        }
        return registers
    }
}

extension ByteReader {
    /// Register ids with the sizes of their values.
    mutating func registerTable(
        _ count: Int
    ) throws(SnapshotFormatError) -> [(id: RegisterID, size: Int)] {
        var table: [(id: RegisterID, size: Int)] = []
        for number in try ascendingNumbers(count, "a register id") {
            let id = RegisterID(rawValue: number)
            guard let size = id.size else {
                throw malformed(
                    "the register id \(number.hex) has a size that KVM does not define")
            }
            table.append((id, size))
        }
        return table
    }
}
