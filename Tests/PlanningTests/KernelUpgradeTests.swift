import Emulation
import Planning
import Registers
import TestSubjects
import Testing
import Transfer
import VCPUModel

@Suite("Upgrades of a host's kernel, and the way back")
struct KernelUpgradeTests {
    private static let names = HostProfile.builtInNames.filter { !$0.hasPrefix("7.") }

    private func like(_ host: HostProfile) throws -> [HostProfile] {
        host.recordingsOfSameCPU(try HostProfile.builtInNames.map { try builtIn($0) })
    }

    private func upgrade(
        _ snapshot: Snapshot, on old: HostProfile, to kernel: String,
        _ preset: RestorePolicy.Preset = .safe
    ) throws -> KernelUpgrade {
        try KernelUpgrade(
            of: snapshot, on: old, to: old.withKernel(kernel, like: like(old)),
            policy: RestorePolicy(preset))
    }

    // MARK: The way back

    /// Of a host that gets back its old kernel no newer kernel and no other host is said, and the kernel at which it is to
    /// stop is the first that takes what the old one does not; where none is said, only the newest does.
    @Test(arguments: names)
    func theWayBackStopsEarlier(_ name: String) throws {
        let old = try builtIn(name)
        let own = try #require(old.kernel)
        let upgrade = try upgrade(guest(of: old), on: old, to: "7.3", .exact)
        let fresh = try save(start(on: upgrade.new), on: upgrade.new)
        let dates = KernelVersion.ofChanges.filter {
            $0 > own && $0 < KernelVersion(7, 3) && $0.patch == 0
        }
        let lost = try dates.map { kernel in
            let host = try old.withKernel(kernel)
            let lost = try MovePlan(of: fresh, on: host, policy: RestorePolicy(.exact)).lostIDs
            return (kernel, lost.union(host.guesses.map(\.register)))
        }
        for loss in upgrade.back.units[0].losses + upgrade.freshBack.units[0].losses {
            let names = loss.remedies.map(\.name)
            #expect(!names.contains("upgrade-kernel") && !names.contains("other-host"), "\(names)")
            #expect(!names.isEmpty)
        }
        var count = 0
        for loss in upgrade.freshBack.units[0].losses where !loss.takesACapability {
            let first = lost.first { !$0.1.contains(loss.restore.id) }?.0
            let said = loss.remedies.compactMap { remedy -> KernelVersion? in
                if case .stopAtKernel(let version) = remedy { version } else { nil }
            }
            #expect(said == [first].compactMap(\.self), "\(loss.restore.id): \(said)")
            count += said.count
        }
        #expect(count > 0)
    }

    /// What the first of the two moves changed, the guest was not started with.
    @Test(arguments: names)
    func noStartOfWhatTheUpgradeChanged(_ name: String) throws {
        let old = try builtIn(name)
        let snapshot = try guest(of: old)
        let upgrade = try upgrade(snapshot, on: old, to: "7.3", .exact)
        let changed = upgrade.back.units[0].losses.filter {
            snapshot.vcpus[0].registers[$0.restore.id] != $0.restore.wanted
        }
        for loss in changed {
            let texts = loss.remedies.map(\.text)
            #expect(!texts.contains { $0.contains("first run") }, "\(loss.restore.id): \(texts)")
        }
    }

    /// A guest that runs already is told of no kernel to be started on.
    @Test(arguments: names)
    func noFreshStartOfAGuestThatRuns(_ name: String) throws {
        let old = try builtIn(name)
        let upgrade = try upgrade(guest(of: old), on: old, to: "7.3", .exact)
        let names = upgrade.back.units[0].losses.flatMap(\.remedies).map(\.name)
        #expect(!names.contains("start-fresh"))
    }

    // MARK: What the new kernel shows otherwise

    /// KVM of 6.1 shows CCIDX and lets nobody change it; 6.3 hides it.
    @Test func aKernelThatHidesAFeature() throws {
        let old = try builtIn("6.1-neoverse-v1")
        let loss = try upgrade(guest(of: old), on: old, to: "7.3").up.loss(of: "ID_MMFR4_EL1")
        let text =
            "start the guest on Linux 6.3 or newer, where a fresh guest has ID_MMFR4_EL1.CCIDX 0x0"
        #expect(loss.remedies.map(\.text).contains(text), "\(loss.remedies.map(\.text))")
    }

    /// KVM of 6.12 shows HCX, of which 6.1 knows nothing.
    @Test func aKernelThatDoesNotShowAFeatureYet() throws {
        let source = try builtIn("6.12-max")
        let plan = try MovePlan(
            of: guest(of: source), on: builtIn("6.1-max"), policy: RestorePolicy(.exact))
        let texts = try plan.loss(of: "ID_AA64MMFR1_EL1").remedies.map(\.text)
        let end = "older than 6.5, where a fresh guest has ID_AA64MMFR1_EL1.HCX 0x0"
        #expect(texts.contains { $0.hasSuffix(end) }, "\(texts)")
        // The guest has it on older kernels, too, which only do not save it.
        let count = try plan.loss(of: "CNTPCT_EL0").remedies.map(\.name)
        #expect(!count.contains("start-fresh"), "\(count)")
    }

    /// IMP and IDCODE of PMCR_EL0 are 0 since 6.7, which says as much as MIDR_EL1.
    @Test func identificationOfThePMU() throws {
        let old = try builtIn("6.1-neoverse-n1")
        let up = try upgrade(guest(of: old), on: old, to: "6.12").up
        #expect(up.verdict == .yesWithPolicy("safe"))
        #expect(try up.loss(of: "PMCR_EL0").restore.pardon?.proof?.contains("MIDR_EL1") == true)
        let exact = try upgrade(guest(of: old), on: old, to: "6.12", .exact).up
        let loss = try exact.loss(of: "PMCR_EL0")
        #expect(loss.cause == Cause(.kernelView, "PMCR_EL0 (IMP, IDCODE)"))
        let names = loss.remedies.map(\.name)
        #expect(names.contains("without-features") && names.contains("lower-fields"), "\(names)")
        // Of a guest whose N does not fit either more is lost than that.
        var fewer = old
        try fewer.setField("PMCR_EL0", "N", 2)
        let moved = try MovePlan(
            of: guest(of: old), on: fewer.withKernel("6.12", like: []), policy: RestorePolicy(.safe)
        )
        #expect(try moved.loss(of: "PMCR_EL0").restore.pardon == nil)
    }

    /// Graviton3 has MPAM, which 6.1 shows and 6.18 takes and hides.
    @Test func memoryPartitioning() throws {
        let old = try Graviton.profile(1, 1)
        let new = try old.withKernel(Graviton.kernels[2], like: [])
        let upgrade = try KernelUpgrade(
            of: guest(of: old), on: old, to: new, policy: RestorePolicy(.safe))
        let loss = try upgrade.up.loss(of: "ID_AA64PFR0_EL1")
        #expect(loss.cause == Cause(.kernelView, "ID_AA64PFR0_EL1 (MPAM)"))
        #expect(loss.cause.text.contains("takes the value"))
        let texts = loss.remedies.map(\.text)
        #expect(texts.contains { $0.hasSuffix("has ID_AA64PFR0_EL1.MPAM 0x0") }, "\(texts)")
        #expect(!loss.remedies.map(\.name).contains("upgrade-kernel"))
    }

    // MARK: Devices

    /// A guest with a GICv3 and an ITS, on a host that is taken from the snapshot.
    @Test func interruptControllerOfASnapshot() throws {
        let snapshot = try guestWithController()
        let host = try HostProfile(from: snapshot)
        #expect(host.devices == ["VGIC_V3", "VGIC_ITS"] && host.gicRevisions == [2, 3])
        #expect(try host.attributes[register("ICC_CTLR_EL1")]?.bits == 0x8c00)
        #expect(try host.attributes[register("PVTIME_IPA")]?.bits == .max)
        let upgrade = try upgrade(snapshot, on: host, to: "7.3")
        for plan in [upgrade.up, upgrade.back] {
            let lost = plan.units.flatMap(\.report.losses).map(\.id.name)
            #expect(lost.isEmpty && plan.verdict != .no, "\(lost)")
        }
        // The same by a host of which nothing is known.
        let unknown = try HostProfile(
            parsing: withoutDevices().joined(separator: "\n"), file: "test")
        let other = try self.upgrade(snapshot, on: unknown, to: "7.3")
        #expect(other.up.verdict == .no)
    }

    /// The lines of a host of which nothing was recorded but its vCPUs.
    private func withoutDevices() throws -> [String] {
        try builtIn("6.12-neoverse-n1").text.split(separator: "\n").map(String.init).filter {
            line in
            !["device ", "gic-revision ", "attribute "].contains { line.hasPrefix($0) }
        }
    }

    private func guestWithController() throws -> Snapshot {
        let lines = [
            "device VGIC_V3", "device VGIC_ITS", "gic-revision 2", "gic-revision 3",
            "attribute GICD_IIDR 0x7620000000030002 0x4b00343b",
            "attribute GICD_TYPER2 0x7620000000030003 0x0",
            "attribute GIC_LINE_LEVEL0 0x7620000000000004 0x0",
            "attribute ICC_CTLR_EL1 0x603000000013c664 0x8c00",
            "attribute ICC_PMR_EL1 0x603000000013c230 0x0",
            "attribute TIMER_IRQ_VIRTUAL 0x7620000000070100 0x1b",
            "attribute PVTIME_IPA 0x7630000000001200 0xffffffffffffffff",
        ]
        let text = (try withoutDevices() + lines).joined(separator: "\n")
        let profile = try HostProfile(parsing: text, file: "test")
        let (vcpus, bank) = EmulatedHost(profile).makeVM(vcpuCount: 1)
        try vcpus[0].initialize(with: try #require(profile.vcpuInit))
        try bank.makeInterruptController(.v3)
        let writes: [(String, UInt64)] = [
            ("GICD_IIDR", 0x4b00_243b), ("GICD_CTLR", 0x52), ("GICD_ISENABLER1", 5),
        ]
        for (name, bits) in writes {
            let id = try register(name)
            try bank.write(RegisterValue(bits, size: id.size ?? 8), to: id)
        }
        let translator = try #require(RegisterID.address(ofITS: 0))
        try bank.write(RegisterValue(0x808_0000, size: 8), to: translator)
        try vcpus[0].set("ICC_PMR_EL1", 0xf0)
        try vcpus[0].set("ICC_CTLR_EL1", 0x8c01)
        var snapshot = try save(vcpus, on: profile)
        snapshot.vm = try bank.readAll()
        return snapshot
    }
}
