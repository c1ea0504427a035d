internal import CLinux

/// What identifies the host's software.
public enum HostIdentity {
    /// The kernel release, `uname -r`; empty when the kernel does not tell.
    public static func kernelRelease() -> String {
        TextBuffer.read(clinux_kernel_release) ?? ""
    }

    /// The value of an environment variable, nil when it is not set.
    public static func environment(_ name: String) -> String? {
        clinux_getenv(name).map { String(cString: $0) }
    }
}
