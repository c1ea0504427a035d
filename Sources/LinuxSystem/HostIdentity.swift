internal import CLinux

/// What identifies the host's software.
package enum HostIdentity {
    /// The kernel release, `uname -r`; empty when the kernel does not tell.
    package static func kernelRelease() -> String {
        TextBuffer.read(clinux_kernel_release) ?? ""
    }

    /// CNTFRQ_EL0, the frequency of the generic timer, in Hz; 0 on machines that are not arm64.
    package static func counterFrequency() -> UInt64 {
        clinux_counter_frequency()
    }

    /// The value of an environment variable, nil when it is not set.
    package static func environment(_ name: String) -> String? {
        clinux_getenv(name).map { String(cString: $0) }
    }
}
