import AttachSeam
import Glibc
import VCPUSnap

/// An attach to a process that is killed at a chosen step.
struct Kill {
    let process: Int
    let step: Int

    /// Ends this program with status 8 when the attach has no such step.
    ///
    /// A tracer that waits for what never comes is ended by SIGALRM.
    /// - Parameter counts: the file in which the process counts the signals that come to it.
    func perform(counts: String, _ method: AttachedVM.Method?) throws {
        guard let vm = try VMMProcess(process: process).vms.first,
            let arrived = attach_seam_map(counts)
        else { exit(3) }
        alarm(Self.limit)
        do throws(AttachError) {
            var seam = attach_seam(
                process: Int32(process), thread: 0, send_at: -1, end_at: Int32(step),
                ending: ATTACH_SEAM_PROCESS_KILLED, seed: 0)
            attach_seam_begin(&seam, arrived)
            _ = try AttachedVM.capture(
                vm, of: process, for: .init(method: method, maximumPause: Self.maximumPause))
            attach_seam_end(true)
            if attach_seam_steps() <= step { exit(8) }
        } catch {
            print("attach-proof: \(error)")
            guard error.reason == .targetExited || error.reason == .noSuchProcess else { exit(1) }
        }
        while !isGone { usleep(1000) }
    }

    /// In seconds, and more than that in milliseconds.
    private static let limit: UInt32 = 120
    private static let maximumPause = 600_000

    /// Whether the kernel has told the process's parent of its end: no other thread is left then.
    private var isGone: Bool {
        let threads = (try? Steps.threads(process)) ?? []
        guard threads.count <= 1, let thread = threads.first else { return threads.isEmpty }
        let lines = (try? Steps.lines("/proc/\(process)/task/\(thread)/status")) ?? []
        return lines.contains { $0.hasPrefix("State:\tZ") } && lines.contains("TracerPid:\t0")
    }
}
