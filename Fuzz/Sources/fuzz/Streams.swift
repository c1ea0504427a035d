import Glibc
import VCPUSnap

/// QEMU streams: real ones of the tests, and a small one made here.
enum Streams {
    /// Of the repository; those that are there.
    static let real: [[UInt8]] = {
        let folder = #filePath.split(separator: "/").dropLast(4)
        let path = "/" + folder.joined(separator: "/") + "/Tests/QEMUStreamTests/Streams/"
        // The smallest of KVM's and of QEMU's own emulation: the others have nothing more, and take long.
        let names = ["kvm-6.12-neoverse-n1-devices", "tcg-cortex-a15"]
        return names.compactMap { Workspace.read(path + $0 + ".mig") }
    }()

    /// One vCPU with KVM's system registers of a small guest, described as QEMU does.
    static let small = stream(of: 1)

    static func stream(of count: UInt32) -> [UInt8] {
        let values = Guests.essential(1).vcpus[0].registers.filter { isListed($0.0) }
        let list = values.map { (id: $0.0.rawValue, value: $0.1.lowBits) }
        let head = bytes(Array("QEVM".utf8), .big(3, 4), [7], .big(9, 4), Array("virt-10.0".utf8))
        let sections = (0..<count).flatMap { section(UInt64($0), list) }
        let devices = (0..<count).map { description(UInt64($0), list.count) }.joined(
            separator: ", ")
        let text = Array(#"{"page_size": 4096, "devices": [\#(devices)]}"#.utf8)
        return bytes(head, sections, [0, 6], .big(UInt64(text.count), 4), text)
    }

    /// What KVM lists of 64 bits beside the core registers.
    private static func isListed(_ id: RegisterID) -> Bool {
        id.size == 8 && id.rawValue >> 56 == 0x60 && id.rawValue >> 16 & 0xfff == 0x013
    }

    private static func section(_ instance: UInt64, _ list: [(id: UInt64, value: UInt64)])
        -> [UInt8]
    {
        var fixed = [UInt8](repeating: 0, count: 568)
        fixed.setBig(0x3c5, 4, at: 332)
        let number = 7 + instance
        let body = bytes(
            fixed, .big(UInt64(list.count), 4), bigEndian(list.map(\.id), 8),
            bigEndian(list.map(\.value), 8),
            [UInt8](repeating: 0, count: 48), [UInt8](repeating: 0xff, count: 16), [0])
        return bytes(
            [4], .big(number, 4), [3], Array("cpu".utf8), .big(instance, 4), .big(22, 4), body,
            [0x7e],
            .big(number, 4))
    }

    private static func description(_ instance: UInt64, _ count: Int) -> String {
        let lists = ["indexes", "values"].map {
            #"{"name": "cpreg_vmstate_\#($0)", "array_len": \#(count), "type": "uint64", "size": 8}"#
        }
        return
            #"{"name": "cpu", "instance_id": \#(instance), "vmsd_name": "cpu", "version": 22, "fields": ["#
            + #"{"name": "fixed", "type": "buffer", "size": 568}, "#
            + #"{"name": "cpreg_vmstate_array_len", "type": "int32 le", "size": 4}, "#
            + lists.joined(separator: ", ") + #", {"name": "tail", "type": "buffer", "size": 65}]}"#
    }
}
