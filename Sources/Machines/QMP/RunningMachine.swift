internal import LinuxSystem
internal import QEMUStream
package import QMP
internal import VCPUModel

extension StreamSource {
    /// Refuses every restore: QEMU's monitor has no command that writes registers.
    package static func objection(to use: RestoreUse) -> String? {
        "QEMU's monitor has no way to write registers: give "
            + SourceKinds.schemes(thatCan: .restore) + "or a file as TARGET"
    }

    /// The registers of all its vCPUs at one moment.
    ///
    /// The VM goes on as it was; a notice says how long it stood still.
    /// - Throws: where QEMU cannot be asked, or the stream is damaged.
    package func capture(_ options: SourceOptions) throws(SourceError) -> StateCapture {
        let taken = try takeStream(options)
        var result = try taken.file.capture(options)
        result.snapshot.provenance.add(taken.machine)
        return result
    }

    /// The stream of its devices, and what QEMU says of the machine; notices say how the VM fared.
    /// - Throws: as `capture`.
    package func takeStream(
        _ options: SourceOptions
    ) throws(SourceError) -> (file: StreamFile, machine: MachineFacts) {
        let state = try captureDevices()
        let name = Location(self).text
        for line in state.lines { options.notify("\(name): \(line)") }
        // QEMU said that it wrote everything, whether with a description or without.
        let file = try StreamFile(state.stream, named: name, .undescribed, ofVM: state.machine)
        return (file, state.machine)
    }
}

extension CapturedDeviceState {
    fileprivate var lines: [String] {
        var lines: [String] = []
        if let reason = reasonForMigration {
            lines.append("by a migration that was called off, because \(reason)")
        }
        if let stopTime {
            lines.append("the VM stood still for \(StandstillText.milliseconds(stopTime)) ms")
        } else if !wasRunning {
            lines.append("the VM was not running (\(runStateBefore)), and stays so")
        }
        if hadToBeResumed { lines.append("it had to be told to go on") }
        if runStateAfter != runStateBefore {
            lines.append("it was \(runStateBefore) and is \(runStateAfter) now")
        }
        return lines
    }
}

extension MachineFacts {
    /// As `-M` takes it.
    var machineName: String? {
        machineType.map { $0.hasSuffix("-machine") ? String($0.dropLast("-machine".count)) : $0 }
    }
}

extension Provenance {
    fileprivate mutating func add(_ machine: MachineFacts) {
        self[.time] = SystemClock.utcTimestamp()
        self[.qemuVersion] = machine.version
        self[.qemuMachine] = machine.machineName
        // A Unix socket is of this host, and so is what KVM did.
        guard machine.accelerator == "kvm" else { return }
        self[.kernel] = HostIdentity.kernelRelease()
        self[.counterFrequency] = String(HostIdentity.counterFrequency())
    }
}
