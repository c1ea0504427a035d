internal import ArgumentParser
internal import LinuxSystem
internal import VCPUModel

/// Where vCPU state is taken from or put: the SOURCE and TARGET of the command line.
enum Location: ExpressibleByArgument, Equatable {
    /// An emulated host: a built-in profile's name or the path of a profile.
    case emulated(String)
    /// A scratch VM on this host's KVM.
    case kvm
    /// A running VM, by the Unix socket of its QEMU's QMP monitor.
    case qmp(String)
    /// A VM of a running process, by its id and, where it has several, the VM's descriptor.
    case process(Int, vm: Int?)
    case file(String)
    case standardStream

    init?(argument: String) {
        if argument == "-" {
            self = .standardStream
        } else if argument == "kvm:" {
            self = .kvm
        } else if argument.hasPrefix("emulated:") {
            self = .emulated(String(argument.dropFirst("emulated:".count)))
        } else if argument.hasPrefix("qmp:") {
            self = .qmp(String(argument.dropFirst("qmp:".count)))
        } else if argument.hasPrefix("pid:") {
            guard let process = Self.process(argument.dropFirst("pid:".count)) else { return nil }
            self = process
        } else if argument.isEmpty {
            return nil
        } else {
            self = .file(argument)
        }
    }

    /// `PID` or `PID/FD`.
    private static func process(_ text: some StringProtocol) -> Location? {
        let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map {
            NumberText.decimal($0).flatMap { Int(exactly: $0) }
        }
        guard 1...2 ~= numbers.count, let process = numbers[0], process > 0 else { return nil }
        guard numbers.count == 2 else { return .process(process, vm: nil) }
        return numbers[1].map { .process(process, vm: $0) }
    }

    /// Shells complete the names of files.
    static var defaultCompletionKind: CompletionKind { .file() }

    /// As it was given.
    var argument: String {
        switch self {
        case .emulated(let name): "emulated:" + name
        case .kvm: "kvm:"
        case .qmp(let socket): "qmp:" + socket
        case .process(let process, let vm): "pid:\(process)" + (vm.map { "/\($0)" } ?? "")
        case .file(let path): path
        case .standardStream: "-"
        }
    }

    /// For messages.
    var text: String { FileName.shown(argument) }
}

extension Location {
    /// Where bytes are read or written.
    enum Place {
        case path(String)
        case standardStream
    }

    /// What is to be said where a command wrote here and cannot print its report; nil where nothing of it lasts.
    var writtenBefore: String? {
        switch self {
        case .file, .process: "\(text) was written before that, and is whole"
        case .standardStream, .kvm, .emulated, .qmp: nil
        }
    }

    /// - Parameter advice: what to give instead.
    /// - Throws: for what is no file.
    func place(orElse advice: String) throws -> Place {
        switch self {
        case .file(let path): return .path(path)
        case .standardStream: return .standardStream
        case .kvm, .emulated, .qmp, .process: throw CommandError("\(text) is not a file: \(advice)")
        }
    }
}
