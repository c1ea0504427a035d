internal import CFormatData

/// The version of a Linux kernel, as far as it orders kernels.
public struct KernelVersion: Hashable, Comparable, Sendable {
    /// The first number of the release: 6 of 6.12.117.
    public var major: Int
    /// The second number: 12 of 6.12.117.
    public var minor: Int
    /// The release of the stable series: 117 of 6.12.117, and 0 of 6.12.
    public var patch: Int

    /// A version by its numbers; `KernelVersion(6, 12)` is Linux 6.12.
    public init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// Parses a release as `uname -r` prints it, such as `6.12.117+deb13-cloud-arm64`.
    ///
    /// Two or three numbers, then anything that does not continue the last one; nil for other text.
    public init?(parsing release: some StringProtocol) {
        var numbers: [Int] = []
        var rest = release.utf8[...]
        while numbers.count < 3 {
            let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard 1...6 ~= digits.count else { break }
            numbers.append(digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
            rest = rest.dropFirst(digits.count)
            guard numbers.count < 3, rest.first == UInt8(ascii: ".") else { break }
            rest = rest.dropFirst()
        }
        guard numbers.count >= 2 else { return nil }
        self.init(numbers[0], numbers[1], numbers.count == 3 ? numbers[2] : 0)
    }

    /// The release that its series began with: 6.12 of 6.12.117.
    package var series: KernelVersion { KernelVersion(major, minor) }

    /// Whether the left one is older.
    public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }
}

extension KernelVersion: CustomStringConvertible {
    /// `6.12.117`; `6.12` where the patch level is 0.
    public var description: String {
        "\(major).\(minor)" + (patch == 0 ? "" : ".\(patch)")
    }
}

extension KernelVersion {
    /// The release of the oldest kernel that was examined; what is known of it counts for older ones too.
    public static let oldestExamined = KernelVersion(packed: cformat_oldest_kernel)

    /// The oldest kernel that was read; nothing is known of those before.
    public static let oldestKnown = KernelVersion(packed: cformat_first_change)

    /// The newest kernel of which a change is known, though it need not have been examined.
    public static let newestKnown = KernelVersion(packed: cformat_last_change)

    /// Whether a kernel has what came with `since`; one that tells no version counts as the newest.
    /// - Parameter since: nil for what every kernel has.
    package static func has(_ kernel: KernelVersion?, since: KernelVersion?) -> Bool {
        guard let kernel, let since else { return true }
        return kernel >= since
    }

    /// A version as the tables have it: `major << 24 | minor << 16 | patch`; nil for 0.
    init?(packed: UInt32) {
        guard packed != 0 else { return nil }
        self.init(Int(packed >> 24), Int(packed >> 16) & 0xff, Int(packed) & 0xffff)
    }
}
