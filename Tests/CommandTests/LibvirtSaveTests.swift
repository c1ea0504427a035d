import Foundation
import QMP
import RealQEMU
import TestFiles
import Testing
import TextFormats

/// libvirt's part is a script here, which has the monitor of a real QEMU to itself and passes on what it is given, with
/// ids of its own.
@Suite(
    "save libvirt:, with a real QEMU",
    .enabled(if: QEMU.isThere, "needs qemu-system-aarch64 on the PATH"))
struct LibvirtSaveTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder / "bin", withIntermediateDirectories: false)
    }

    private func virsh(_ program: String) throws {
        try folder.make("bin/virsh", program)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: folder / "bin/virsh")
    }

    /// A virsh for the domain `guest one`.
    private func virsh(of qemu: QEMU) throws {
        try virsh(
            """
            #!/usr/bin/env python3
            import array, json, socket, sys
            words = sys.argv[1:]
            assert words.pop(0) == "qemu-monitor-command" and words.pop(0) == "--domain"
            if words.pop(0) != "guest one":
                sys.exit("error: failed to get domain")
            passed = []
            if words[0] == "--pass-fds":
                passed, words = [int(words[1])], words[2:]
            assert words.pop(0) == "--cmd"
            command = json.loads(words.pop(0))
            assert not words and "id" not in command
            command["id"] = "libvirt-17"
            monitor = socket.socket(socket.AF_UNIX)
            monitor.connect("\(qemu.path)")
            lines = monitor.makefile("r")
            lines.readline()
            monitor.sendall(b'{"execute": "qmp_capabilities"}')
            while "return" not in lines.readline():
                pass
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", passed))] if passed else []
            monitor.sendmsg([json.dumps(command).encode()], rights)
            while True:
                answer = lines.readline()
                if json.loads(answer).get("id") == "libvirt-17":
                    print(answer)
                    break
            """)
    }

    private func vcpusnap(_ words: String) throws -> Run {
        try Program.shell(
            "export PATH=$PWD/bin:\(ProcessInfo.processInfo.environment["PATH"] ?? ""):$PATH; vcpusnap \(words)",
            in: folder)
    }

    @Test("It is what qmp: reads, and the VM runs on or stays stopped")
    func saves() throws {
        let qemu = try QEMU(vCPUs: 2)
        try virsh(of: qemu)
        #expect(try qemu.connect().execute("query-status")["status"]?.string == "running")
        let running = try vcpusnap("save 'libvirt:guest one' -o live")
        #expect(running.status == 0 && running.errors.isEmpty, "\(running)")
        #expect(try qemu.connect().execute("query-status")["status"]?.string == "running")
        try qemu.connect().execute("stop")
        let stopped = try vcpusnap("save 'libvirt:guest one' -o stopped")
        #expect(stopped.errors.contains("the VM was not running (paused), and stays so"))
        let difference = try vcpusnap("diff stopped qmp:\(qemu.path) --exact")
        #expect(difference.status == 0, "\(difference)")
        // Nothing is left behind in QEMU.
        #expect(try qemu.connect().execute("query-fdsets").array?.isEmpty == true)
    }

    @Test("What virsh or QEMU refuses is told")
    func refusals() throws {
        expectTrouble(
            try Program.shell(
                "ln -s ${0%/*}/vcpusnap bin; export PATH=$PWD/bin; vcpusnap show libvirt:x",
                in: folder),
            "libvirt:x: there is no program virsh on the PATH")
        let qemu = try QEMU(vCPUs: 1)
        try virsh(of: qemu)
        expectTrouble(
            try vcpusnap("show libvirt:other"), "libvirt:other: virsh refuses: error: failed to get"
        )
        for (script, message) in [
            ("printf 'error: \\033[31mno\\n' >&2; exit 1", "error: \\u{1b}[31mno"),
            ("echo hello", "expected a QMP message, found hello"),
            ("echo '{\"id\": 1}'", "has no \"return\" or \"error\""),
            ("exec cat /dev/zero", "longer than"),
            ("kill -9 $$", "virsh refuses"),
            (
                "echo '{\"error\": {\"class\": \"X\", \"desc\": \"y\"}}'",
                "QEMU refused query-status: X: y"
            ),
        ] {
            try virsh("#!/bin/sh\n\(script)\n")
            let run = try vcpusnap("show libvirt:x")
            expectTrouble(run, message)
            #expect(!run.errors.contains("\u{1b}"))
        }
        expectTrouble(try vcpusnap("set libvirt:x x0=1"), "libvirt:x")
        expectTrouble(try vcpusnap("restore cpu libvirt:x"), "no way to write registers")
        expectTrouble(try vcpusnap("show libvirt:"), "libvirt:")
    }
}
