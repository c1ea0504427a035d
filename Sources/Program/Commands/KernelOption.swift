internal import ArgumentParser
internal import Emulation
internal import LinuxSystem
internal import Machines

/// `--kernel`: hosts as they would be with another kernel.
struct KernelOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take each host as it would be with this kernel (uname -r, or a version).",
            valueName: "release"))
    var kernel: String?

    @OptionGroup var likeOption: LikeOption

    /// As it is typed, with a space before each option.
    var text: String {
        kernel.map { " --kernel \(FileName.shown($0))" + likeOption.text } ?? ""
    }

    /// The hosts, with that kernel if one was given.
    func applied(to hosts: [HostProfile]) throws -> [HostProfile] {
        guard let kernel else {
            try likeOption.refuse(without: "--kernel")
            return hosts
        }
        return try likeOption.otherKernel(kernel).profiles(of: hosts)
    }
}

/// `--like`: recordings that tell what a kernel hides.
struct LikeOption: ParsableArguments {
    @Option(
        name: .customLong("like"),
        help: ArgumentHelp(
            "Another recording of the same CPU, for what its kernel hides (repeatable).",
            valueName: "host"),
        completion: Completions.hosts)
    var files: [String] = []

    /// As it is typed, with a space before each option.
    var text: String { files.map { " --like \(FileName.shown($0))" }.joined() }

    func otherKernel(_ release: String) throws -> OtherKernel {
        try OtherKernel(release, like: files, .commandLine)
    }

    /// - Parameter option: the one that it is for.
    func refuse(without option: String) throws {
        guard files.isEmpty else {
            throw ValidationError("--like is for \(option): it tells what another kernel hides")
        }
    }
}
