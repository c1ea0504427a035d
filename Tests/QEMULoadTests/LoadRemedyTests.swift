import Emulation
import Planning
import QEMUStream
import TestFiles
import TestSubjects
import Testing
import Transfer
import VCPUModel

/// Over all streams and hosts: a load that is not what the guest needs ends with what can be done.
@Suite("What can be done about loads, over all streams and hosts")
struct LoadRemedyTests {
    private func expectRemedies(
        _ remedies: LoadRemedies, _ what: String, _ place: SourceLocation = #_sourceLocation
    ) {
        let isFine = remedies.plan.verdict == .loads
        #expect(
            remedies.all.isEmpty == isFine, "\(what): \(remedies.plan.verdict)",
            sourceLocation: place)
    }

    @Test(arguments: StreamFixture.allCases, HostProfile.builtInNames)
    func ofKVM(_ fixture: StreamFixture, _ host: String) throws {
        let (stream, profile) = (try QEMUStream(fixture.bytes), try builtIn(host))
        let policy = RestorePolicy(.safe)
        let origin = stream.origin.canBeOfKVM ? StreamOrigin.kvm : stream.origin
        let vcpus = try stream.cpus.map { section in
            let bank = QEMUVCPUBank(section, origin: origin)
            return VCPUState(index: section.instance, registers: try Capture(of: bank).registers)
        }
        let snapshot = Snapshot(provenance: Provenance(), vcpus: vcpus)
        for version in QEMUVersion.kinds {
            let move = try MovePlan(of: snapshot, on: profile, policy: policy)
            let remedies = try LoadRemedies(of: stream, move, on: profile, by: version, policy)
            expectRemedies(remedies, "\(fixture) on \(host) by \(version)")
        }
    }

    @Test(arguments: StreamFixture.allCases, TCGModel.builtInNames)
    func ofTheEmulation(_ fixture: StreamFixture, _ name: String) throws {
        let model = try #require(try TCGModel.builtIn(named: name))
        let stream = try QEMUStream(fixture.bytes)
        let destination = TCGDestination(
            model, try #require(QEMUVersion(parsing: model.qemu)), machine: "virt-10.0")
        let remedies = try LoadRemedies(of: stream, on: destination, RestorePolicy(.safe))
        expectRemedies(remedies, "\(fixture) on \(name)")
    }
}
