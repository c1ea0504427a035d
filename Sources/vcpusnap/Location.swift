internal import ArgumentParser

/// Where vCPU state is taken from or put: the SOURCE and TARGET of the command line.
enum Location: ExpressibleByArgument, Equatable {
    /// An emulated host: a built-in profile's name or the path of a profile.
    case emulated(String)
    /// A scratch VM on this host's KVM.
    case kvm
    case file(String)
    case standardStream

    init?(argument: String) {
        if argument == "-" {
            self = .standardStream
        } else if argument == "kvm:" {
            self = .kvm
        } else if argument.hasPrefix("emulated:") {
            self = .emulated(String(argument.dropFirst("emulated:".count)))
        } else if argument.isEmpty {
            return nil
        } else {
            self = .file(argument)
        }
    }

    var text: String {
        switch self {
        case .emulated(let name): "emulated:" + name
        case .kvm: "kvm:"
        case .file(let path): path
        case .standardStream: "-"
        }
    }
}
