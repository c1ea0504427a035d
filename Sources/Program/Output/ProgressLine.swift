internal import Dispatch
internal import LinuxSystem

/// A line on standard error that says how far a long job is; nothing where that is no terminal on which a line
/// can be written over.
final class ProgressLine: @unchecked Sendable {
    private let total: Int
    private let unit: String
    private let isShown = StandardStream.error.obeysControls
    private let start = ContinuousClock.now
    private let queue = DispatchQueue(label: "vcpusnap.progress")
    private var lastShown = 0

    init(total: Int, unit: String) {
        self.total = total
        self.unit = unit
    }

    /// Says how much is done, from any thread; a hundred times at most.
    func update(_ done: Int) {
        guard isShown else { return }
        queue.sync {
            guard done - lastShown >= max(1, total / 100) || done == total else { return }
            lastShown = done
            let width = 30
            let filled = total > 0 ? done * width / total : width
            let bar =
                String(repeating: "#", count: filled)
                + String(repeating: "-", count: width - filled)
            StandardError.write("\r[\(bar)] \(done) of \(total) \(unit)\(rate(done))")
        }
    }

    private func rate(_ done: Int) -> String {
        let elapsed = (ContinuousClock.now - start).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        guard seconds > 0.5 else { return "" }
        return ", \(Int(Double(done) / seconds)) a second"
    }

    func finish() {
        guard isShown, lastShown > 0 else { return }
        StandardError.write("\n")
    }
}
