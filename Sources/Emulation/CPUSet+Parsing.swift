internal import LinuxSystem
internal import TextFormats

extension CPUSet {
    /// Parses a list as Linux writes it: `0-3,6`.
    ///
    /// - Returns: nil for other text, for numbers that do not ascend, and for one that no CPU can have.
    init?(parsing text: some StringProtocol) {
        var numbers: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
                .map { NumberText.decimal($0).flatMap(Int.init(exactly:)) }
            guard 1...2 ~= ends.count, let first = ends[0], let last = ends[ends.count - 1],
                first <= last, last < Self.limit, numbers.last.map({ $0 < first }) ?? true
            else { return nil }
            numbers += first...last
        }
        self.init(numbers)
    }
}
