internal import LinuxSystem

/// A VM of a running process, whose vCPUs have been read in one stop.
///
/// The process stays stopped until `letGo()`, or until this value and its banks are gone.
public final class AttachedVM {
    /// By ascending index of the vCPU.
    public let banks: [AttachedVCPUBank]
    private let calls: AttachedCalls

    /// Stops the process and reads every register of every vCPU.
    /// - Parameter vcpus: of one VM, or of several.
    public init(
        _ vcpus: [VMM.VCPU], of process: Int, for purpose: AttachedProcess.Purpose = .init()
    ) throws(AttachError) {
        guard !vcpus.isEmpty else { throw AttachError(process: process, .noVCPU) }
        calls = AttachedCalls(
            try AttachedProcess.attach(
                to: process, vcpus: vcpus.map(\.descriptor), for: purpose))
        banks = vcpus.map { [calls] in AttachedVCPUBank($0, calls) }
        do throws(Errno) {
            try AttachedVCPUBank.refresh(banks, calls)
        } catch {
            throw calls.problem ?? AttachError(process: process, .call("read the vCPUs", error))
        }
    }

    /// Reads every register of every vCPU, and lets the process go before looking at them.
    public static func capture(
        _ vcpus: [VMM.VCPU], of process: Int, for purpose: AttachedProcess.Purpose = .init()
    ) throws(AttachError) -> (banks: [AttachedVCPUBank], cost: AttachedProcess.Cost) {
        let vm = try AttachedVM(vcpus, of: process, for: purpose)
        guard let cost = try vm.letGo() else { throw AttachError(process: process, .targetExited) }
        return (vm.banks, cost)
    }

    /// Lets the process go; the banks can be read on, but not written.
    ///
    /// Nil when that was done before.
    public func letGo() throws(AttachError) -> AttachedProcess.Cost? {
        try calls.letGo()
    }
}
