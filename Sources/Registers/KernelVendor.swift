internal import CFormatData

/// Who built a kernel, as its release tells: a vendor's kernel can have KVM of newer kernels than its version.
public struct KernelVendor: Hashable, Sendable {
    /// `Amazon Linux`.
    public let name: String
    /// Whether its kernels are known to have the KVM of the stable kernel of their version.
    public let keepsToVersion: Bool

    /// - Parameter release: as `uname -r` prints it.
    /// - Returns: nil where nothing in it is known to be a vendor's.
    public init?(ofRelease release: String) {
        guard
            let row = Tables.kernelVendors.first(where: {
                release.contains(Tables.string($0.mark))
            })
        else { return nil }
        name = Tables.string(row.name)
        keepsToVersion = row.is_stable != 0
    }
}
