import Foundation
import Machines
import RealQEMU
import TestFiles
import Testing

/// Something of a kind of source, to try what holds for all kinds.
struct SourceSubject: Sendable, CustomTestStringConvertible {
    /// Of the kind: `emulated:NAME`.
    let grammar: String
    /// Why no register of it can be one that is listed and cannot be read; nil where a bank of it could fail.
    var whyAllIsRead: String?
    private let make: @Sendable (TemporaryFolder) throws -> Made

    struct Made {
        /// As on a command line.
        var argument: String
        /// What must live as long.
        var keeper: AnyObject?
    }

    init(
        grammar: String, whyAllIsRead: String? = nil,
        make: @escaping @Sendable (TemporaryFolder) throws -> Made
    ) {
        self.grammar = grammar
        self.whyAllIsRead = whyAllIsRead
        self.make = make
    }

    var testDescription: String { grammar }

    /// Whether it is a file, which can be damaged.
    var isFile: Bool { SourceKinds.files.contains { $0.summary.grammar == grammar } }

    /// - Parameter folder: has all that it needs.
    func made(in folder: TemporaryFolder) throws -> (location: Location, keeper: AnyObject?) {
        let made = try make(folder)
        return (try #require(Location(argument: made.argument)), made.keeper)
    }

    private static func file(
        _ grammar: String, _ name: String,
        whyAllIsRead: String? = "the vCPUs are parsed as a whole, or the file is refused",
        _ bytes: @escaping @Sendable () throws -> [UInt8]
    ) -> SourceSubject {
        SourceSubject(grammar: grammar, whyAllIsRead: whyAllIsRead) { folder in
            Made(argument: try folder.make(name, try bytes()))
        }
    }

    /// Those that need no KVM, as far as there is a QEMU on this machine.
    static var all: [SourceSubject] { files + [emulated] + (QEMU.isThere ? [running] : []) }

    /// Tried by Scripts/test-kvm and test-attach.
    static let onKVM: Set = ["kvm:", "pid:PID"]
    static let onQEMU: Set = ["qmp:SOCKET"]
    /// Tried by LibvirtSaveTests and SSHCommandTests, with a virsh and an ssh that are found on the PATH.
    static let byPrograms: Set = ["libvirt:DOMAIN", "ssh:HOST"]

    /// What begins as a file of a kind does, and goes on as nothing.
    static let files: [SourceSubject] = [
        file("snapshot", "cpu.vcpusnap", whyAllIsRead: nil) { try golden() },
        file("QEMU stream", "vm.mig") { try StreamFixture.kvmN1.bytes },
        file("libvirt image", "vm.save") { try Images.libvirtHeader() + StreamFixture.kvmN1.bytes },
        file("compressed stream", "vm.mig.gz") { try gzip(StreamFixture.kvmN1.bytes) },
        file("qcow2 image", "disk.qcow2") {
            QCOW2Writer(snapshots: [.init(state: try StreamFixture.kvmN1.bytes)]).image()
        },
        file(
            "host profile", "host.vhost",
            whyAllIsRead: "the vCPU is made from the profile, and is not given out to be opened"
        ) {
            try bytes("Formats/hosts/6.12-neoverse-n1.vhost")
        },
        file("Firecracker state", "vm.vmstate") {
            try bytes("Formats/vectors/firecracker/10.0.0-F-2.vmstate")
        },
        file("analyzed stream", "vm.json") {
            let folder = try TemporaryFolder()
            try VMMGenerator.analyzed.make(StreamFixture.kvmN1.path, folder / "vm.json")
            return try folder.bytes("vm.json")
        },
        file("libkrun checkpoint", "checkpoint.bin") { try made(.libkrun) },
        file("cloud-hypervisor state", "state.json") { try made(.cloudHypervisor) },
        file("crosvm snapshot", "vcpu0") { try made(.crosvm, "vcpu/vcpu0") },
        file("register dump", "registers.txt") {
            let folder = try TemporaryFolder()
            let registers = try VMMGenerator.libkrun.make(folder / "made", "1")
            // The columns of a program that read each register and wrote it back.
            let lines = registers.filter { $0.unit == "0" && $0.id >> 56 == 0x60 }.map { register in
                let id = String(register.id, radix: 16)
                return "\(id) \(1 << (register.id >> 52 & 15)) 0 0 \(register.value.dropFirst(2))\n"
            }
            return Array(lines.joined().utf8)
        },
    ]

    private static let emulated = SourceSubject(grammar: "emulated:NAME") { _ in
        Made(argument: "emulated:6.1-cortex-a57")
    }

    /// Its vCPUs have not begun.
    private static let running = SourceSubject(
        grammar: "qmp:SOCKET",
        whyAllIsRead: "QEMU sends its vCPUs as a stream, which is parsed as a whole"
    ) { _ in
        let qemu = try QEMU(vCPUs: 2, "-S")
        _ = try qemu.connect()
        return Made(argument: "qmp:\(qemu.path)", keeper: qemu)
    }

    private static func golden() throws -> [UInt8] {
        try bytes("Tests/SnapshotFormatTests/Golden/eight-vcpus.vcpusnap")
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: ProjectFolder.file(path)))
    }

    /// What a program of Tests/VMM makes, or a file in the folder that it makes.
    private static func made(_ generator: VMMGenerator, _ name: String? = nil) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        try generator.make(folder / "made", "1")
        return try folder.bytes(name.map { "made/\($0)" } ?? "made")
    }

    private static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "gzip -n \"$0\"", try folder.make("plain", bytes)]
        try process.run()
        process.waitUntilExit()
        return try folder.bytes("plain.gz")
    }
}
