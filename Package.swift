// swift-tools-version: 6.0
import PackageDescription

let testSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Scripts/test has the sources optimized, so that its tests take a third of the time. Nothing else does:
// no package can depend on one with unsafe flags.
let optimization: [SwiftSetting] =
    Context.environment["VCPUSNAP_OPTIMIZED"] == nil ? [] : [.unsafeFlags(["-O"])]
let settings = testSettings + optimization

let package = Package(
    name: "vcpusnap",
    products: [
        .library(name: "Checksums", targets: ["Checksums"]),
        .library(name: "JSONText", targets: ["JSONText"]),
        .library(name: "LinuxSystem", targets: ["LinuxSystem"]),
        .library(name: "Registers", targets: ["Registers"]),
        .library(name: "VCPUModel", targets: ["VCPUModel"]),
        .library(name: "SnapshotFormat", targets: ["SnapshotFormat"]),
        .library(name: "Emulation", targets: ["Emulation"]),
        .library(name: "KVM", targets: ["KVM"]),
        .library(name: "Attach", targets: ["Attach"]),
        .library(name: "QEMUStream", targets: ["QEMUStream"]),
        .library(name: "SavedImage", targets: ["SavedImage"]),
        .library(name: "QEMULoad", targets: ["QEMULoad"]),
        .library(name: "QMP", targets: ["QMP"]),
        .library(name: "Policy", targets: ["Policy"]),
        .library(name: "Transfer", targets: ["Transfer"]),
        .library(name: "Difference", targets: ["Difference"]),
        .library(name: "Planning", targets: ["Planning"]),
        .library(name: "Sync", targets: ["Sync"]),
        .library(name: "Editing", targets: ["Editing"]),
        .library(name: "Program", targets: ["Program"]),
        .executable(name: "vcpusnap", targets: ["vcpusnap"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Ground: the kernel interface in C, libzstd, and the tables generated from Formats/.
        .target(name: "CLinux"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CFormatData"),
        .target(name: "Checksums", swiftSettings: settings),
        .target(name: "LinuxSystem", dependencies: ["CLinux"], swiftSettings: settings),
        .target(name: "Registers", dependencies: ["CFormatData"], swiftSettings: settings),

        // The state of a vCPU and the one protocol everything else is written over.
        .target(
            name: "VCPUModel", dependencies: ["Registers", "LinuxSystem"],
            swiftSettings: settings),

        // The text format of host profiles and policies.
        .target(
            name: "DirectiveText", dependencies: ["Registers", "VCPUModel"], swiftSettings: settings
        ),

        // JSON with the places of its values: what QEMU says of its streams, and QMP.
        .target(name: "JSONText", swiftSettings: settings),

        // Where vCPU state lives.
        .target(
            name: "SnapshotFormat",
            dependencies: [
                "CFormatData", "Checksums", "CZstd", "LinuxSystem", "Registers", "VCPUModel",
            ],
            swiftSettings: settings),
        .target(
            name: "Emulation",
            dependencies: [
                "CFormatData", "DirectiveText", "LinuxSystem", "Registers", "VCPUModel",
            ],
            swiftSettings: settings),
        .target(
            name: "KVM", dependencies: ["CLinux", "LinuxSystem", "Registers", "VCPUModel"],
            swiftSettings: settings),

        // The vCPUs of a running process that did not ask for it.
        .target(
            name: "Attach", dependencies: ["CLinux", "LinuxSystem", "Registers", "VCPUModel"],
            swiftSettings: settings),

        .target(
            name: "QEMUStream",
            dependencies: ["Checksums", "JSONText", "LinuxSystem", "Registers", "VCPUModel"],
            swiftSettings: settings),

        // The files QEMU's streams come in, and a running QEMU.
        .target(
            name: "SavedImage", dependencies: ["CLinux", "LinuxSystem"], swiftSettings: settings),
        .target(
            name: "QMP", dependencies: ["CLinux", "JSONText", "LinuxSystem"],
            swiftSettings: settings),

        // What is done with it, written once over RegisterBank.
        .target(
            name: "Policy", dependencies: ["DirectiveText", "Registers", "VCPUModel"],
            swiftSettings: settings),
        .target(
            name: "Transfer", dependencies: ["LinuxSystem", "Policy", "Registers", "VCPUModel"],
            swiftSettings: settings),
        .target(
            name: "Difference", dependencies: ["Registers", "VCPUModel"],
            swiftSettings: settings),
        .target(
            name: "Sync", dependencies: ["LinuxSystem", "Registers", "VCPUModel"],
            swiftSettings: settings),

        // What a move will do, before it is made.
        .target(
            name: "Planning",
            dependencies: [
                "Emulation", "LinuxSystem", "Policy", "Registers", "Transfer", "VCPUModel",
            ],
            swiftSettings: settings),

        // What QEMU does with its own streams, and how to make one that loads.
        .target(
            name: "QEMULoad",
            dependencies: [
                "Emulation", "LinuxSystem", "Policy", "QEMUStream", "Registers", "Transfer",
                "VCPUModel",
            ],
            swiftSettings: settings),

        // Code that changes a vCPU's registers.
        .target(
            name: "Editing", dependencies: ["LinuxSystem", "Registers", "Sync", "VCPUModel"],
            swiftSettings: settings),

        // The command line: all of it, and the program, which starts it.
        .target(
            name: "Program",
            dependencies: [
                "Attach", "Difference", "Editing", "Emulation", "KVM", "LinuxSystem", "Registers",
                "Planning", "Policy", "QEMULoad", "QEMUStream", "QMP", "SavedImage",
                "SnapshotFormat", "Sync", "Transfer", "VCPUModel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "vcpusnap", dependencies: ["Program"], swiftSettings: settings),

        // Tests, and what they share.
        .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: settings),
        .target(
            name: "TestFiles", dependencies: ["LinuxSystem"], path: "Tests/TestFiles",
            swiftSettings: settings),
        .target(
            name: "TestSubjects", dependencies: ["Emulation", "Policy", "Registers", "VCPUModel"],
            path: "Tests/TestSubjects", swiftSettings: settings),
        .target(
            name: "RealQEMU", dependencies: ["QMP", "TestFiles"], path: "Tests/RealQEMU",
            swiftSettings: settings),
        .target(
            name: "FakeQEMU", dependencies: ["CLinux", "JSONText", "TestFiles"],
            path: "Tests/FakeQEMU", swiftSettings: settings),

        // The proof, on a running guest, that what is saved is all there is; it needs arm64 KVM.
        .target(name: "GuestPrograms", path: "Tests/GuestPrograms"),
        .executableTarget(
            name: "kvm-proof",
            dependencies: [
                "Editing", "Emulation", "GuestPrograms", "KVM", "LinuxSystem", "Policy",
                "Registers", "SeededRandom", "SnapshotFormat", "Sync", "Transfer", "VCPUModel",
            ], path: "Tests/KVMProof", swiftSettings: settings),

        // Attaches to the VMMs of Tests/AttachTargets; it needs arm64 KVM. The seam is between its steps.
        .target(name: "AttachSeam", path: "Tests/AttachSeam"),
        .executableTarget(
            name: "attach-proof",
            dependencies: [
                "Attach", "AttachSeam", "LinuxSystem", "Registers", "SeededRandom", "VCPUModel",
            ],
            path: "Tests/AttachProof", swiftSettings: settings),

        // Captures from a running QEMU, and is killed at it.
        .executableTarget(
            name: "qmp-kill-subject", dependencies: ["QMP"], path: "Tests/QMPKillSubject",
            swiftSettings: settings),
        .testTarget(
            name: "QMPTests",
            dependencies: [
                "CLinux", "FakeQEMU", "JSONText", "LinuxSystem", "QMP", "RealQEMU", "SeededRandom",
                "TestFiles", "qmp-kill-subject",
            ],
            swiftSettings: testSettings),

        .testTarget(
            name: "AttachTests", dependencies: ["Attach", "LinuxSystem"],
            swiftSettings: testSettings),
        .testTarget(
            name: "RegistersTests", dependencies: ["Registers", "SeededRandom"],
            exclude: ["Fixtures"],
            swiftSettings: testSettings),
        .testTarget(
            name: "DifferenceTests", dependencies: ["Difference", "Registers", "VCPUModel"],
            swiftSettings: testSettings),
        .testTarget(
            name: "ChecksumsTests", dependencies: ["Checksums"], swiftSettings: testSettings),
        .testTarget(
            name: "SnapshotFormatTests",
            dependencies: [
                "Checksums",
                "SnapshotFormat", "VCPUModel", "Registers", "LinuxSystem", "SeededRandom",
                "TestFiles",
            ],
            exclude: ["Golden"], swiftSettings: testSettings),
        .testTarget(
            name: "EmulationTests",
            dependencies: [
                "DirectiveText", "Emulation", "LinuxSystem", "Registers", "SeededRandom",
                "TestFiles", "TestSubjects", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "KVMTests",
            dependencies: ["CLinux", "KVM", "LinuxSystem", "Registers", "VCPUModel"],
            swiftSettings: testSettings),
        .testTarget(
            name: "TransferTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Policy", "Registers", "TestSubjects", "Transfer",
                "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "VCPUModelTests",
            dependencies: ["LinuxSystem", "Registers", "TestSubjects", "VCPUModel"],
            swiftSettings: testSettings),
        .testTarget(
            name: "SyncTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Registers", "SeededRandom", "Sync", "TestSubjects",
                "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "EditingTests",
            dependencies: [
                "Editing", "Emulation", "LinuxSystem", "Registers", "Sync", "TestSubjects",
                "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "PolicyTests",
            dependencies: [
                "DirectiveText", "Policy", "Registers", "SeededRandom", "TestFiles",
                "TestSubjects", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "PlanningTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Planning", "Policy", "Registers", "SeededRandom",
                "TestSubjects", "Transfer", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "SavedImageTests",
            dependencies: ["CLinux", "LinuxSystem", "SavedImage", "SeededRandom", "TestFiles"],
            swiftSettings: testSettings),
        .testTarget(
            name: "JSONTextTests", dependencies: ["JSONText", "SeededRandom"],
            swiftSettings: testSettings),
        .testTarget(
            name: "LinuxSystemTests", dependencies: ["LinuxSystem", "SeededRandom", "TestFiles"],
            swiftSettings: testSettings),
        .testTarget(
            name: "QEMUStreamTests",
            dependencies: [
                "Checksums", "LinuxSystem", "QEMUStream", "Registers", "SeededRandom", "TestFiles",
                "TestSubjects", "VCPUModel",
            ],
            exclude: ["Streams"], swiftSettings: testSettings),
        .testTarget(
            name: "QEMULoadTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Policy", "QEMULoad", "QEMUStream", "Registers",
                "SeededRandom", "TestFiles", "TestSubjects", "VCPUModel",
            ],
            swiftSettings: testSettings),
        // These run the program itself.
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "FakeQEMU", "JSONText", "QMP", "RealQEMU", "Registers", "SeededRandom",
                "SnapshotFormat", "TestFiles", "VCPUModel", "Program", "vcpusnap",
            ],
            exclude: ["Runs"], swiftSettings: testSettings),
    ],
    swiftLanguageModes: [.v6]
)
