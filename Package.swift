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
        .library(name: "VCPUSnap", targets: ["VCPUSnap"]),
        .executable(name: "vcpusnap", targets: ["vcpusnap"]),
        // libvcpusnap, for programs in C and all that can call it; Scripts/build-library makes what is installed.
        .library(name: "LibVCPUSnap", type: .dynamic, targets: ["LibVCPUSnap"]),
        // For Fuzz, which runs commands and calls of libvcpusnap inside itself; nothing else is to depend on them.
        .library(name: "Program", targets: ["Program"]),
        .library(name: "LibraryForC", targets: ["CVCPUSnap", "LibVCPUSnap"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Ground: text that people and programs write, the kernel interface in C, libzstd, and the tables
        // generated from Formats/.
        .target(name: "TextFormats", swiftSettings: settings),
        .target(name: "CLinux"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CFormatData"),
        .target(name: "LinuxSystem", dependencies: ["CLinux"], swiftSettings: settings),
        .target(
            name: "Registers", dependencies: ["CFormatData", "TextFormats"], swiftSettings: settings
        ),

        // The state of a vCPU and the one protocol everything else is written over.
        .target(
            name: "VCPUModel", dependencies: ["LinuxSystem", "Registers", "TextFormats"],
            swiftSettings: settings),

        // Where vCPU state lives.
        .target(
            name: "SnapshotFormat",
            dependencies: [
                "CFormatData", "CZstd", "LinuxSystem", "Registers", "TextFormats", "VCPUModel",
            ],
            swiftSettings: settings),
        .target(
            name: "Emulation",
            dependencies: ["CFormatData", "LinuxSystem", "Registers", "TextFormats", "VCPUModel"],
            swiftSettings: settings),
        .target(
            name: "KVM", dependencies: ["CLinux", "LinuxSystem", "Registers", "VCPUModel"],
            swiftSettings: settings),

        // The vCPUs of a running process that did not ask for it.
        .target(
            name: "Attach", dependencies: ["CLinux", "LinuxSystem", "Registers", "VCPUModel"],
            swiftSettings: settings),

        // QEMU's streams, and the files they come in.
        .target(
            name: "QEMUStream",
            dependencies: ["CLinux", "LinuxSystem", "Registers", "TextFormats", "VCPUModel"],
            swiftSettings: settings),

        // The files in which other VMMs keep a VM.
        .target(
            name: "VMMFiles",
            dependencies: ["LinuxSystem", "Registers", "TextFormats", "VCPUModel"],
            swiftSettings: settings),

        // A running QEMU.
        .target(
            name: "QMP", dependencies: ["CLinux", "LinuxSystem", "TextFormats"],
            swiftSettings: settings),

        // What writes into a bank, written once over RegisterBank: restores, their policies, edits.
        .target(
            name: "Transfer",
            dependencies: ["LinuxSystem", "Registers", "TextFormats", "VCPUModel"],
            swiftSettings: settings),

        // What a move will do, before it is made; what QEMU does with its own streams, and how to make one that loads.
        .target(
            name: "Planning",
            dependencies: [
                "Emulation", "LinuxSystem", "QEMUStream", "Registers", "TextFormats", "Transfer",
                "VCPUModel", "VMMFiles",
            ],
            swiftSettings: settings),

        // Every place where state is taken from or put.
        .target(
            name: "Machines",
            dependencies: [
                "Attach", "Emulation", "KVM", "LinuxSystem", "QEMUStream", "QMP", "Registers",
                "SnapshotFormat", "TextFormats", "Transfer", "VCPUModel", "VMMFiles",
            ],
            swiftSettings: settings),

        // Reports as JSON, for the program and for libvcpusnap.
        .target(
            name: "Reports",
            dependencies: [
                "Emulation", "LinuxSystem", "Planning", "Registers", "Transfer", "VCPUModel",
            ],
            swiftSettings: settings),

        // The command line: all of it, and the program, which starts it.
        .target(
            name: "Program",
            dependencies: [
                "Attach", "Emulation", "LinuxSystem", "Machines", "Planning", "QEMUStream",
                "Registers", "Reports", "SnapshotFormat", "TextFormats", "Transfer", "VCPUModel",
                "VMMFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        // Its folder has another name: some file systems could not tell it from the library's.
        .executableTarget(
            name: "vcpusnap", dependencies: ["Program"], path: "Sources/Start",
            swiftSettings: settings),

        // The library: all of it but the command line.
        .target(
            name: "VCPUSnap",
            dependencies: [
                "Attach", "Emulation", "KVM", "LinuxSystem", "Machines", "Planning", "QEMUStream",
                "Registers", "SnapshotFormat", "TextFormats", "Transfer", "VCPUModel", "VMMFiles",
            ],
            swiftSettings: settings),

        // The same for C: the header, and what it declares.
        .target(name: "CVCPUSnap"),
        .target(
            name: "LibVCPUSnap",
            dependencies: [
                "CVCPUSnap", "Emulation", "KVM", "LinuxSystem", "Machines", "Planning",
                "QEMUStream", "Registers", "Reports", "SnapshotFormat", "Transfer", "VCPUModel",
            ],
            swiftSettings: settings),

        // Tests, and what they share.
        .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: settings),
        .target(
            name: "TestFiles", dependencies: ["LinuxSystem"], path: "Tests/TestFiles",
            exclude: ["Fingerprints"], swiftSettings: settings),
        .target(
            name: "TestSubjects",
            dependencies: ["Emulation", "Registers", "Transfer", "VCPUModel"],
            path: "Tests/TestSubjects", swiftSettings: settings),
        .target(
            name: "RealQEMU", dependencies: ["QMP", "TestFiles"], path: "Tests/RealQEMU",
            swiftSettings: settings),
        .target(
            name: "FakeQEMU", dependencies: ["CLinux", "TestFiles", "TextFormats"],
            path: "Tests/FakeQEMU", swiftSettings: settings),

        .testTarget(
            name: "QMPTests",
            dependencies: [
                "CLinux", "FakeQEMU", "LinuxSystem", "QMP", "RealQEMU", "SeededRandom", "TestFiles",
                "TextFormats", "vcpusnap",
            ],
            swiftSettings: testSettings),

        .testTarget(
            name: "MachinesTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Machines", "Program", "QEMUStream", "RealQEMU",
                "Registers", "TestFiles", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "AttachTests", dependencies: ["Attach", "LinuxSystem"],
            swiftSettings: testSettings),
        .testTarget(
            name: "RegistersTests", dependencies: ["Registers", "SeededRandom", "TextFormats"],
            exclude: ["Fixtures"],
            swiftSettings: testSettings),
        .testTarget(
            name: "DifferenceTests", dependencies: ["Registers", "VCPUModel"],
            swiftSettings: testSettings),
        .testTarget(
            name: "ChecksumsTests", dependencies: ["LinuxSystem"], swiftSettings: testSettings),
        .testTarget(
            name: "SnapshotFormatTests",
            dependencies: [
                "LinuxSystem", "Registers", "SeededRandom", "SnapshotFormat", "TestFiles",
                "VCPUModel",
            ],
            exclude: ["Golden"], swiftSettings: testSettings),
        .testTarget(
            name: "EmulationTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Registers", "SeededRandom", "TestFiles",
                "TestSubjects", "TextFormats", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "KVMTests",
            dependencies: ["CLinux", "KVM", "LinuxSystem", "Registers", "VCPUModel", "VCPUSnap"],
            swiftSettings: testSettings),
        .testTarget(
            name: "TransferTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Registers", "TestSubjects", "Transfer", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "VCPUModelTests",
            dependencies: ["LinuxSystem", "Registers", "TestSubjects", "VCPUModel"],
            swiftSettings: testSettings),
        .testTarget(
            name: "SyncTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Registers", "SeededRandom", "TestSubjects", "Transfer",
                "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "EditingTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Registers", "TestSubjects", "Transfer", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "PolicyTests",
            dependencies: [
                "Registers", "SeededRandom", "TestFiles", "TestSubjects", "TextFormats", "Transfer",
                "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "PlanningTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Planning", "Registers", "SeededRandom", "TestSubjects",
                "Transfer", "VCPUModel", "VMMFiles",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "SavedImageTests",
            dependencies: [
                "CLinux", "LinuxSystem", "Machines", "QEMUStream", "SeededRandom", "TestFiles",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "TextFormatsTests", dependencies: ["SeededRandom", "TextFormats"],
            swiftSettings: testSettings),
        .testTarget(
            name: "VCPUSnapTests", dependencies: ["TestFiles", "VCPUSnap"],
            swiftSettings: testSettings),
        .testTarget(
            name: "LinuxSystemTests", dependencies: ["LinuxSystem", "SeededRandom", "TestFiles"],
            swiftSettings: testSettings),
        .testTarget(
            name: "QEMUStreamTests",
            dependencies: [
                "LinuxSystem", "QEMUStream", "Registers", "SeededRandom", "TestFiles",
                "TestSubjects", "VCPUModel",
            ],
            exclude: ["Streams"], swiftSettings: testSettings),
        .testTarget(
            name: "QEMULoadTests",
            dependencies: [
                "Emulation", "LinuxSystem", "Planning", "QEMUStream", "Registers", "SeededRandom",
                "TestFiles", "TestSubjects", "Transfer", "VCPUModel",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "VMMFilesTests",
            dependencies: [
                "LinuxSystem", "Registers", "SeededRandom", "TestFiles", "VCPUModel", "VMMFiles",
            ],
            swiftSettings: testSettings),
        // These run the program itself.
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "FakeQEMU", "Machines", "Program", "QMP", "RealQEMU", "Registers", "SeededRandom",
                "SnapshotFormat", "TestFiles", "TextFormats", "VCPUModel", "vcpusnap",
            ],
            exclude: ["Runs"], swiftSettings: testSettings),
    ],
    swiftLanguageModes: [.v6]
)

// Scripts/build-static puts this in the place of the real one, which is a quarter of the program.
if Context.environment["VCPUSNAP_STATIC"] != nil {
    let foundation = "FoundationEssentials"
    package.targets.append(.target(name: foundation, path: "Scripts/static-parts/\(foundation)"))
    let program = package.targets.first { $0.name == "vcpusnap" }
    program?.dependencies.append(.target(name: foundation))
}
