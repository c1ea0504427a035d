// swift-tools-version: 6.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let library = Target.Dependency.product(name: "VCPUSnap", package: "vcpusnap")

// Programs that prove on real KVM what vcpusnap does; Scripts/test-kvm and test-attach build and run them.
let package = Package(
    name: "proofs",
    dependencies: [.package(name: "vcpusnap", path: "../..")],
    targets: [
        .target(name: "SeededRandom", swiftSettings: settings),

        // The proof, on a running guest, that what is saved is all there is.
        .target(name: "GuestPrograms"),
        .target(name: "OwnVMM"),
        .executableTarget(
            name: "kvm-proof",
            dependencies: ["GuestPrograms", "OwnVMM", "SeededRandom", library],
            swiftSettings: settings),

        // Attaches to the VMMs of Tests/AttachTargets. The seam is between its steps.
        .target(name: "AttachSeam"),
        .executableTarget(
            name: "attach-proof",
            dependencies: ["AttachSeam", "SeededRandom", library],
            swiftSettings: settings),

        // Boots Linux, stops it, and lets it go on from what was saved.
        .target(name: "LinuxVMM", dependencies: ["OwnVMM"]),
        .executableTarget(
            name: "linux-proof",
            dependencies: ["LinuxVMM", "SeededRandom", library],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
