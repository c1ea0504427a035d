public import LinuxSystem

/// The CPUs of a machine that are of one type: a machine with two has vCPUs of two kinds, too.
public struct CoreKind: Hashable, Sendable {
    /// MIDR_EL1 of each of them.
    public let midr: UInt64
    /// Those of the machine that are of that type.
    public let cpus: CPUSet

    /// The kinds of cores among some CPUs, by the first CPU of each.
    ///
    /// A CPU that does not tell its MIDR_EL1, as one that is offline, is left out.
    /// - Parameter folder: where Linux tells of CPUs.
    public static func all(
        among cpus: CPUSet, in folder: String = "/sys/devices/system/cpu"
    ) -> [CoreKind] {
        let types = cpus.numbers.compactMap { number in
            midr(ofCPU: number, in: folder).map { (number: number, midr: $0) }
        }
        return Dictionary(grouping: types, by: \.midr)
            .map { CoreKind(midr: $0.key, cpus: CPUSet($0.value.map(\.number))) }
            .sorted { $0.cpus.numbers.lexicographicallyPrecedes($1.cpus.numbers) }
    }

    private static func midr(ofCPU number: Int, in folder: String) -> UInt64? {
        let path = "\(folder)/cpu\(number)/regs/identification/midr_el1"
        guard let bytes = try? File.read(path, limit: 4096) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).drop { $0 == " " }
        let word = text.prefix { !$0.isWhitespace }
        return word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) : nil
    }
}
