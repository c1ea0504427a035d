/// Why a snapshot gives no profile of its host.
public enum HostProfileError: Error, Hashable, Sendable {
    /// The snapshot holds no vCPU.
    case noVCPU
    /// This vCPU has no `RegisterID.vcpuInit`, so the features its registers belong to are not known.
    case noInit(vcpu: UInt32)
    /// This vCPU has SVE, and nothing tells the lengths of its vectors: no QEMU stream does.
    case noVectorLengths(vcpu: UInt32)
    /// The provenance does not name the host's kernel.
    case noKernel
    /// What the snapshot calls the kernel, which a profile cannot have as a release.
    case unusableKernel(String)
    /// What was given as the kernel, which has no version.
    case noVersion(String)
    /// The kernel that the snapshot tells, and another one that was given.
    case otherKernel(told: String, given: String)
    /// The name that was asked for, which a profile cannot have.
    case unusableName(String)
    /// What a reader of the profile would say.
    case incomplete(String)
}

extension HostProfileError: CustomStringConvertible {
    /// What is wrong with the profile, with its line where there is one.
    public var description: String {
        switch self {
        case .noVCPU: "it holds no vCPU"
        case .noInit(let vcpu):
            "vCPU \(vcpu) has no VCPU_INIT, which tells the features that its registers belong to"
        case .noVectorLengths(let vcpu):
            "vCPU \(vcpu) has SVE, and the register SVE_VLS is missing, which tells the lengths of its vectors and "
                + "is in no QEMU stream: record the host itself with vcpusnap host"
        case .noKernel:
            "it does not say which kernel its host runs: give that host's uname -r with --kernel"
        case .unusableKernel(let text):
            "it calls the kernel \(Self.quoted(text)), and a release is a word of at most "
                + "\(HostProfile.Limit.word) printable ASCII characters: give that host's uname -r "
                + "with --kernel"
        case .noVersion(let text): OtherKernelError.unusableRelease(text).description
        case .otherKernel(let told, let given):
            "it says that its host runs \(told), and \(given) is another kernel: leave that out"
        case .unusableName(let text):
            "\(Self.quoted(text)) cannot be a profile's name: give a word of at most "
                + "\(HostProfile.Limit.word) printable ASCII characters that does not begin with #"
        case .incomplete(let problem):
            "no profile can be made of it: \(problem); save a vCPU that is whole, or record the host "
                + "itself with vcpusnap host"
        }
    }

    /// The text as ASCII without control characters: it comes from a file of anybody's.
    private static func quoted(_ text: String) -> String {
        "\"" + text.unicodeScalars.prefix(200).map { $0.escaped(asASCII: true) }.joined() + "\""
    }
}
