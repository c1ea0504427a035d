import VCPUSnap

/// A file of libkrun, cloud-hypervisor or crosvm, a dump of registers or an analyzed stream, through every command that takes one.
struct VMMFileTarget: Target {
    let name = "vmm-others"

    var seeds: [[UInt8]] {
        [
            checkpoint, Array(tree.utf8), Array(dump.utf8), Array(analysis.utf8), vcpu,
            Array(
                "{\"vcpu_id\":0,\"sp\":0,\"x\":[0],\"v\":[340282366920938463463374607431768211455]}"
                    .utf8),
        ]
    }

    /// libkrun's, with a GICv3 of one register and two vCPUs of two registers.
    private var checkpoint: [UInt8] {
        let lists =
            [UInt8].little(1, 4) + [UInt8].little(0, 4) + [UInt8].little(0x52, 4)
            + [UInt8].little(1, 4) + [UInt8].little(0x10100, 8) + [UInt8].little(0xffff, 4)
            + [UInt8].little(1, 4) + [UInt8].little(0xc230, 8) + [UInt8].little(0xf0, 8)
            + [UInt8].little(0, 8)
        var result = [UInt8].little(UInt64(lists.count), 4) + lists + [UInt8].little(2, 4)
        for index: UInt64 in 0..<2 {
            let registers =
                [UInt8].little(0x6030_0000_0010_0000, 8) + [UInt8].little(index, 8)
                + [UInt8].little(0, 8) + [UInt8].little(0x6030_0000_0013_c005, 8)
                + [UInt8].little(1 << 31 | index, 8) + [UInt8].little(0, 8)
            result += [UInt8].little(8 + UInt64(registers.count), 4) + [UInt8].little(0, 4)
            result += [UInt8].little(2, 4) + registers
        }
        return result + [UInt8].little(2, 4) + Array("{}".utf8)
    }

    private var tree: String {
        let core = [String](repeating: "0", count: 864).joined(separator: ",")
        let state =
            #"{\"Kvm\":{\"mp_state\":[0,0,0,0],\"core_regs\":[\#(core)],"#
            + #"\"sys_regs\":[[5,192,19,0,0,0,48,96,0,0,0,128,0,0,0,0]]}}"#
        return #"{"snapshots":{"cpu-manager":{"snapshots":{"0":{"snapshots":{},"snapshot_data":"#
            + #"{"state":"\#(state)"}}}}},"snapshot_data":{"state":"{\"clock\":{\"cntvct\":1}}"}}"#
    }

    private var dump: String {
        "vcpu 0\n0x6030000000100000 0x1\nSCTLR_EL1 = 3\n603000000013c080 8 0 0 1\n"
    }

    private var analysis: String {
        "{\"ram (2)\": {}, \"cpu (6)\": {\"a\": [\"0x00\", true], \"cpu/vfp\": {\"b\": \"00 01\"}}}"
    }

    /// crosvm's, in CBOR.
    private var vcpu: [UInt8] {
        bytes(
            [0xa4, 0x67], Array("vcpu_id".utf8), [0, 0x61], Array("x".utf8), [0x98, 31],
            [UInt8](repeating: 1, count: 31), [0x61], Array("v".utf8), [0x98, 32],
            [0xc2, 0x49, 1], [UInt8](repeating: 0, count: 8 + 31), [0x63], Array("sys".utf8),
            [0xa1, 0x19, 0xc0, 0x05, 0])
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "v.state")
        Workspace.write(Hosts.other, to: "o.vhost")
        let show = commands.runInBothForms("show", "v.state")
        let verify = commands.run("verify", "v.state")
        expect(verify.code != 0 || !show.isTrouble, "verify calls sound what show does not read")
        commands.run("plan", "v.state", "--host", "o.vhost")
        commands.run("matrix", "v.state", "--host", "o.vhost")
        let same = commands.run("diff", "v.state", "v.state")
        expect(show.isTrouble || same.code == 0, "a file differs from itself")
        let convert = commands.run("convert", "v.state", "-o", "c.vcpusnap")
        guard convert.code == 0 else { return }
        expect(!show.isTrouble, "convert takes what show does not")
        checkSound("c.vcpusnap", commands)
    }
}
