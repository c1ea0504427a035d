import Foundation
import Registers
import SnapshotFormat
import TestFiles
import Testing
import VCPUModel

/// Every example is run as it stands in the help, in a folder that has files under the names that examples use.
@Suite("Examples of the help")
struct ExampleTests {
    /// What an example has to have beside files; where that is not there, it is only looked at whether the command line is
    /// understood.
    private static let machines = ["kvm:", "pid:", "qmp:", "libvirt:", "ssh"]
    /// These ask this machine's KVM without naming it.
    private static let ofThisHost = ["vcpusnap host", "vcpusnap host -o this-host.vhost"]

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for name in ["bin", "fleet"] {
            try FileManager.default.createDirectory(
                atPath: folder / name, withIntermediateDirectories: false)
        }
        // Nobody is connected to.
        try folder.make("bin/ssh", "#!/bin/sh\nexit 255\n")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: folder / "bin/ssh")
        try makeTexts()
        try makeSnapshots()
        try makeStreams()
        try folder.make("registers.txt", "0x6030000000100000 1\n")
        try VMMGenerator.analyzed.make(Stream.n1, folder / "vm.json")
        try VMMGenerator.libkrun.make(folder / "checkpoint.bin")
        try VMMGenerator.cloudHypervisor.make(folder / "state.json")
        try VMMGenerator.crosvm.make(folder / "crosvm.snap")
    }

    private func makeTexts() throws {
        let profile = try String(
            contentsOf: ProjectFolder.file("Formats/hosts/6.1-neoverse-n1.vhost"), encoding: .utf8)
        for host in ["rack1", "rack2", "rack3", "other"] {
            let text = profile.replacing("name 6.1-neoverse-n1", with: "name \(host)")
            try folder.make("\(host).vhost", text)
            try folder.make("fleet/\(host).vhost", text)
        }
        try folder.make("fleet.vpolicy", "vpolicy 1\nbase force\n")
        try folder.make(
            "fingerprint.json",
            try Data(
                contentsOf: ProjectFolder.file("Tests/TestFiles/Fingerprints/7.3-neoverse-n1.json"))
        )
        let baseline = try Program.run(
            "baseline", folder / "rack1.vhost", folder / "rack2.vhost", "-o",
            folder / "racks.vbaseline")
        try #require(baseline.status == 0, "\(baseline.errors)")
    }

    private func makeSnapshots() throws {
        for (name, host, vcpus) in [
            ("cpu", "6.12-neoverse-n1", "1"), ("four", "6.12-neoverse-n1", "4"),
            ("vm", "6.12-neoverse-n1", "2"), ("guest32", "6.12-cortex-a57", "1"),
        ] {
            let path = folder / "\(name).vcpusnap"
            let run = try Program.run("save", "emulated:\(host)", "--vcpus", vcpus, "-o", path)
            try #require(run.status == 0, "\(run.errors)")
        }
        for name in ["before", "after", "saved", "old", "new", "other"] {
            try folder.make("\(name).vcpusnap", try folder.data("cpu.vcpusnap"))
        }
        var vm = try SnapshotReader.decode(try folder.bytes("vm.vcpusnap"))
        for (name, bits) in [
            ("GIC_MODEL", 7), ("GIC_NR_IRQS", 64), ("GICD_ISENABLER1", 0x300),
            ("GICD_ISPENDR1", 0),
        ] {
            let id = try #require(RegisterID(parsing: name))
            let isSet = vm.vm.set(RegisterValue(UInt64(bits), size: id.size ?? 0), for: id)
            #expect(isSet)
        }
        let latch = try #require(RegisterID(parsing: "GICR_ISPENDR0"))
        vm.vcpus[0].registers.set(RegisterValue(0, size: 4), for: latch)
        try folder.make("vm.vcpusnap", try SnapshotWriter.encode(vm))
    }

    private func makeStreams() throws {
        let stream = [UInt8](try Stream.data(Stream.n1))
        for name in ["vm.mig", "template.mig"] { try folder.make(name, stream) }
        let state = ProjectFolder.file("Formats/vectors/firecracker/10.0.0-F-2.vmstate")
        try folder.make("vm.vmstate", try Data(contentsOf: state))
        try folder.make("half.mig", stream.prefix(20_000))
        try folder.make("vm.save", Images.libvirtHeader() + stream)
        let image = QCOW2Writer(
            snapshots: [
                .init(name: "before-upgrade", state: stream),
                .init(id: "2", name: "two", state: stream),
            ], hasCounts: true)
        try folder.make("disk.qcow2", image.image())
        try folder.make("header", Images.libvirtHeader(format: 1))
        let packed = try Program.shell(
            "gzip -c vm.mig | cat header - >gzipped.save && rm header && zstd -q vm.mig", in: folder
        )
        try #require(packed.status == 0, "\(packed.errors)")
    }

    /// The examples of a command's help, each with the lines that continue it.
    private static func examples(of command: [String]) throws -> [String] {
        let help = try Program.run(command + ["--help"]).text
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { $0 != "EXAMPLES" }.dropFirst().prefix { $0.hasPrefix("  ") }
        return lines.reduce(into: []) { examples, line in
            if line.hasPrefix("   "), let last = examples.popLast() {
                examples.append("\(last)\n\(line)")
            } else {
                examples.append(String(line.dropFirst(2)))
            }
        }
    }

    private static func needsMachine(_ example: String) -> Bool {
        ofThisHost.contains(example) || machines.contains { example.contains($0) }
    }

    private func run(_ example: String, after first: String = ":") throws -> Run {
        // Whatever has that id on this machine is left alone.
        let line = example.replacing("pid:4711", with: "pid:$$")
        return try Program.shell(
            "rm -rf run; mkdir run; cp -r $(ls | grep -vx run) run; cd run; "
                + "export PATH=$PWD/bin:$PATH; \(first); \(line)", in: folder)
    }

    @Test("They do what they are there to show; those that need a machine are understood")
    func examples() throws {
        let commands = [[]] + HelpTests.commands.map { [$0] }
        let all = try commands.flatMap(Self.examples)
        let (there, here) = (
            all.filter(Self.needsMachine), Set(all.filter { !Self.needsMachine($0) })
        )
        // A new example is counted here, so that none is left out unseen.
        #expect(there.count == 23 && here.count == 87, "\(there.count) and \(here.count)")
        for example in here.sorted() {
            let isUndo = example.hasPrefix("vcpusnap unmend ")
            let run = try run(
                example,
                after: isUndo
                    ? "vcpusnap mend vm.save --host rack1.vhost --policy force --in-place >run.txt"
                    : ":")
            #expect([0, 1].contains(run.status), "\(example): \(run.status): \(run.errors)")
        }
        for example in there {
            #expect(try !run(example).errors.contains("Usage:"), "\(example)")
        }
    }
}
