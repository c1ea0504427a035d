import VCPUSnap

/// What Firecracker's cpu-template-helper writes, through every command that takes it.
struct TemplateTarget: Target {
    let name = "template"

    var seeds: [[UInt8]] {
        [
            Array(Self.fingerprint.utf8), Array(Self.dump.utf8),
            Array(
                #"""
                {"kvm_capabilities": ["171", "!172"], "vcpu_features": [{"index": 0, "bitmap": "0b0x_1xx"}],
                 "reg_modifiers": [{"addr": "0x603000000013c020", "bitmap": "0b0000_xxxx"}]}
                """#.utf8),
        ]
    }

    /// Of a vCPU with few registers.
    private static let dump: String = {
        var dump = CPUTemplate()
        dump.modifiers = Guests.essential(1).vcpus.flatMap { vcpu in
            vcpu.registers.compactMap { id, value in
                guard id.rawValue >> 56 == 0x60, [4, 8, 16].contains(value.size) else { return nil }
                return BitPattern(all: value).map {
                    CPUTemplate.Modifier(register: id, pattern: $0)
                }
            }
        }
        return dump.file
    }()

    private static let fingerprint = """
        {"firecracker_version": "1.16.0", "kernel_version": "6.12.1", "microcode_version": "0x0",
         "bios_version": "1", "bios_revision": "1", "guest_cpu_config": \(dump)}
        """

    func mutate(_ bytes: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        random.once(in: 2) ? mutated(bytes, most: most) : mutatedJSON(bytes, &random)
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "t.json")
        Workspace.write(Hosts.other, to: "o.vhost")
        Workspace.write(Guests.small, to: "g.vcpusnap")
        let file = try? CPUFingerprint(parsing: bytes)
        let verify = commands.runInBothForms("verify", "t.json")
        expect(
            verify.code != 0 || file != nil || !CPUFingerprint.recognizes(bytes),
            "verify calls sound what is not read")
        let set = commands.run("set", "g.vcpusnap", "--baseline", "t.json", "-o", "s.vcpusnap")
        if let file, file.isTemplate {
            let again = try? CPUFingerprint(parsing: Array(file.configuration.file.utf8))
            expect(
                again?.configuration == file.configuration, "what was written is not what was read")
            if !set.isTrouble { checkSound("s.vcpusnap", commands) }
        } else {
            expect(
                set.isTrouble || !CPUFingerprint.recognizes(bytes), "set takes what is no template")
        }
        commands.runInBothForms("plan", "g.vcpusnap", "--host", "t.json")
        commands.run("plan", "t.json", "--host", "o.vhost")
        commands.run("baseline", "t.json", "o.vhost", "--format", "firecracker", "-o", "b.json")
        commands.run("host", "--from", "t.json", "--kernel", "6.12", "-o", "n.vhost")
        commands.run("show", "t.json")
    }
}
