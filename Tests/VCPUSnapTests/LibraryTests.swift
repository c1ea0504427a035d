import Foundation
import TestFiles
import Testing
import VCPUSnap

@Suite("The library, by its one import")
struct LibraryTests {
    private func profile(_ name: String) throws -> HostProfile {
        try #require(try HostProfile.builtIn(named: name))
    }

    /// A vCPU of a host, as `KVM_CREATE_VCPU` leaves it.
    private func fresh(_ host: HostProfile) throws -> EmulatedCPU {
        try #require(EmulatedHost(host).makeVCPUs(1).first)
    }

    /// One that ran.
    private func used(_ host: HostProfile) throws -> EmulatedCPU {
        let vcpu = try fresh(host)
        try vcpu.initialize(with: host.vcpuInit ?? VCPUInit(features: []))
        try vcpu.write(RegisterValue(0x1234), to: .x(1))
        return vcpu
    }

    @Test("What the example moves arrives, and what cannot be moved is not touched")
    func moves() throws {
        let folder = try TemporaryFolder()
        let (new, old) = (try profile("6.12-neoverse-n1"), try profile("6.1-neoverse-n1"))
        let target = try fresh(new)
        #expect(try move(try used(new), to: target, on: new, by: folder / "cpu.vcpusnap"))
        #expect(try target.read(.x(1)) == RegisterValue(0x1234))

        let untouched = try fresh(old)
        #expect(try !move(try used(new), to: untouched, on: old, by: folder / "cpu.vcpusnap"))
        #expect(throws: RegisterBankError.self) { try untouched.read(.x(1)) }
    }

    @Test("Documentation shows the example as it is")
    func isInDocumentation() throws {
        let example = try text("Tests/VCPUSnapTests/LibraryExample.swift")
        #expect(try text("Documentation/library.md").contains("```swift\n\(example)```\n"))
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: ProjectFolder.file(path), encoding: .utf8)
    }
}
