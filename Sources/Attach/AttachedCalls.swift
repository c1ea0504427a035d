internal import LinuxSystem

/// The process that the banks of a VM's vCPUs make their calls in, while it is attached to.
final class AttachedCalls {
    private var process: AttachedProcess?
    /// Why the process is not attached to any more, when that was no wish of ours.
    private(set) var problem: AttachError?

    init(_ process: consuming AttachedProcess) {
        self.process = .some(consume process)
    }

    /// Makes calls.
    /// - Throws: `ESRCH` when the process was let go, or has gone.
    func make(_ batch: inout CallBatch) throws(Errno) {
        try perform { process throws(AttachError) in try process.make(&batch) }
    }

    /// Reads everything of vCPUs, and makes other calls after that.
    func readAll(_ vcpus: [Int], _ batch: inout CallBatch) throws(Errno) -> [RawVCPUImage] {
        try perform { process throws(AttachError) in try process.readAll(vcpus, &batch) }
    }

    /// Whether filters let one thread read vCPUs, and another devices.
    var hasThreadForDevices: Bool { process?.threadForDevices != nil }

    /// Makes these calls, and all that come later, in the thread that may make those for devices.
    func changeToThreadForDevices(making batch: inout CallBatch) throws(Errno) {
        try perform { process throws(AttachError) in
            try process.changeToThreadForDevices()
            try process.make(&batch)
        }
    }

    private func perform<Result>(
        _ body: (inout AttachedProcess) throws(AttachError) -> Result
    ) throws(Errno) -> Result {
        guard var attached = process.take() else { throw .noProcess }
        do throws(AttachError) {
            let result = try body(&attached)
            process = .some(attached)
            return result
        } catch {
            attached.leave(after: error)
            problem = error
            throw .noProcess
        }
    }

    /// The word at an address of the only mapping of this name; nil unless there is one.
    func firstWord(of mapping: String, at offset: UInt64) -> UInt64? {
        guard let start = process?.onlyMapping(of: mapping)?.lowerBound else { return nil }
        return try? process?.read(1, at: start + offset).first
    }

    func letGo() throws(AttachError) -> AttachedVM.Cost? {
        if let problem { throw problem }
        return try process.take()?.letGo()
    }
}
