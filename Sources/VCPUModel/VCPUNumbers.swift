/// Numbers of vCPUs, in ascending order.
public struct VCPUNumbers: Hashable, Sendable {
    private var ranges: [ClosedRange<UInt32>] = []
    /// How many numbers there are.
    public private(set) var count = 0

    /// No numbers.
    public init() {}

    /// These numbers, which must be ascending.
    public init(_ numbers: some Sequence<UInt32>) {
        for number in numbers { append(number) }
    }

    /// Adds a number behind the others.
    /// - Parameter number: greater than those before it.
    public mutating func append(_ number: UInt32) {
        count += 1
        if let last = ranges.last, last.upperBound < number, number - last.upperBound == 1 {
            ranges[ranges.count - 1] = last.lowerBound...number
        } else {
            ranges.append(number...number)
        }
    }

    /// `0, 2-5`.
    public var text: String {
        ranges.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }.joined(separator: ", ")
    }

    /// `vCPU 0`, `vCPUs 0, 2-5`, `no vCPU`.
    public var title: String {
        count == 0 ? "no vCPU" : (count == 1 ? "vCPU " : "vCPUs ") + text
    }
}

extension Snapshot {
    /// The vCPUs' numbers, for messages: `vCPU 0`, `vCPUs 0-3`.
    public var indexText: String { VCPUNumbers(vcpus.map(\.index)).title }
}
