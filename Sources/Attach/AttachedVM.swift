internal import LinuxSystem
public import Registers

/// A VM of a running process, whose vCPUs were read in one stop.
///
/// The process stays stopped until `letGo()`, or until this value and its banks are gone.
public final class AttachedVM {
    /// How the calls are made.
    public enum Method: Hashable, Sendable {
        /// One routine makes all of them, where the process may have executable memory.
        case routine
        /// Many at a time, through memory below the stack pointer: where a seccomp filter or a policy forbids the
        /// routine.
        case chains
        /// One at a time, through memory below the stack pointer: what chains fall back to.
        case singleCalls
    }

    /// What a process is attached to for.
    public struct Purpose: Hashable, Sendable {
        /// Whether its vCPUs are to be written.
        public var writes: Bool
        /// Whether a seccomp filter that cannot be read is assumed to allow what Firecracker's does.
        public var assumesFilterAllows: Bool
        /// The method to use; nil for the best that the process allows.
        public var method: Method?
        /// What of the VM and of devices is not read.
        public var leavesOut: Set<RegisterCategory> = []
        /// For how many milliseconds the process may be stopped; after that, it is let go.
        public var maximumPause: Int

        /// By default the vCPUs are only read, by whatever method works, and the process is stopped for 10 seconds at
        /// most.
        public init(
            writes: Bool = false, assumesFilterAllows: Bool = false, method: Method? = nil,
            maximumPause: Int = 10_000
        ) {
            self.writes = writes
            self.assumesFilterAllows = assumesFilterAllows
            self.method = method
            self.maximumPause = maximumPause
        }
    }

    /// What reaching the vCPUs cost the process.
    public struct Cost: Hashable, Sendable {
        /// How many times threads were stopped, the first stop of each included.
        public var stops: Int
        /// How many threads of the process were stopped.
        public var threads: Int
        /// From when the first thread was interrupted to when the last was let go.
        public var nanoseconds: Int64
        /// The method that was used in the end.
        public var method: Method
    }

    /// By ascending index of the vCPU.
    public let banks: [AttachedVCPUBank]
    /// What the VM has once; nil where only vCPUs were asked for.
    public let vm: AttachedVMBank?
    private let calls: AttachedCalls
    private let devices: AttachedDevices

    /// Stops the process and reads every register of every vCPU, but nothing of devices.
    /// - Parameter vcpus: vCPUs of one VM of the process, or of several.
    /// - Throws: when they cannot be reached; the process runs on then.
    public convenience init(
        _ vcpus: [VMMProcess.VCPUDescriptor], of process: Int, for purpose: Purpose = .init()
    ) throws(AttachError) {
        var purpose = purpose
        purpose.leavesOut = Self.ofDevices
        try self.init(.init(descriptor: -1, vcpus: vcpus), of: process, for: purpose)
    }

    /// Stops the process and reads every register of every vCPU of a VM, its interrupt controller and its clock.
    /// - Throws: when they cannot be reached; the process runs on then.
    public init(
        _ vm: VMMProcess.VM, of process: Int, for purpose: Purpose = .init()
    ) throws(AttachError) {
        guard !vm.vcpus.isEmpty else { throw AttachError(process: process, .noVCPU) }
        let controller =
            purpose.leavesOut.contains(.interruptController) ? nil : vm.controller
        // Made before the process stands still, because it takes long.
        devices = AttachedDevices(of: vm.vcpus, controller, leavingOut: purpose.leavesOut)
        calls = AttachedCalls(
            try AttachedProcess.attach(
                to: process, vcpus: vm.vcpus.map(\.descriptor), controller, for: purpose))
        banks = vm.vcpus.map { [calls, devices] in AttachedVCPUBank($0, calls, devices) }
        self.vm =
            devices.areAskedFor ? AttachedVMBank(devices, banks.first, calls) : nil
        do throws(Errno) {
            AttachedVCPUBank.take(try devices.capture(calls), banks)
        } catch {
            throw calls.problem ?? AttachError(process: process, .call("read the vCPUs", error))
        }
    }

    /// Reads every register of every vCPU, and lets the process go before anything is made of them.
    /// - Throws: what `init` throws, and where the process ended before it was let go.
    public static func capture(
        _ vcpus: [VMMProcess.VCPUDescriptor], of process: Int, for purpose: Purpose = .init()
    ) throws(AttachError) -> (banks: [AttachedVCPUBank], cost: Cost) {
        let vm = try AttachedVM(vcpus, of: process, for: purpose)
        return (vm.banks, try vm.letGo(of: process))
    }

    /// Reads every register of every vCPU of a VM, its interrupt controller and its clock, and lets the process go before
    /// anything is made of them.
    /// - Throws: what `init` throws, and where the process ended before it was let go.
    public static func capture(
        _ vm: VMMProcess.VM, of process: Int, for purpose: Purpose = .init()
    ) throws(AttachError) -> (vm: AttachedVM, cost: Cost) {
        let vm = try AttachedVM(vm, of: process, for: purpose)
        return (vm, try vm.letGo(of: process))
    }

    private func letGo(of process: Int) throws(AttachError) -> Cost {
        guard let cost = try letGo() else { throw AttachError(process: process, .targetExited) }
        return cost
    }

    /// What is not read where only vCPUs are asked for.
    private static let ofDevices: Set<RegisterCategory> = [
        .interruptController, .clock, .deviceAttributes,
    ]

    /// Lets the process go; what the banks have read can still be read, but nothing can be written.
    /// - Returns: nil when it was let go before.
    /// - Throws: where the process has ended, or cannot be left as it was found.
    public func letGo() throws(AttachError) -> Cost? {
        try calls.letGo()
    }
}
