import VCPUSnap

/// A state file of a VMM, through every command that takes one.
struct VMMTarget: Target {
    let name = "vmm"

    var seeds: [[UInt8]] { [firecracker] }

    /// Layout B in bincode, with a vCPU of a few registers and without an interrupt controller.
    private var firecracker: [UInt8] {
        let magic: UInt64 = 0x0710_1984_aaaa_0000
        let ids: [UInt64] = [0x6030_0000_0010_0000, 0x6020_0000_0010_00d4, 0x6030_0000_0013_c080]
        let state = bytes(
            [UInt8].little(magic, 8), counted(Array("4.0.0".utf8)), [UInt8].little(128, 8), [0],
            [UInt8].little(1, 4), counted(Array("kernel".utf8)), [0, 0], [UInt8].little(0, 4),
            little([0, 0, 1, 0, 0, 0, 0]), little([1]), counted([UInt8].little(0, 4)),
            little([UInt64(ids.count)] + ids), counted([UInt8](repeating: 7, count: 20)),
            little([0x8000_0000]), counted([5, 0, 0, 0, 4] + [UInt8](repeating: 0, count: 27)))
        return sealed(state)
    }

    private func little(_ numbers: [UInt64]) -> [UInt8] {
        numbers.flatMap { [UInt8].little($0, 8) }
    }

    private func counted(_ content: [UInt8]) -> [UInt8] {
        little([UInt64(content.count)]) + content
    }

    private func sealed(_ state: [UInt8]) -> [UInt8] { state + [UInt8].little(CRC64.of(state), 8) }

    func mutate(_ file: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        let changed = mutated(file, most: most)
        return random.once(in: 8) ? changed : sealed(Array(changed.dropLast(8)))
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "v.vmstate")
        Workspace.write(Hosts.other, to: "o.vhost")
        let show = commands.runInBothForms("show", "v.vmstate")
        let verify = commands.run("verify", "v.vmstate")
        expect(
            show.isTrouble == (verify.code != 0),
            "show ends with \(show.code), verify with \(verify.code)")
        let convert = commands.run("convert", "v.vmstate", "-o", "c.vcpusnap")
        expect(
            show.isTrouble == convert.isTrouble,
            "show ends with \(show.code), convert with \(convert.code)")
        guard !convert.isTrouble else { return }
        checkSound("c.vcpusnap", commands)
        commands.run("plan", "v.vmstate", "--host", "o.vhost")
        let diff = commands.run("diff", "v.vmstate", "c.vcpusnap")
        expect(diff.code == 0, "a snapshot made of it differs from it: \(diff.code)")
    }
}
