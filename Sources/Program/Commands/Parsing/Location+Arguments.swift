public import ArgumentParser
internal import LinuxSystem
public import Machines
internal import VCPUModel

extension Location: ExpressibleByArgument {
    /// The names of sources, and of files.
    public static var defaultCompletionKind: CompletionKind { Completions.sources }
}

extension EditTarget.Selection: ExpressibleByArgument {
    /// Nil for what is neither `all` nor a number.
    public init?(argument: String) { self.init(argument) }
}

extension NameSpecification {
    /// The flag of a source's option.
    static func of(_ option: SourceOption) -> NameSpecification {
        .customLong(String(option.name.drop { $0 == "-" }))
    }
}

extension ArgumentHelp {
    /// What the source says of its option.
    init(of option: SourceOption) {
        self.init(option.help, valueName: option.value)
    }
}

extension SourceOptions {
    /// What a source has to say goes to standard error.
    static var commandLine: SourceOptions {
        SourceOptions { StandardError.write("vcpusnap: \(PrintableText(message: $0))\n") }
    }
}

extension Location {
    /// The state of whatever this is; what could not be read is reported on standard error, and is otherwise ignored.
    func snapshot(_ options: SourceOptions = .commandLine) throws -> Snapshot {
        try capture(options).reporting(from: self)
    }
}

extension Location {
    /// Says on standard output what was written here, unless that is where it went.
    func sayWritten(_ content: PrintableText, quietly: Bool) throws {
        guard isNowFile, !quietly else { return }
        try StandardOutput.write(writtenLine(content))
    }

    /// Whether a file is here, as it is once one was written; neither standard output nor a device is one.
    var isNowFile: Bool { self != .standardStream && identity != nil }

    /// Says that something was written here.
    /// - Parameter content: what it is.
    func writtenLine(_ content: PrintableText? = nil) -> PrintableText {
        "written \(text)" + (content.map { ": \($0)" } ?? "") + "\n"
    }

    /// Writes the text that a command makes.
    /// - Parameter option: that took the location.
    func write(_ text: String, of option: String) throws {
        try write(Array(text.utf8), access: .open, orElse: "give \(option) a file or -")
    }
}

extension StateCapture {
    /// Says on standard error what could not be read.
    func reporting(from source: Location) -> Snapshot {
        var folded = Folded<RegisterBankError, Void>()
        for register in unreadable { folded.add(register.error, of: register.unit) }
        for entry in folded.entries {
            StandardError.write(
                "vcpusnap: \(source.text): \(entry.units.title): \(entry.subject)\n")
        }
        return snapshot
    }

    /// Makes a file of it, and says so unless that is not wanted.
    /// - Throws: `ExitStatus.finding` where something could not be read.
    func keep(in output: Location, from source: Location, quietly: Bool) throws {
        try SourceKinds.ofResults.write(reporting(from: source), to: output)
        let registers = snapshot.units.map(\.registers.count).reduce(0, +)
        let ofVM = snapshot.vm.count == 0 ? "" : ", \(snapshot.vm.count) of them the VM's"
        try output.sayWritten(
            "\(snapshot.vcpus.count.of("vCPU")), \(registers.of("register"))\(ofVM)",
            quietly: quietly)
        if let unknown = snapshot.unknown {
            StandardError.write("vcpusnap: \(source.text): \(unknown.description)\n")
        }
        guard unreadable.isEmpty else { throw ExitStatus.finding }
    }
}
