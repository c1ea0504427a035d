import Emulation
import LinuxSystem
import Planning
import QEMUStream
import Registers
import TestFiles
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// What QEMU with KVM makes of the interrupt controller of a stream; the answers are those seen of QEMU 10.0
/// (Formats/qemu-stream.md, section 6).
@Suite("Loads: the interrupt controller")
struct InterruptLoadTests {
    /// Where ICC_CTLR_EL1 of a vCPU begins in the body of arm_gicv3, and how far vCPUs are apart.
    private static let control = (first: 10344 + 96 + 8, distance: 272)

    private static let devices = [
        "device VGIC_V3", "device VGIC_ITS", "gic-revision 3",
        "attribute ICC_CTLR_EL1 0x603000000013c664 0x8c00",
    ]

    private func host(_ lines: [String] = devices) throws -> HostProfile {
        let text = try builtIn("6.12-neoverse-n1").text.split(separator: "\n").filter { line in
            !["device ", "gic-revision ", "attribute "].contains { line.hasPrefix($0) }
        }
        return try HostProfile(
            parsing: (text.map(String.init) + lines).joined(separator: "\n"), file: "test")
    }

    /// The stream of a guest with two vCPUs and an ITS, with a number in a section's body replaced.
    private func stream(
        _ value: UInt64, _ width: Int, at offset: Int, of device: String
    ) throws -> QEMUStream {
        var bytes = try StreamFixture.kvmN1.bytes
        let header = [UInt8(device.utf8.count)] + Array(device.utf8) + [0, 0, 0, 0]
        let start = try #require(
            bytes.indices.first {
                $0 >= 5 && bytes[$0 - 5] == 4 && bytes[$0...].starts(with: header)
            })
        for place in 0..<width {
            bytes[start + header.count + 4 + offset + place] = UInt8(
                truncatingIfNeeded: value >> UInt64(8 * (width - 1 - place)))
        }
        return try QEMUStream(bytes)
    }

    private func controlled(_ value: UInt64, vcpu: Int = 0) throws -> QEMUStream {
        try stream(
            value, 8, at: Self.control.first + vcpu * Self.control.distance, of: "arm_gicv3")
    }

    private func plan(_ stream: QEMUStream, _ host: HostProfile) throws -> LoadPlan {
        try LoadPlan(
            of: stream, on: host, version: QEMUVersion(10, 0), policy: RestorePolicy(.force))
    }

    @Test(
        "A refused CPU interface makes QEMU abort, at the first vCPU that has it",
        arguments: [
            (0x8d00, 0, "0x000000000000c664"), (0x0c00, 0, "0x000000000000c664"),
            (0x8d00, 1, "0x000000010000c664"),
        ] as [(UInt64, Int, String)])
    func refused(value: UInt64, vcpu: Int, attribute: String) throws {
        let plan = try plan(try controlled(value, vcpu: vcpu), try host())
        #expect(plan.verdict == .fails)
        #expect(
            plan.output
                == ["KVM_SET_DEVICE_ATTR failed: Group 6 attr \(attribute): Invalid argument"])
        guard case .refusedInterrupts(let refusal)? = plan.blockers.first(where: \.isFatal) else {
            Issue.record("\(plan.blockers)")
            return
        }
        #expect(refusal.id == .iccCTLREL1 && refusal.unit == .vcpu(UInt32(vcpu)))
        #expect(refusal.incoming.lowBits == value && refusal.held?.lowBits == 0x8c00)
        #expect(refusal.errno == .invalidArgument)
        // Whatever the machine type is: other versions do not load it either.
        let all = try LoadPlan(
            of: try controlled(value, vcpu: vcpu), on: try host(), version: .newest,
            policy: RestorePolicy(.force), isOfOneVersion: false)
        #expect(all.verdict == .fails)
    }

    @Test(
        "An ITS of another revision, and one that reads beyond its commands",
        arguments: [
            (0x1000, 4, 4, "0x0000000000000004"), (0xffff0, 8, 24, "0x0000000000000090"),
        ] as [(UInt64, Int, Int, String)])
    func translator(value: UInt64, width: Int, offset: Int, attribute: String) throws {
        let plan = try plan(
            try stream(value, width, at: offset, of: "arm_gicv3_its"), try host())
        #expect(plan.verdict == .fails)
        #expect(
            plan.output
                == ["KVM_SET_DEVICE_ATTR failed: Group 8 attr \(attribute): Invalid argument"])
    }

    @Test(
        "Fewer bits of priority load, and so does what is as on the host",
        arguments: [0x8b00, 0x8c00])
    func taken(value: UInt64) throws {
        let plan = try plan(try controlled(value), try host())
        #expect(plan.verdict == .loads && plan.blockers.isEmpty)
    }

    @Test("A device that the host's KVM does not make is named")
    func absent() throws {
        let stream = try QEMUStream(.kvmN1)
        let others = try host(["device VGIC_V2"])
        #expect(try plan(stream, others).blockers == [.absentController("VGIC_V3")])
        let without = try plan(stream, try host(["device VGIC_V3"]))
        #expect(without.blockers == [.absentController("VGIC_ITS")])
        #expect(without.verdict == .fails && without.output.isEmpty)
    }

    @Test("A profile that does not say which devices there are decides nothing")
    func unknown() throws {
        let plan = try plan(try controlled(0x8d00), try host([]))
        #expect(plan.verdict == .loads && plan.blockers.isEmpty)
    }

    @Test("No mend helps, and another host is named")
    func remedies() throws {
        let (stream, host) = (try controlled(0x8d00), try host())
        let force = RestorePolicy(.force)
        let mend = try StreamMend(of: stream, on: host, policy: force)
        #expect(mend.isBlocked && !mend.isSafe)
        let move = try MovePlan(of: try snapshot(of: stream), on: host, policy: force)
        let remedies = try LoadRemedies(
            of: stream, move, on: host, by: QEMUVersion(10, 0), force)
        guard case .ofTheMove(.otherHost(let what), nil)? = remedies.all.first else {
            Issue.record("\(remedies.all)")
            return
        }
        #expect(what == "ICC_CTLR_EL1 0x8d00" && remedies.all.count == 1)
    }
}
