internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines
internal import Planning
internal import QEMUStream
internal import TextFormats

/// Where QEMU itself emulates the vCPUs that a stream goes to.
struct DestinationOptions: ParsableArguments {
    @Option(
        name: .customLong("tcg"),
        help: ArgumentHelp(
            "The CPU that this QEMU emulates, such as cortex-a57 or max.", valueName: "cpu"),
        completion: .list(TCGModel.cpus))
    var cpu: String?

    @Option(
        name: .customLong("to"),
        help: ArgumentHelp(
            """
            The machine that a QEMU emulates: the one that wrote this stream, preferably before \
            its first run, or that of \(SourceKinds.streamGrammar).
            """, valueName: "stream"))
    var machine: Location?

    var isGiven: Bool { cpu != nil || machine != nil }

    /// As `mend` takes it.
    func text(for qemu: String?) -> String {
        let version = qemu.map { "--for-qemu \(Shown.text($0.utf8)) " } ?? ""
        return version
            + (cpu.map { "--tcg \(Shown.text($0.utf8))" } ?? "--to \(machine?.text ?? "")")
    }

    /// For one who names a host, too.
    var isNotOfKVM: ValidationError {
        ValidationError(
            "--host is about KVM, and \(cpu == nil ? "--to" : "--tcg") is about QEMU without it: give one of them"
        )
    }

    /// - Parameter option: the one that says the version.
    func check(with qemu: String?, option: String = "--qemu") throws {
        guard cpu == nil || machine == nil else {
            throw ValidationError("give one of --tcg CPU and --to STREAM")
        }
        if qemu == nil, cpu != nil {
            throw ValidationError("give \(option) VERSION: a CPU does not say which QEMU it is")
        }
    }

    /// - Parameters:
    ///   - qemu: the version as given, nil where the destination tells it.
    ///   - stream: what is to be loaded there.
    func destination(
        _ qemu: String?, for stream: QEMUStream, named name: String
    ) throws -> TCGDestination? {
        if let cpu, let qemu {
            let place = try TCGDestination(
                recorded: cpu, qemu, try QEMUVersion(option: qemu), for: stream, named: name)
            if let other = place.otherRelease {
                StandardError.write(
                    "vcpusnap: the list is QEMU \(other)'s; stable releases can differ\n")
            }
            return place
        }
        guard let machine else { return nil }
        let (file, running) = try machine.openStreamOfMachine(.commandLine)
        return try TCGDestination(
            emulatedIn: file.stream,
            try (running ?? qemu).map { try QEMUVersion(option: $0) } ?? version(of: file),
            named: file.name)
    }

    private func version(of file: StreamFile) throws -> QEMUVersion {
        guard let writer = try TCGDestination.writer(of: file.stream) else {
            throw CommandError(
                "\(file.name) does not tell of which QEMU it is: give --qemu VERSION, or with mend --for-qemu"
            )
        }
        StandardError.write(
            "vcpusnap: \(file.name) is taken for one of QEMU \(writer.version), by \(writer.evidence)\n"
        )
        return writer.version
    }
}
