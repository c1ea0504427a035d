/// Which releases of Firecracker wrote which versions of their files, in which layout (Formats/firecracker-vmstate.md,
/// section 2).
struct FirecrackerVersion {
    let version: String
    let layout: FirecrackerLayout
    let releases: String

    static let all = [
        FirecrackerVersion("1.0.0", .a, "1.7.0"),
        FirecrackerVersion("2.0.0", .b, "1.8.0"),
        FirecrackerVersion("3.0.0", .b, "1.9.0, 1.9.1, 1.10.0"),
        FirecrackerVersion("4.0.0", .b, "1.10.1"),
        FirecrackerVersion("5.0.0", .c, "1.11.0"),
        FirecrackerVersion("6.0.0", .d, "1.12.0, 1.12.1"),
        FirecrackerVersion("7.0.0", .dWithTime, "none, before 1.13.0"),
        FirecrackerVersion("8.0.0", .e, "1.13.0 to 1.13.2"),
        FirecrackerVersion("8.0.0", .f, "1.14.0 to 1.14.4"),
        FirecrackerVersion("9.0.0", .f, "1.15.0, 1.15.1"),
        FirecrackerVersion("10.0.0", .f, "1.16.0, 1.16.1"),
        FirecrackerVersion("11.0.0", .f, "1.16.2"),
        FirecrackerVersion("11.0.0", .g, "none, before 1.17.0"),
        FirecrackerVersion("12.0.0", .g, "1.17.0"),
    ]

    private init(_ version: String, _ layout: FirecrackerLayout, _ releases: String) {
        self.version = version
        self.layout = layout
        self.releases = releases
    }

    /// The releases whose files have a number in place of a version, by that number.
    static let versionizeReleases: [UInt64: String] = [
        4: "1.0", 5: "1.1", 6: "1.2", 7: "1.3", 8: "1.4", 9: "1.5", 10: "1.6",
    ]
}
