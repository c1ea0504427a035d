/// The version of the program.
public enum Version {
    public static let number = "0.1.0"
    public static let text = "vcpusnap \(number)"
}
