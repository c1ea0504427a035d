/// The version of the program.
public enum Version {
    /// `MAJOR.MINOR.PATCH`.
    public static let number = "0.2.0"
    /// What the program is called.
    static let program = "vcpusnap"
    /// What `--version` prints, and what a snapshot's provenance has for the tool.
    public static let text = "\(program) \(number)"
}
