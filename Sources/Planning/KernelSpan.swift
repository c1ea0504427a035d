public import Registers

/// Kernels from one on, and before another one.
public struct KernelSpan: Hashable, Sendable {
    /// The oldest of them; nil where all older ones are among them.
    public let first: KernelVersion?
    /// The first that is too new; nil where all newer ones are among them.
    public let end: KernelVersion?

    /// Kernels between two: the first is one of them, the end is not.
    public init(from first: KernelVersion?, before end: KernelVersion?) {
        self.first = first
        self.end = end
    }

    /// `Linux 6.3 or newer`, `a Linux older than 6.5`.
    public var text: String { text(orOfSeries: nil) }

    /// - Parameter release: from which on kernels of an older series are as the first; nil where there are none.
    func text(orOfSeries release: KernelVersion?) -> String {
        let series = release.map { " (or \($0) of its series)" } ?? ""
        return switch (first, end) {
        case (let first?, let end?): "Linux \(first)\(series) or newer, but older than \(end)"
        case (let first?, nil): "Linux \(first)\(series) or newer"
        case (nil, let end?): "a Linux older than \(end)"
        case (nil, nil): "any Linux"
        }
    }
}
