internal import CLinux

/// Some of a machine's CPUs, by their numbers.
public struct CPUSet: Hashable, Sendable {
    /// Ascending, each once.
    public let numbers: [Int]

    /// The CPUs with these numbers, which are below `limit`; others are left out.
    public init(_ numbers: some Sequence<Int>) {
        self.numbers = Set(numbers.filter { 0..<Self.limit ~= $0 }).sorted()
    }

    /// More than any kernel for arm64 can be built for (4096).
    public static let limit = 8192

    /// Those that the calling thread may run on.
    /// - Throws: where the kernel does not tell.
    public static func ofThisThread() throws(Errno) -> CPUSet {
        var bits = [UInt8](repeating: 0, count: limit / 8)
        // SAFETY: the kernel writes at most `count` bytes.
        let length = try Errno.check(clinux_cpus_of_thread(&bits, bits.count))
        return CPUSet(
            (0..<limit).filter { $0 / 8 < Int(length) && bits[$0 / 8] >> ($0 % 8) & 1 == 1 })
    }

    /// Keeps the calling thread on them from now on.
    /// - Throws: `EINVAL` where it may run on none of them.
    public func holdThisThread() throws(Errno) {
        var bits = [UInt8](repeating: 0, count: Self.limit / 8)
        for number in numbers { bits[number / 8] |= 1 << (number % 8) }
        _ = try Errno.check(clinux_set_cpus_of_thread(bits, bits.count))
    }
}

extension CPUSet: CustomStringConvertible {
    /// As Linux writes it, and `taskset -c` takes it: `0-3,6`.
    public var description: String {
        var runs: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = runs.last, last.upperBound == number - 1 {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}
