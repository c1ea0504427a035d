internal import LinuxSystem
internal import QEMUStream
internal import QMP
internal import VCPUModel

/// What is taken of a VM that QEMU runs, whoever passes its monitor on.
extension NamedSource {
    /// The stream of its devices, and what QEMU says of the machine; notices say how the VM fared.
    func stream(
        in state: CapturedDeviceState, _ options: SourceOptions
    ) throws(SourceError) -> (file: StreamFile, machine: MachineFacts) {
        let name = Location(self).text
        for line in state.lines { options.notify("\(name): \(line)") }
        // QEMU said that it wrote everything, whether with a description or without.
        let file = try StreamFile(state.stream, named: name, .undescribed, ofVM: state.machine)
        return (file, state.machine)
    }

    /// The registers of all vCPUs in such a stream.
    func capture(
        _ taken: (file: StreamFile, machine: MachineFacts), _ options: SourceOptions
    ) throws(SourceError) -> StateCapture {
        var result = try taken.file.capture(options)
        result.snapshot.provenance.add(taken.machine)
        return result
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
