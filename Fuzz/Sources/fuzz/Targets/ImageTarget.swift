/// A saved image, through every command that takes one.
struct ImageTarget: Target {
    let name = "image"

    var seeds: [[UInt8]] { [libvirt(0, Streams.small), qcow2(Streams.small)] }

    /// The header of `virsh save`, the XML, and a stream.
    private func libvirt(_ format: UInt64, _ stream: [UInt8]) -> [UInt8] {
        let xml = Array("<domain type='kvm'>\n  <name>guest</name>\n</domain>\n".utf8) + [0]
        let fields: [UInt64] = [2, UInt64(xml.count), 1, format, 0]
        return bytes(
            Array("LibvirtQemudSave".utf8), fields.flatMap { [UInt8].little($0, 4) },
            [UInt8](repeating: 0, count: 56), xml, stream)
    }

    /// A qcow2 image of version 3 with clusters of 512 bytes: header, snapshot table, L1, L2, the state.
    private func qcow2(_ stream: [UInt8]) -> [UInt8] {
        let size = 512
        let clusters = (stream.count + size - 1) / size
        let (table, l1, l2) = (size, 2 * size, 3 * size)
        let l2s = (clusters + 63) / 64
        let data = l2 + l2s * size
        let header = bytes(
            [0x51, 0x46, 0x49, 0xfb], bigEndian([3], 4), bigEndian([0], 8), bigEndian([0, 9], 4),
            bigEndian([0], 8),
            bigEndian([0, 0], 4), bigEndian([0, 0], 8), bigEndian([0, 1], 4),
            bigEndian([UInt64(table), 0, 0, 0], 8), bigEndian([4, 104], 4))
        let count = UInt64(stream.count)
        let snapshot = bytes(
            bigEndian([UInt64(l1)], 8), bigEndian([UInt64(l2s)], 4), bigEndian([1, 4], 2),
            bigEndian([1, 2], 4),
            bigEndian([3], 8), bigEndian([count, 24], 4), bigEndian([count, 0, 0], 8),
            Array("1name".utf8))
        let l1s = (0..<l2s).flatMap { [UInt8].big(UInt64(l2 + $0 * size) | 1 << 63, 8) }
        let l2Entries = (0..<clusters).flatMap {
            [UInt8].big(UInt64(data + $0 * size) | 1 << 63, 8)
        }
        return bytes(
            padded(header, size), padded(snapshot, size), padded(l1s, size),
            padded(l2Entries, l2s * size),
            padded(stream, clusters * size))
    }

    private func padded(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: max(0, size - bytes.count))
    }

    func mutate(_ image: [UInt8], most: Int, _ random: inout Random) -> [UInt8] {
        guard !random.once(in: 3), image.count > 16 else { return mutated(image, most: most) }
        var bytes = image
        let isLittle = bytes[0] == UInt8(ascii: "L")
        let place =
            isLittle ? 16 + 4 * random.below(6) : 4 * random.below(min(bytes.count, 2048) / 4)
        let value = random.once(in: 2) ? random.number() : UInt64(random.below(bytes.count))
        if isLittle {
            bytes.setLittle(value, 4, at: place)
        } else {
            bytes.setBig(value, random.once(in: 2) ? 4 : 8, at: place)
        }
        return bytes
    }

    func use(_ bytes: [UInt8]) {
        let commands = Commands(bytes)
        Workspace.write(bytes, to: "i.img")
        let show = commands.runInBothForms("show", "i.img")
        commands.run("show", "--partial", "--snapshot", "name", "i.img")
        commands.run("verify", "i.img")
        commands.run("plan", "i.img", "--host", "o.vhost", "--qemu", "10.0")
        let convert = commands.run("convert", "i.img", "-o", "c.vcpusnap")
        expect(
            show.isTrouble == convert.isTrouble,
            "show ends with \(show.code), convert with \(convert.code)")
        if !convert.isTrouble { checkSound("c.vcpusnap", commands) }
        let how = ["--host", "o.vhost", "--policy", "force"]
        let file = commands.run(["mend", "i.img", "-o", "m.img"] + how)
        if file.code == 0 { checkMended("m.img", host: "o.vhost", commands) }
        let place = commands.run(["mend", "i.img", "--in-place"] + how)
        guard place.code == 0, Workspace.read("i.img.undo") != nil else {
            return expect(
                Workspace.read("i.img") == bytes,
                "mend ends with \(place.code) and changed it for good")
        }
        expect(
            Workspace.read("m.img") == Workspace.read("i.img"),
            "mended in place it is another image")
        let undo = commands.run("unmend", "i.img")
        expect(undo.code == 0 && Workspace.read("i.img") == bytes, "unmend does not restore it")
    }
}
