/// The most that is accepted of a file of any VMM, whatever the file says; each kind has a limit of bytes of its own.
public enum VMMFileLimits {
    /// The most vCPUs; KVM makes at most 512.
    public static let vcpus = 4096
    /// The most registers of a vCPU.
    public static let registers = 4096

    /// Makes sure that there are no more.
    /// - Throws: where there are.
    package static func check(
        _ count: Int, _ limit: Int, _ what: String
    ) throws(VMMFileError) {
        guard count <= limit else {
            throw .contradiction("it has \(count) \(what), expected at most \(limit)")
        }
    }
}
