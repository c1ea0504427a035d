// swift-tools-version: 6.0
import PackageDescription

// Built by Fuzz/run, with the sanitizers.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "vcpusnap", path: "..")],
    targets: [
        // libFuzzer's and the sanitizers' interface, and what is done in the middle of a crash.
        .target(name: "CFuzz"),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CFuzz",
                .product(name: "LibraryForC", package: "vcpusnap"),
                .product(name: "Program", package: "vcpusnap"),
                .product(name: "VCPUSnap", package: "vcpusnap"),
            ],
            // Its main is CFuzz's, which is libFuzzer's.
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    ],
    swiftLanguageModes: [.v6]
)
