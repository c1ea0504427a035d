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

    @Test("The example of a whole VM refuses what is no open descriptor")
    func machineNeedsDescriptors() {
        let vcpu = KVMMachine.LentVCPU(
            descriptor: -1, index: 0, initializedWith: VCPUInit(features: []))
        let gic = KVMMachine.LentController(.v3, descriptor: -1)
        #expect { try save(-1, [vcpu], gic, to: "unused.vcpusnap") } throws: {
            ($0 as? KVMError)?.errno == .badFileDescriptor
        }
        #expect { try restore(-1, [vcpu], gic, from: "unused.vcpusnap") } throws: {
            ($0 as? KVMError)?.errno == .badFileDescriptor
        }
    }

    @Test("Documentation shows the examples as they are", arguments: ["Library", "Machine"])
    func isInDocumentation(_ name: String) throws {
        let example = try text("Tests/VCPUSnapTests/\(name)Example.swift")
        #expect(try text("Documentation/library.md").contains("```swift\n\(example)```\n"))
    }

    @Test("Documentation shows the example for C as it is, which has less than 60 lines")
    func isInDocumentationForC() throws {
        let example = try text("Tests/CLibrary/example.c")
        #expect(try text("Documentation/c-library.md").contains("```c\n\(example)```\n"))
        #expect(example.split(separator: "\n", omittingEmptySubsequences: false).count <= 60)
    }

    @Test(
        "All that has a version has the same",
        arguments: [
            ("Sources/CVCPUSnap/include/vcpusnap.h", "#define VCPUSNAP_VERSION_"),
            ("Bindings/python/pyproject.toml", "version = \"\(Version.number)\""),
            ("Bindings/rust/Cargo.toml", "version = \"\(Version.number)\""),
            ("Bindings/rust/vcpusnap/Cargo.toml", "version = \"\(Version.number)\""),
        ])
    func hasVersion(_ path: String, _ words: String) throws {
        let found = try text(path)
        #expect(found.contains(words))
        guard path.hasSuffix(".h") else { return }
        for (part, number) in zip(
            ["MAJOR", "MINOR", "PATCH"], Version.number.split(separator: "."))
        {
            #expect(found.contains("#define VCPUSNAP_VERSION_\(part) \(number)\n"))
        }
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: ProjectFolder.file(path), encoding: .utf8)
    }
}
