import Foundation
import TestFiles
import Testing

@Suite("Commands: convert")
struct StreamConvertTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func snapshot(_ stream: String, _ name: String = "vm.vcpusnap") throws -> String {
        let run = try Program.run("convert", stream, "-o", folder / name)
        try #require(run.status == 0, "\(run.errors)")
        #expect(run.text.hasPrefix("written \(folder / name): "))
        return folder / name
    }

    // MARK: To a snapshot

    @Test(
        "Every stream becomes a sound snapshot of its owner's",
        arguments: [
            Stream.n1, Stream.max, Stream.devices, Stream.tcgA15, Stream.tcgMax,
        ])
    func toSnapshot(stream: String) throws {
        let original = try Stream.data(stream)
        let path = try snapshot(stream)
        #expect(try folder.permissions("vm.vcpusnap") == 0o600)
        #expect(try Program.run("verify", path).status == 0)
        #expect(try Program.run("diff", "--exact", path, stream).status == 0)
        #expect(try Stream.data(stream) == original)
    }

    @Test("A stream on standard input, and a snapshot on standard output")
    func standardStreams() throws {
        let path = try snapshot(Stream.n1)
        for run in [
            try Program.run("convert", "-", "-o", "-", input: try Stream.data(Stream.n1)),
            try Stream.pipe(Stream.n1, into: "convert", "-", "-o", "-"),
        ] {
            #expect(run.status == 0, "\(run.errors)")
            try folder.make("other.vcpusnap", run.output)
            #expect(try Program.run("diff", "--exact", path, folder / "other.vcpusnap").status == 0)
        }
    }

    @Test("A snapshot is no stream, and a damaged stream leaves no file")
    func noSnapshot() throws {
        let path = try snapshot(Stream.n1)
        expectStreamTrouble(
            try Program.run("convert", path, "-o", folder / "again"), path, "migration streams")
        try folder.make("cut.mig", try Stream.data(Stream.n1).prefix(9000))
        let run = try Program.run("convert", folder / "cut.mig", "-o", folder / "cut.vcpusnap")
        expectStreamTrouble(run, "cut.mig")
        #expect(try folder.names == ["cut.mig", "vm.vcpusnap"])
    }

    // MARK: Into a stream

    @Test("A snapshot put back into its stream is the same guest")
    func thereAndBack() throws {
        let path = try snapshot(Stream.n1)
        let run = try Program.run(
            "convert", path, "--into", Stream.n1, "-o", folder / "new.mig")
        #expect(run.status == 0, "\(run.errors)\(run.text)")
        #expect(try folder.permissions("new.mig") == 0o600)
        #expect(try Program.run("diff", "--exact", path, folder / "new.mig").status == 0)
        // But for the stale copies of the stack pointers in use nothing is touched.
        let (old, new) = (try Stream.data(Stream.n1), try folder.data("new.mig"))
        #expect(old.count == new.count)
        let fields = [11_319, 16_760].map { $0 + 17 + 536..<$0 + 17 + 568 }
        for place in old.indices where old[place] != new[place] {
            #expect(fields.contains { $0.contains(place) }, "\(place)")
        }
    }

    @Test("A changed register is what the new stream has, and nothing else is")
    func changedRegister() throws {
        let path = try snapshot(Stream.n1)
        try Program.run("set", path, "--vcpu", "1", "x7=0x1234", "CONTEXTIDR_EL1=0x55")
        let run = try Program.run(
            "convert", path, "--into", Stream.n1, "-o", folder / "new.mig", "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try run.json()["target"] as? String == Stream.n1)
        #expect(try Program.run("diff", path, folder / "new.mig").status == 0)
        let diff = try Program.run("diff", Stream.n1, folder / "new.mig")
        #expect(diff.status == 1)
        #expect(diff.text.contains("x7") && diff.text.contains("CONTEXTIDR_EL1"))
        #expect(!diff.text.contains("x8 "))
    }

    @Test("The new stream can go to standard output, and the report to standard error")
    func toStandardOutput() throws {
        let path = try snapshot(Stream.n1)
        let file = try Program.run("convert", path, "--into", Stream.n1, "-o", folder / "new.mig")
        #expect(file.status == 0)
        let run = try Program.run("convert", path, "--into", Stream.n1, "-o", "-")
        #expect(run.status == 0)
        #expect(try run.output == folder.data("new.mig"))
        #expect(run.errors.contains("vCPUs 0-1: complete; "))
    }

    @Test("What the other stream cannot hold is named, the exit code is 1, and the rest is there")
    func intoAnotherKind() throws {
        let path = try snapshot(Stream.max)
        let one = folder / "one.vcpusnap"
        #expect(try Program.run("convert", Stream.tcgA15, "-o", one).status == 0)
        let run = try Program.run(
            "convert", path, "--into", Stream.tcgA15, "-o", folder / "new.mig")
        #expect(run.status == 1)
        #expect(run.text.contains("MIDR_EL1"))
        let shown = try Program.run("show", folder / "new.mig", "--register", "pc")
        #expect(shown.text.contains("0xffffa4d5ff3dabc8"))
    }

    @Test("Streams of QEMU's emulation keep their ID registers")
    func intoEmulation() throws {
        let path = try snapshot(Stream.n1)
        let run = try Program.run(
            "convert", path, "--into", Stream.tcgMax, "-o", folder / "new.mig", "--format", "json")
        #expect(run.status == 1)
        for name in ["ID_AA64MMFR1_EL1", "CLIDR_EL1"] {
            let shown = try [Stream.tcgMax, folder / "new.mig"].map {
                try Program.run("show", $0, "--register", name, "--format", "json").json()["vcpus"]
                    as? NSArray
            }
            #expect(shown[0] == shown[1])
        }
    }

    @Test("vCPUs must be the same ones")
    func otherVCPUs() throws {
        let path = try snapshot(Stream.max)
        let run = try Program.run("convert", path, "--into", Stream.n1, "-o", folder / "new.mig")
        expectStreamTrouble(run, Stream.n1, "vCPUs 0-1", path, "vCPU 0", "the same")
        #expect(try folder.names == ["vm.vcpusnap"])
    }

    @Test("Only a stream can be put into, and only files be written")
    func badUsage() throws {
        let path = try snapshot(Stream.n1)
        expectStreamTrouble(
            try Program.run("convert", path, "--into", path, "-o", folder / "new"), path,
            "migration streams")
        expectStreamTrouble(
            try Program.run("convert", path, "--into", Stream.n1, "-o", "kvm:"), "kvm:")
        expectStreamTrouble(try Program.run("convert", Stream.n1, "-o", "kvm:"), "kvm:")
        expectStreamTrouble(try Program.run("convert", path, "-o", folder / "new"), path)
        expectStreamTrouble(try Program.run("convert", Stream.n1), "output")
        #expect(try folder.names == ["vm.vcpusnap"])
    }
}
