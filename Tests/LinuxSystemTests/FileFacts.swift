import Foundation
import Glibc
import TestFiles

extension TemporaryFolder {
    /// How many bytes of the disk a file takes.
    func allocated(_ name: String) -> Int? {
        var status = stat()
        guard stat(file(name), &status) == 0 else { return nil }
        return Int(status.st_blocks) * 512
    }

    /// A file of that size that is a hole everywhere but at these places.
    func makeSparse(
        _ name: String, size: Int, _ data: [(offset: Int, bytes: [UInt8])]
    ) throws -> String {
        try make(name, [])
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file(name)))
        try handle.truncate(atOffset: UInt64(size))
        for (offset, bytes) in data {
            try handle.seek(toOffset: UInt64(offset))
            try handle.write(contentsOf: bytes)
        }
        try handle.synchronize()
        try handle.close()
        return file(name)
    }

    func truncate(_ name: String, to size: Int) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file(name)))
        try handle.truncate(atOffset: UInt64(size))
        try handle.close()
    }
}

/// Bytes in which every place can be told from those around it.
func pattern(_ count: Int, salt: UInt8 = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) ^ salt }
}
