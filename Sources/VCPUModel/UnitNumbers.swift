/// Units of a virtual machine in ascending order: the VM itself, then vCPUs by number.
package struct UnitNumbers: Hashable, Sendable {
    private var hasVM = false
    private var ranges: [ClosedRange<UInt32>] = []
    /// How many units there are.
    package private(set) var count = 0

    /// No units.
    package init() {}

    /// The vCPUs of these numbers, which must be ascending.
    package init(_ numbers: some Sequence<UInt32>) {
        for number in numbers { append(.vcpu(number)) }
    }

    /// One unit.
    package init(of unit: UnitID) { append(unit) }

    /// Adds a unit behind the others.
    /// - Parameter unit: greater than those before it.
    package mutating func append(_ unit: UnitID) {
        count += 1
        guard case .vcpu(let number) = unit else {
            hasVM = true
            return
        }
        ranges.append(number)
    }

    /// Whether the title leaves numbers out, since they are in too many ranges to be read.
    package var isShortened: Bool { ranges.count > 8 }

    /// `VM`, `vCPU 0`, `VM and vCPUs 0, 2-5`, `no vCPU`; of many ranges the first and the last, as in
    /// `vCPUs 0, 2, 4, 6, ..., 60, 62 (32 in all)`.
    package var title: String {
        guard count > 0 else { return "no vCPU" }
        let isOne = ranges.count == 1 && ranges[0].count == 1
        let numbers = ranges.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }
        let ends = [numbers.prefix(4), ["..."], numbers.suffix(2)].joined().joined(separator: ", ")
        let list = isShortened ? "\(ends) (\(count) in all)" : numbers.joined(separator: ", ")
        let vcpus = (isOne ? "vCPU " : "vCPUs ") + list
        return ((hasVM ? ["VM"] : []) + (ranges.isEmpty ? [] : [vcpus])).joined(separator: " and ")
    }
}

extension [ClosedRange<UInt32>] {
    /// Adds a number that is greater than those before it: to the last range, where it follows that.
    mutating func append(_ number: UInt32) {
        if let last, last.upperBound < number, number - last.upperBound == 1 {
            self[count - 1] = last.lowerBound...number
        } else {
            append(number...number)
        }
    }
}

extension Snapshot {
    /// The vCPUs' numbers, for messages: `vCPU 0`, `vCPUs 0-3`.
    package var indexText: String { UnitNumbers(vcpus.map(\.index)).title }
}
