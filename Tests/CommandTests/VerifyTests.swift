import Foundation
import TestFiles
import Testing

/// Files of every kind: what each is, and that it is whole.
@Suite("Commands: verify of every kind of file")
struct VerifyTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let stream = try Data(contentsOf: URL(fileURLWithPath: Stream.n1))
        try folder.make("vm.mig", stream)
        try folder.make("vm.save", Images.libvirtHeader() + [UInt8](stream))
        let image = QCOW2Writer(
            snapshots: [.init(name: "one", state: [UInt8](stream))], hasCounts: true)
        try folder.make("disk.qcow2", image.image())
        let profile = try String(
            contentsOf: ProjectFolder.file("Formats/hosts/6.1-neoverse-n1.vhost"), encoding: .utf8)
        try folder.make("rack1.vhost", profile)
        let state = ProjectFolder.file("Formats/vectors/firecracker/10.0.0-F-2.vmstate")
        try folder.make("vm.vmstate", try Data(contentsOf: state))
        try folder.make("own.vpolicy", "vpolicy 1\nname own\nbase safe\ndrop TCR2_EL1\n")
        let made = try Program.shell(
            """
            gzip -k vm.mig
            vcpusnap baseline 6.12-neoverse-n1 6.12-neoverse-v1 -o n.vbaseline
            """, in: folder)
        #expect(made.errors.isEmpty, "\(made)")
    }

    private static let kinds: KeyValuePairs = [
        "vm.mig": "sound, QEMU stream: virt-10.0, vCPUs 0-1, written with KVM; its RAM is not read",
        "vm.save": "sound, libvirt image: virt-10.0, vCPUs 0-1,",
        "disk.qcow2": "sound, qcow2 image: virt-10.0, vCPUs 0-1,",
        "vm.mig.gz": "sound, compressed stream: virt-10.0, vCPUs 0-1,",
        "rack1.vhost": "sound, host profile: 6.1-neoverse-n1, Linux 6.1",
        "vm.vmstate": "sound, Firecracker state: Firecracker, version 10.0.0, releases 1.16.0, ",
        "own.vpolicy": "sound, policy: own, 1 rule on top of safe",
        "n.vbaseline": "sound, baseline: for 6.12-neoverse-n1, 6.12-neoverse-v1; ",
    ]

    @Test func whole() throws {
        for (name, words) in Self.kinds {
            let run = try Program.run("verify", folder / name)
            #expect(run.status == 0 && run.errors.isEmpty, "\(run)")
            #expect(run.text.hasPrefix("\(folder / name): \(words)"), "\(run.text)")
            #expect(run.text.split(separator: "\n").count == 1)
            let json = try Program.run("verify", folder / name, "--json").json()
            #expect(json["sound"] as? Bool == true && json["kind"] is String)
            // What is read by its end first is no pipe.
            guard !["disk.qcow2", "vm.mig.gz"].contains(name) else { continue }
            let piped = try Program.run("verify", "-", input: try folder.data(name))
            #expect(piped.status == 0 && piped.text.contains("sound"), "\(name): \(piped)")
        }
    }

    @Test("What is cut off or damaged is told, with its place")
    func damaged() throws {
        for (name, place) in [
            ("vm.mig", "cut off at byte 20000"), ("vm.save", "cut off at byte"),
            ("rack1.vhost", "rack1.vhost:"), ("own.vpolicy", "own.vpolicy:"),
            ("n.vbaseline", "n.vbaseline:"),
        ] {
            let isText = name.contains(".v")
            let whole = try folder.data(name)
            try folder.make(
                name, isText ? whole.dropLast(1) + Data("x\nnonsense\n".utf8) : whole.prefix(20_000)
            )
            let run = try Program.run("verify", folder / name)
            #expect(run.status == 2 && run.errors.isEmpty, "\(name): \(run)")
            #expect(run.text.contains("damaged") && run.text.contains(place), "\(run.text)")
            let json = try Program.run("verify", folder / name, "--json")
            #expect(try json.status == 2 && json.json()["sound"] as? Bool == false)
        }
    }

    @Test func whatItDoesNotKnow() throws {
        try folder.make("a.json", "{}")
        expectTrouble(try Program.run("verify", folder / "a.json"), "a.json", "JSON")
        try folder.make("empty", "")
        expectTrouble(try Program.run("verify", folder / "empty"), "empty")
        expectTrouble(try Program.run("verify", "kvm:"), "is not a file")
    }
}
