package import LinuxSystem
internal import QEMUStream
package import QMP
internal import VCPUModel

/// `qmp:SOCKET`: a VM that QEMU runs, by the socket of its QMP monitor.
package struct QMPSource: StreamSource {
    /// The path of a Unix socket follows.
    package static let scheme = "qmp:"
    /// Reading only, while the guest runs.
    package static let summary = SourceSummary(
        grammar: "qmp:SOCKET", meaning: "a VM that QEMU runs, by its QMP monitor (only as SOURCE)",
        abilities: [.read], needs: "a QMP socket of that QEMU",
        details: [
            .read: """
            qmp:SOCKET is a VM that QEMU runs, with or without KVM. It stops for some
            milliseconds (standard error says how many), and QEMU itself resumes it,
            whatever becomes of this program. Its RAM is not read.
            """
        ],
        example: "vcpusnap save qmp:/run/vm.qmp -o vm.vcpusnap")

    /// The path of the socket.
    package let name: String

    /// Takes any path but an empty one; nothing is opened yet.
    package init?(_ name: String) {
        guard !name.isEmpty else { return nil }
        self.name = name
    }

    /// Refuses every restore: QMP has no command that writes registers.
    package static func objection(to use: RestoreUse) -> String? {
        "QEMU's monitor has no way to write registers: give "
            + SourceKinds.schemes(thatCan: .restore) + "or a file as TARGET"
    }

    /// The scheme alone, and then the paths of files.
    public static func completions(of beginning: String) -> [String] {
        beginning.hasPrefix(scheme) ? paths(of: beginning) : [scheme]
    }

    /// Where it is a socket, as its error of being opened says.
    public static func advice(insteadOf path: String, _ errno: Errno) -> String? {
        errno == .noDeviceOrAddress
            ? "; if it is the socket of QEMU's monitor, give \(scheme)\(FileName.shown(path))" : nil
    }

    /// The registers of all its vCPUs at one moment.
    ///
    /// The VM goes on as it was; a notice says how long it stood still.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        let (file, machine) = try takeStream(options)
        file.warnOfLosses(options)
        var result = try file.stateCapture(options)
        addProvenance(of: machine, to: &result.snapshot.provenance)
        return result
    }

    /// The stream of its devices, as of that moment.
    package func takeStream(
        _ options: SourceOptions
    ) throws(SourceError) -> (file: StreamFile, machine: MachineFacts) {
        let state = try SourceError.passing {
            try DeviceStateCapture.capture(over: try QMPConnection(connectingTo: name))
        }
        for line in Self.lines(state) { options.notify("qmp:\(name): \(line)") }
        // QEMU said that it wrote everything, whether with a description or without.
        let file = try StreamFile(state.stream, named: Location(self).text, .undescribed)
        return (file, state.machine)
    }

    private static func lines(_ state: CapturedDeviceState) -> [String] {
        var lines: [String] = []
        let before = state.runStateBefore
        if let reason = state.reasonForMigration {
            lines.append("by a migration that was called off, because \(reason)")
        }
        if let stopTime = state.stopTime {
            lines.append("the VM stood still for \(StandstillText.milliseconds(stopTime)) ms")
        } else if !state.wasRunning {
            lines.append("the VM was not running (\(before)), and stays so")
        }
        if state.hadToBeResumed { lines.append("it had to be told to go on") }
        if state.runStateAfter != state.runStateBefore {
            lines.append("it was \(before) and is \(state.runStateAfter) now")
        }
        return lines
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
