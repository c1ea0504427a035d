internal import LinuxSystem
internal import QEMUStream
internal import QMP
internal import VCPUModel

/// A VM that QEMU runs, by the socket of its QMP monitor.
struct RunningVM {
    private let socket: String

    init(_ socket: String) {
        self.socket = socket
    }

    /// The registers of all its vCPUs at one moment.
    ///
    /// It goes on as it was; for how long it stood still is
    /// said on standard error.
    func capture() throws -> (snapshot: Snapshot, unreadable: [UnreadableRegister]) {
        let connection = try QMPConnection(connectingTo: socket)
        let state = try DeviceStateCapture.capture(over: connection)
        report(state)
        // QEMU said that it wrote everything, whether with a description or without.
        let file = try StreamFile(
            state.stream, named: FileName.shown("qmp:\(socket)"), .undescribed)
        file.warnOfLosses()
        var result = try file.snapshot()
        addProvenance(of: state.machine, to: &result.snapshot.provenance)
        return result
    }

    private func report(_ state: CapturedDeviceState) {
        var lines: [String] = []
        let before = state.runStateBefore
        if let reason = state.reasonForMigration {
            lines.append("by a migration that was called off, because \(reason)")
        }
        if let stopTime = state.stopTime {
            lines.append("the VM stood still for \(Self.milliseconds(stopTime)) ms")
        } else if !state.wasRunning {
            lines.append("the VM was not running (\(before)), and stays so")
        }
        if state.hadToBeResumed { lines.append("it had to be told to go on") }
        if state.runStateAfter != state.runStateBefore {
            lines.append("it was \(before) and is \(state.runStateAfter) now")
        }
        for line in lines { StandardError.write("vcpusnap: qmp:\(socket): \(line)\n") }
    }

    /// With one decimal: `2.4`.
    static func milliseconds(_ microseconds: Int64) -> String {
        let (hundreds, rest) = microseconds.quotientAndRemainder(dividingBy: 100)
        let tenths = hundreds + (rest >= 50 ? 1 : 0)
        return "\(tenths / 10).\(tenths % 10)"
    }

    private func addProvenance(of machine: MachineFacts, to provenance: inout Provenance) {
        provenance[.time] = SystemClock.utcTimestamp()
        provenance[.qemuVersion] = machine.version
        let type = machine.machineType
        provenance[.qemuMachine] = type.map {
            $0.hasSuffix("-machine") ? String($0.dropLast("-machine".count)) : $0
        }
        // A Unix socket is of this host, and so is what KVM did.
        guard machine.accelerator == "kvm" else { return }
        provenance[.kernel] = HostIdentity.kernelRelease()
        provenance[.counterFrequency] = String(HostIdentity.counterFrequency())
    }
}
