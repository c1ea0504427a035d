import Foundation
import TestFiles
import Testing

private let host = "6.12-neoverse-n1"

@Suite("Commands: streams that are not whole")
struct StreamEndCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Runs everything that takes a stream.
    private func runAll(_ path: String) throws -> [[String]: Run] {
        let whole = Stream.n1
        let commands: [[String]] = [
            ["show", path], ["show", path, "--format", "json"],
            ["plan", path, "--host", host], ["plan", path, "--host", host, "--qemu", "10.0"],
            ["mend", path, "--host", host, "-o", folder / "out.mig"],
            ["mend", path, "--host", host, "-o", "-"],
            ["mend", path, "--host", host, "--in-place"],
            ["mend", path, "--host", host, "--dry-run"],
            ["convert", path, "-o", folder / "out.vcpusnap"],
            ["convert", folder / "whole.vcpusnap", "--into", path, "-o", folder / "out.mig"],
            ["diff", path, whole], ["diff", whole, path], ["matrix", path, "--host", host],
            ["restore", path, "emulated:\(host)"],
        ]
        return try commands.reduce(into: [:]) { $0[$1] = try Program.run($1) }
    }

    /// Expects that all that takes a stream refuses it, and says so.
    private func expectDamage(
        _ path: String, _ words: String = "damaged at byte", _ what: String = "",
        location: SourceLocation = #_sourceLocation
    ) throws {
        for (command, run) in try runAll(path) {
            #expect(run.status == 2, "\(command) \(what)", sourceLocation: location)
            #expect(run.errors.contains(words), "\(run.errors)", sourceLocation: location)
        }
    }

    @Test(
        "No command takes a stream that was cut off",
        arguments: [9000, 20_000, 23_215, 23_216, 23_222, 30_000, 42_691])
    func cutOff(count: Int) throws {
        #expect(
            try Program.run("convert", Stream.n1, "-o", folder / "whole.vcpusnap").status == 0)
        let cut = try Stream.data(Stream.n1).prefix(count)
        let path = try folder.make("cut.mig", cut)
        for (command, run) in try runAll(path) {
            #expect(run.status == 2, "\(command)")
            #expect(run.errors.contains("cut off at byte \(count)"), "\(command): \(run.errors)")
            #expect(run.output.isEmpty, "\(command)")
        }
        let piped = try Stream.pipe(
            path, into: "mend", "-", "--host", host, "-o", folder / "out.mig")
        expectStreamTrouble(piped, "standard input", "cut off at byte \(count)")
        #expect(try folder.names == ["cut.mig", "whole.vcpusnap"])
        #expect(try folder.data("cut.mig") == cut)
    }

    @Test("One flipped bit of a vCPU's header is damage to every command")
    func lostVCPU() throws {
        #expect(
            try Program.run("convert", Stream.n1, "-o", folder / "whole.vcpusnap").status == 0)
        for stream in [Stream.n1, Stream.devices] {
            let data = try Stream.data(stream)
            let second = stream == Stream.n1 ? 16_760 : 16_706
            for (offset, bit) in [(7, 1), (12, 2), (16, 1), (0, 4)] as [(Int, UInt8)] {
                var damaged = data
                damaged[second + offset] ^= bit
                try expectDamage(
                    try folder.make("damaged.mig", damaged), "damaged at byte", "byte \(offset)")
            }
        }
        #expect(try folder.names == ["damaged.mig", "whole.vcpusnap"])
    }

    @Test(
        "Damage of another device is damage to every command, and a length that does not fit is said by each"
    )
    func otherDevices() throws {
        #expect(
            try Program.run("convert", Stream.n1, "-o", folder / "whole.vcpusnap").status == 0)
        let data = try Stream.data(Stream.n1)
        let name = try #require(data.range(of: Data("pl011".utf8)))
        var damaged = data
        damaged[name.lowerBound - 6] ^= 1
        try expectDamage(
            try folder.make("damaged.mig", damaged), "the header of pl011 0: expected 04, found 05")
        var shorter = data
        shorter.remove(at: name.upperBound + 20)
        let path = try folder.make("shorter.mig", shorter)
        for arguments in [
            ["show", path], ["plan", path, "--host", host, "--qemu", "10.0", "--policy", "force"],
            ["mend", path, "--host", host, "--dry-run"],
            ["convert", path, "-o", folder / "new.vcpusnap"],
        ] {
            let run = try Program.run(arguments)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.errors.contains("by its description pl011 0 ends at byte"), "\(arguments)")
            #expect(run.errors.contains("QEMU will not load it; its vCPUs were found by search"))
            guard arguments[0] != "convert" else { continue }
            #expect(run.text.contains("by its description pl011 0 ends at byte"), "\(run.text)")
        }
    }

    // MARK: Parts

    @Test(
        "A vCPU that a device's id, a footer or a transfer as text hides is damage to every command"
    )
    func hiddenVCPU() throws {
        #expect(
            try Program.run("convert", Stream.n1, "-o", folder / "whole.vcpusnap").status == 0)
        let devices = try Stream.data(Stream.devices)
        let text = try Stream.data(Stream.n1).flatMap { Array(String(UnicodeScalar($0)).utf8) }
        // The ids of two flash devices, which become those of cpu_common 1 and cpu 0.
        var (first, second) = (devices, devices)
        first[11_148] ^= 4
        second[11_190] ^= 2
        for damaged in [first, second, Data(text)] {
            try expectDamage(try folder.make("damaged.mig", damaged))
            #expect(try folder.data("damaged.mig") == damaged)
        }
        // The footer of vCPU 0, in a stream without a description.
        var bare = try Stream.data(Stream.n1).prefix(23_216)
        bare[16_718] ^= 1
        let path = try folder.make("bare.mig", bare)
        for arguments in [
            ["show", path], ["mend", path, "--host", host, "-o", folder / "new.mig"],
            ["convert", path, "-o", folder / "new.vcpusnap"],
        ] {
            expectStreamTrouble(
                try Program.run(arguments + ["--undescribed"]), "damaged at byte 11319")
        }
        #expect(try folder.names == ["bare.mig", "damaged.mig", "whole.vcpusnap"])
    }

    @Test("A part is shown when it is asked for, and every output says that it is one")
    func partial() throws {
        let path = try folder.make("cut.mig", try Stream.data(Stream.n1).prefix(20_000))
        for options in [[], ["--register", "pc"]] {
            let run = try Program.run(["show", path, "--partial"] + options)
            #expect(run.status == 0)
            #expect(run.text.contains("partial: cut off at byte 20000"))
            #expect(run.text.contains("vCPU 0: ") && !run.text.contains("vCPU 1: "))
            let json = try Program.run(["show", path, "--partial", "--format", "json"] + options)
            let report = try json.json()
            #expect((report["partial"] as? String)?.contains("cut off at byte 20000") == true)
            #expect(report["foundBySearch"] as? Bool == true)
        }
        let piped = try Stream.pipe(path, into: "show", "-", "--partial")
        #expect(piped.text.contains("partial: cut off at byte 20000"))
        let whole = try Program.run("show", Stream.n1, "--partial", "--format", "json").json()
        #expect(whole["partial"] == nil && whole["foundBySearch"] == nil)
        let empty = try folder.make("empty.mig", try Stream.data(Stream.n1).prefix(100))
        expectStreamTrouble(
            try Program.run("show", empty, "--partial"), "cut off at byte 100")
    }

    @Test("Vcpus that were searched for are said to be")
    func search() throws {
        for arguments in [
            ["show", Stream.devices], ["plan", Stream.devices, "--host", host, "--qemu", "10.0"],
            ["mend", Stream.devices, "--host", host, "--dry-run"],
        ] {
            let run = try Program.run(arguments)
            #expect(run.errors.contains("found by search"), "\(arguments)")
            let json = try Program.run(arguments + ["--format", "json"]).json()
            #expect(json["foundBySearch"] as? Bool == true, "\(arguments)")
        }
    }

    @Test("A stream without a description is whole when its user says so")
    func undescribed() throws {
        let path = try folder.make("bare.mig", try Stream.data(Stream.n1).prefix(23_216))
        for arguments in [
            ["show", path], ["plan", path, "--host", host, "--qemu", "10.0", "--policy", "force"],
            ["mend", path, "--host", host, "-o", folder / "new.mig"],
            ["convert", path, "-o", folder / "new.vcpusnap"],
        ] {
            expectStreamTrouble(try Program.run(arguments), "--undescribed", "byte 23216")
            let run = try Program.run(arguments + ["--undescribed"])
            #expect(run.status != 2, "\(run.errors)")
            #expect(run.errors.contains("found by search"))
        }
        let piped = try Stream.pipe(
            path, into: "mend", "-", "--host", host, "-o", "-", "--undescribed")
        #expect(try piped.output == folder.data("new.mig"))
    }

    // MARK: Options and kinds of files

    @Test("Options about streams are refused for everything else")
    func misplaced() throws {
        #expect(try Program.run("convert", Stream.n1, "-o", folder / "vm.vcpusnap").status == 0)
        try folder.make("host.vhost", try Program.run("show", "emulated:\(host)").output)
        for option in [["--snapshot", "one"], ["--partial"], ["--undescribed"]] {
            for source in [folder / "vm.vcpusnap", "emulated:\(host)", folder / "host.vhost"] {
                let run = try Program.run(["show", source] + option)
                expectStreamTrouble(run, option[0], source)
            }
        }
        let stream = try Program.run("show", Stream.n1, "--snapshot", "one")
        expectStreamTrouble(stream, "only qcow2 images have internal snapshots")
        let plan = try Program.run(
            "plan", folder / "vm.vcpusnap", "--host", host, "--snapshot", "one")
        expectStreamTrouble(plan, "--snapshot")
        let pipe = try Stream.pipe(
            Stream.n1, into: "mend", "-", "--host", host, "-o", "-", "--snapshot", "one")
        expectStreamTrouble(pipe, "--snapshot")
    }

    @Test("A file of another kind is told what is read")
    func otherKind() throws {
        for text in ["{\"cpu\": 1}", "\u{7f}ELF\u{2}\u{1}"] {
            let path = try folder.make("other", text)
            let run = try Program.run("show", path)
            expectStreamTrouble(
                run, "not a file that is read here", "migration stream", "virsh save", "qcow2",
                "a host profile")
        }
        expectStreamTrouble(
            try Program.run("show", "/proc/self/maps"), "not a file that is read here")
        expectStreamTrouble(
            try Program.run("show", try folder.make("empty", Data())), "empty")
    }
}

@Suite("Commands: mend of libvirt's images")
struct LibvirtMendTests {
    private let folder: TemporaryFolder
    private let options = ["--host", "6.1-neoverse-n1", "--policy", "force"]

    init() throws {
        folder = try TemporaryFolder()
    }

    /// An image as libvirt writes it.
    private func image(format: UInt8, stream: Data) -> Data {
        let text = Data("<domain/>\0".utf8) + Data(count: 500)
        var header = Data("LibvirtQemudSave".utf8)
        for number in [2, UInt32(text.count), 1, UInt32(format), 0] {
            header += withUnsafeBytes(of: number.littleEndian) { Data($0) }
        }
        return header + Data(count: 56) + text + stream
    }

    private func compressed(_ data: Data, by program: String) throws -> Data {
        let path = try folder.make("plain", data)
        return try Program.run(
            [program, path], program: ["/bin/sh", "-c", "\"$0\" -c < \"$1\""]
        ).output
    }

    private func decompressed(_ data: Data, by program: String) throws -> Data {
        let path = try folder.make("packed", Data(data))
        return try Program.run(
            [program, path], program: ["/bin/sh", "-c", "\"$0\" -dc < \"$1\""]
        ).output
    }

    private func mended(_ source: String, _ name: String) throws -> Data {
        let run = try Program.run(["mend", source] + options + ["-o", folder / name])
        #expect(run.status == 0, "\(run.errors)")
        return try folder.data(name)
    }

    @Test(
        "A compressed image stays compressed by the same program, with the same mended stream",
        arguments: [("gzip", 1), ("xz", 3)] as [(String, UInt8)])
    func compressedImage(program: String, format: UInt8) throws {
        let stream = try Stream.data(Stream.n1)
        let expected = try mended(Stream.n1, "expected.mig")
        let packed = image(format: format, stream: try compressed(stream, by: program))
        let path = try folder.make("vm.save", packed)
        let result = try mended(path, "new.save")
        let head = image(format: format, stream: Data())
        #expect(result.prefix(head.count) == head)
        #expect(try decompressed(result.dropFirst(head.count), by: program) == expected)
        #expect(try folder.permissions("new.save") == 0o600)
        #expect(try Program.run("show", folder / "new.save").status == 0)
        #expect(try folder.data("vm.save") == packed)
        let piped = try Stream.pipe(
            path, into: "mend", "-", "--host", "6.1-neoverse-n1", "--policy", "force", "-o", "-")
        #expect(piped.output == result)
        let dry = try Program.run(["mend", path] + options + ["--dry-run"])
        #expect(dry.status == 0, "\(dry.errors)")
        let inPlace = try Program.run(["mend", path] + options + ["--in-place"])
        expectStreamTrouble(inPlace, "--output")
        #expect(try folder.data("vm.save") == packed)
    }

    @Test("An image that is not compressed is mended in a pipe as in a file")
    func pipe() throws {
        let raw = image(format: 0, stream: try Stream.data(Stream.n1))
        let path = try folder.make("vm.save", raw)
        let expected = try mended(path, "expected.save")
        let piped = try Stream.pipe(
            path, into: "mend", "-", "--host", "6.1-neoverse-n1", "--policy", "force", "-o",
            folder / "piped.save")
        #expect(piped.status == 0, "\(piped.errors)")
        #expect(try folder.data("piped.save") == expected)
    }

    @Test("A compressed image that was cut off, or does not load, leaves no file")
    func refused() throws {
        let packed = image(
            format: 1, stream: try compressed(try Stream.data(Stream.n1), by: "gzip"))
        let cut = try folder.make("cut.save", packed.dropLast(50))
        let run = try Program.run(["mend", cut] + options + ["-o", folder / "new.save"])
        expectStreamTrouble(run, "gzip")
        let inside = image(
            format: 1,
            stream: try compressed(try Stream.data(Stream.n1).prefix(20_000), by: "gzip"))
        let path = try folder.make("inside.save", inside)
        expectStreamTrouble(
            try Program.run(["mend", path] + options + ["-o", folder / "new.save"]),
            "cut off at byte 20000")
        let whole = try folder.make("vm.save", packed)
        let strict = try Program.run(
            "mend", whole, "--host", "6.1-neoverse-n1", "--policy", "exact", "-o",
            folder / "new.save")
        #expect(strict.status == 1)
        #expect(try !folder.names.contains("new.save"))
    }
}
