internal import Registers
internal import VCPUModel

// The content of the VM chunk: the registers that a VM has once.
extension RegisterList {
    func encodedForVM() throws(SnapshotFormatError) -> [UInt8] {
        guard count <= SnapshotLimits.vmRegisters else {
            throw SnapshotFormatError(
                .limitExceeded, chunk: .vm,
                "the number of register ids is \(count), the limit is "
                    + "\(SnapshotLimits.vmRegisters)")
        }
        var writer = ByteWriter()
        writer.append(variable: UInt64(count))
        writer.append(ascending: ids.map(\.rawValue))
        let coded = values.map { ValueCode.encode($0, after: .init()) }
        writer.append(coded.map(\.code))
        for value in coded { writer.append(value.bytes) }
        return writer.bytes
    }

    init(parsing reader: inout ByteReader) throws(SnapshotFormatError) {
        let count = try reader.count(
            "the number of register ids", limit: SnapshotLimits.vmRegisters)
        let table = try reader.registerTable(count)
        let codes = try reader.take(count, "the value codes of the VM")
        var values: [RegisterValue] = []
        for (entry, code) in zip(table, codes) {
            values.append(
                try ValueCode.decode(code, size: entry.size, after: .init(), &reader))
        }
        try reader.finish()
        guard let list = RegisterList(ids: table.map(\.id), values: values) else {
            throw reader.malformed("the registers of the VM are not a list")
        }
        self = list
    }
}
