import Foundation
import KVM
import LinuxSystem
import Testing

/// Machines as Linux tells of them below /sys/devices/system/cpu.
struct CoreKindTests {
    private let a55 = "0x00000000412fd050"
    private let a76 = "0x00000000414fd0b0"

    /// - Parameter types: what each CPU's file has; nil for none.
    private func kinds(_ types: [String?], among cpus: [Int]? = nil) throws -> [CoreKind] {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (number, type) in types.enumerated() {
            let place = folder.appending(path: "cpu\(number)/regs/identification")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try type.map { try Data(($0 + "\n").utf8).write(to: place.appending(path: "midr_el1")) }
        }
        return CoreKind.all(
            among: CPUSet(cpus ?? Array(types.indices)), in: folder.path(percentEncoded: false))
    }

    @Test func two() throws {
        let kinds = try kinds([a55, a55, a55, a55, a76, a76, a76, a76])
        #expect(kinds.map(\.midr) == [0x412f_d050, 0x414f_d0b0])
        #expect(kinds.map(\.cpus.description) == ["0-3", "4-7"])
    }

    @Test("They need not stand side by side, nor all be allowed")
    func mixed() throws {
        let types = [a76, a55, a76, a55, a76]
        #expect(try kinds(types).map(\.cpus.description) == ["0,2,4", "1,3"])
        #expect(try kinds(types, among: [1, 2, 3]).map(\.cpus.description) == ["1,3", "2"])
        #expect(try kinds(types, among: [0, 4]).count == 1)
    }

    @Test("A CPU that is offline, or tells nonsense, is left out")
    func silent() throws {
        #expect(try kinds([a55, nil, "", "412fd050", a55]).map(\.cpus.description) == ["0,4"])
        #expect(try kinds([nil, nil]).isEmpty)
        #expect(CoreKind.all(among: CPUSet([0]), in: "/nowhere").isEmpty)
    }
}
