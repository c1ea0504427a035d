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

/// A stream has no vector lengths: QEMU gives the guest the destination's, and KVM takes what fits.
@Suite("What QEMU does with the vectors of a stream")
struct VectorLoadTests {
    /// A host as the one that the stream comes from, with other vector lengths.
    private func host(_ lengths: UInt64) throws -> HostProfile {
        var profile = try builtIn("6.12-max")
        let bytes = (0..<64).map { $0 < 8 ? UInt8(truncatingIfNeeded: lengths >> ($0 * 8)) : 0 }
        profile.registers.set(
            try #require(RegisterValue(littleEndian: bytes)), for: .sveVLS)
        return profile
    }

    /// A stream of a guest with SVE whose vectors are zero, but for what is given for one vCPU.
    /// - Parameters:
    ///   - length: ZCR_EL1.LEN.
    ///   - enabled: CPACR_EL1.ZEN.
    ///   - set: the byte of each register that is not zero.
    private func stream(
        _ fixture: StreamFixture = .kvmMax, length: UInt64 = 0, enabled: UInt64 = 3, vcpu: Int = 0,
        set: [RegisterID: Int] = [:]
    ) throws -> QEMUStream {
        let original = try QEMUStream(fixture)
        var sections: [CPUSection] = []
        for (position, section) in original.cpus.enumerated() {
            var section = section
            var entries = section.entries
            let isMeant = position == vcpu
            entries.set(try register("ZCR_EL1"), isMeant ? length : 0)
            entries.set(try register("CPACR_EL1"), isMeant ? enabled << 16 : 0)
            try section.replaceEntries(entries)
            let bank = QEMUVCPUBank(section, origin: original.origin)
            for id in bank.list() where id.isVectorOfTests {
                var bytes = [UInt8](repeating: 0, count: id.size ?? 0)
                if isMeant, let byte = set[id] { bytes[byte] = 0x80 }
                try bank.write(try #require(RegisterValue(littleEndian: bytes)), to: id)
            }
            sections.append(bank.section)
        }
        return try original.replacing(sections)
    }

    private func plan(
        _ stream: QEMUStream, on lengths: UInt64, _ policy: RestorePolicy = RestorePolicy(.safe),
        by version: QEMUVersion = QEMUVersion(10, 2)
    ) throws -> LoadPlan {
        try LoadPlan(
            of: stream, on: try host(lengths), version: version, policy: policy,
            isOfOneVersion: false)
    }

    // MARK: Values

    @Test(
        "What stands above the destination's vectors is cut off, and nothing else",
        arguments: [0x1, 0x3, 0xb, 0x8b, 0x7fff] as [UInt64])
    func cut(lengths: UInt64) throws {
        let room = (64 - lengths.leadingZeroBitCount) * 16
        for byte in [15, 16, 31, 32, 63, 64, 127] {
            let set = [RegisterID.z(3): byte, .p(2): byte / 8, .ffr: byte / 8]
            let plan = try plan(try stream(set: set), on: lengths)
            for (id, place) in set {
                let load = try #require(plan.vcpus[0].registers.first { $0.id == id })
                let fits = place < (id.size == 256 ? room : room / 8)
                #expect(load.fate == (fits ? .loaded : .altered), "\(id), byte \(place)")
                #expect(load.held == (fits ? load.incoming : .zero(size: id.size ?? 0)))
                #expect(load.isLoss == !fits)
            }
            #expect(try plan.load(of: "z4").fate == .loaded)
            #expect(plan.vcpus[0].vectors?.longest == room * 8)
            #expect(plan.vcpus[0].vectors?.isCut == (byte >= room))
        }
    }

    @Test("The low part of a vector that is cut off stays", arguments: QEMUVersion.kinds)
    func lowPart(version: QEMUVersion) throws {
        let original = try stream()
        let bank = QEMUVCPUBank(original.cpus[0], origin: .kvm)
        let bytes = (0..<256).map { $0 < 128 ? UInt8($0 + 1) : 0 }
        try bank.write(try #require(RegisterValue(littleEndian: bytes)), to: .z(31))
        let plan = try plan(try original.replacing([bank.section]), on: 0x3, by: version)
        let load = try plan.load(of: "z31")
        #expect(load.fate == .altered)
        #expect(load.held?.littleEndianBytes == bytes.enumerated().map { $0 < 32 ? $1 : 0 })
        #expect(plan.verdict == .loadsWithLosses)
        #expect(plan.output.isEmpty)
    }

    @Test("Longer vectors at the destination lose nothing")
    func longer() throws {
        let set = [RegisterID.z(0): 31, .p(0): 3]
        for lengths: UInt64 in [0x3, 0xb, 0xffff] {
            let plan = try plan(try stream(length: 1, set: set), on: lengths)
            #expect(plan.vcpus[0].vectors?.isCut == false)
            #expect(plan.names("altered").filter { $0 != "PMOVSSET_EL0" } == [])
            #expect(plan.vcpus[0].vectors?.shown == 256)
        }
    }

    // MARK: Lengths

    /// LEN, ZEN, the destination's lengths, what the registers show, whether the guest gets less.
    private static let lengths: [(UInt64, UInt64, UInt64, Int, Bool)] = [
        (0, 3, 0x1, 128, false), (1, 3, 0x1, 256, true), (3, 3, 0x1, 512, true),
        (3, 1, 0x1, 512, true), (3, 3, 0x3, 512, true), (3, 3, 0xb, 512, false),
        // Switched off.
        (3, 0, 0x1, 128, false),
        // 384 bits are between the destination's lengths.
        (2, 3, 0xb, 384, true), (2, 3, 0xf, 384, false),
        // The longest that there is.
        (15, 3, 0x1, 128, false), (14, 3, 0xb, 1920, true), (14, 3, 0xffff, 1920, false),
    ]

    @Test("ZCR_EL1 asks for a length that the destination has, or has not", arguments: lengths)
    func asked(
        length: UInt64, enabled: UInt64, lengths: UInt64, shown: Int, isCut: Bool
    ) throws {
        let stream = try stream(length: length, enabled: enabled)
        let plan = try plan(stream, on: lengths)
        let vectors = try #require(plan.vcpus[0].vectors)
        #expect(vectors.shown == shown && vectors.isCut == isCut)
        let load = plan.vcpus[0].registers.first { $0.id == .sveVLS }
        #expect((load != nil) == isCut)
        if let load {
            #expect(load.fate == .altered && load.isLoss)
            #expect(load.incoming?.lowBits == 1 << UInt64(shown / 128 - 1))
            #expect(load.held?.lowBits == lengths)
            #expect(plan.verdict == .loadsWithLosses)
        }
        // ZCR_EL1 itself holds what the guest wrote.
        #expect(try plan.load(of: "ZCR_EL1").fate == .loaded)
    }

    @Test("Bits above the 64 of LEN's register count for nothing")
    func reservedBits() throws {
        let plan = try plan(try stream(length: .max << 4), on: 0x1)
        #expect(plan.vcpus[0].vectors?.isCut == false)
    }

    @Test("Each vCPU has its own vectors, and one that loses some is enough", arguments: [0, 1])
    func severalVCPUs(vcpu: Int) throws {
        // No KVM loads this one; its vectors are planned all the same.
        let stream = try stream(.tcgMax, vcpu: vcpu, set: [.z(7): 100])
        try #require(stream.cpus.count == 2)
        let plan = try plan(stream, on: 0x3)
        #expect(plan.vcpus.map { $0.vectors?.isCut } == [vcpu == 0, vcpu == 1])
        #expect(plan.vcpus.map { $0.vectors?.shown } == (vcpu == 0 ? [896, 128] : [128, 896]))
        let fates = plan.vcpus.map { $0.registers.first { $0.id == .z(7) }?.fate }
        #expect(fates == (vcpu == 0 ? [.altered, .loaded] : [.loaded, .altered]))
    }

    @Test("Without SVE at either end there are no lengths to speak of")
    func withoutSVE() throws {
        let none = try loadPlan(
            try QEMUStream(.kvmN1), on: "6.12-max", by: QEMUVersion(10, 0))
        #expect(none.vcpus.allSatisfy { $0.vectors == nil })
        let lost = try loadPlan(
            try stream(length: 3, set: [.z(1): 63]), on: "6.12-neoverse-n1",
            by: QEMUVersion(10, 0))
        let vectors = try #require(lost.vcpus[0].vectors)
        #expect(vectors.longest == 0 && vectors.shown == 512 && vectors.isCut)
        #expect(try lost.load(of: "z1").fate == .dropped)
        #expect(!lost.vcpus[0].registers.contains { $0.id == .sveVLS })
    }

    // MARK: Policies

    @Test("Policies pardon what is cut off, by name")
    func pardons() throws {
        let stream = try stream(length: 3, set: [.z(0): 63, .p(0): 7])
        #expect(try plan(stream, on: 0x1, RestorePolicy(.force)).verdict == .loads)
        let half = try policy("accept-masked z0", "accept-masked p0", "accept-masked PMOVSSET_EL0")
        #expect(try plan(stream, on: 0x1, half).verdict == .loadsWithLosses)
        let whole = try policy(
            "accept-masked z0", "accept-masked p0", "accept-masked PMOVSSET_EL0",
            "accept-masked SVE_VLS")
        #expect(try plan(stream, on: 0x1, whole).verdict == .loads)
    }

    @Test("A stream whose vectors would be cut off is not said to be mended")
    func mend() throws {
        let stream = try stream(length: 3, set: [.z(0): 63, .p(0): 7])
        let host = try host(0x1)
        let safe = try StreamMend(of: stream, on: host, policy: RestorePolicy(.safe))
        #expect(!safe.isSafe)
        #expect(Set(safe.vcpus[0].refusals.map(\.id.name)) == ["z0", "p0", "SVE_VLS"])
        #expect(safe.vcpus[0].altered.map(\.id.name) == ["PMOVSSET_EL0"])
        let force = try StreamMend(of: stream, on: host, policy: RestorePolicy(.force))
        #expect(force.isSafe && force.changesNothing)
        #expect(Set(force.vcpus[0].altered.map(\.id.name)).isSuperset(of: ["z0", "p0"]))
        #expect(force.plans.allSatisfy { $0.verdict == .loads })
        // Where it fits it is as before.
        let fitting = try StreamMend(
            of: stream, on: try self.host(0xb), policy: RestorePolicy(.safe))
        #expect(fitting.isSafe)
    }
}

extension RegisterID {
    /// Z0 to Z31, P0 to P15 and FFR.
    fileprivate var isVectorOfTests: Bool {
        guard case .sve = group else { return false }
        return self != .sveVLS
    }
}
