import Foundation
import Registers
import TestFiles
import Testing
import VCPUModel
import VMMFiles

/// Files that the programs of Tests/VMM make from the pages of Formats: what is read of them, and that damage is told.
@Suite("Files of libkrun, cloud-hypervisor and crosvm")
struct GeneratedFileTests {
    /// A file, or the folder of a snapshot, that a program makes.
    struct Sample: CustomTestStringConvertible, Sendable {
        let generator: VMMGenerator
        var count = "2"
        var profile = "6.12-neoverse-n1"
        var variant = ""

        var testDescription: String { "\(generator.rawValue) \(count) \(profile) \(variant)" }

        func make(in folder: TemporaryFolder) throws -> [VMMGenerator.Register] {
            let arguments = variant.isEmpty ? [] : [variant]
            return arguments.isEmpty
                ? try generator.make(folder / "sample", count, profile)
                : try generator.make(folder / "sample", count, profile, variant)
        }

        func state(in folder: TemporaryFolder) throws -> VMMState {
            if generator == .libkrun {
                return try LibkrunCheckpoint.read(try folder.bytes("sample"))
            }
            if generator == .cloudHypervisor {
                return try CloudHypervisorState.read(try folder.bytes("sample"))
            }
            var vcpus: [CrosvmSnapshot.Part] = []
            for index in 0..<(Int(count) ?? 0) {
                vcpus.append(
                    try .init(named: "vcpu\(index)", try folder.bytes("sample/vcpu/vcpu\(index)")))
            }
            let chip = try CrosvmSnapshot.Part(
                named: "irqchip", try folder.bytes("sample/irqchip"))
            return try CrosvmSnapshot.read(vcpus: vcpus, controller: chip)
        }
    }

    static let samples: [Sample] = [
        Sample(generator: .libkrun), Sample(generator: .libkrun, count: "1", profile: "6.1-max"),
        Sample(generator: .libkrun, count: "32", variant: "three-lists"),
        Sample(generator: .libkrun, variant: "board"),
        Sample(generator: .cloudHypervisor, count: "11"),
        Sample(generator: .cloudHypervisor, count: "1", profile: "6.12-neoverse-v1"),
        Sample(generator: .cloudHypervisor, variant: "50"),
        Sample(generator: .cloudHypervisor, variant: "39"),
        Sample(generator: .cloudHypervisor, variant: "35"),
        Sample(generator: .crosvm), Sample(generator: .crosvm, variant: "json"),
        Sample(generator: .crosvm, count: "1", variant: "early"),
    ]

    private static let added: Set<RegisterID> = [.vcpuInit, .vcpuFinalized, .unknownState]

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("Every register is what was put there, and there is no other", arguments: samples)
    func values(sample: Sample) throws {
        let expected = Set(try sample.make(in: folder))
        let snapshot = try sample.state(in: folder).snapshot
        var found: Set<VMMGenerator.Register> = []
        let units = snapshot.vcpus.map { ("\($0.index)", $0.registers) } + [("vm", snapshot.vm)]
        for (unit, registers) in units {
            // What the features were, and what KVM tells nobody, is not in such files.
            for (id, value) in registers where !Self.added.contains(id) {
                found.insert(.init(unit: unit, id: id.rawValue, value: value.description))
            }
        }
        #expect(!expected.isEmpty)
        let (lost, made) = (expected.subtracting(found), found.subtracting(expected))
        #expect(lost.isEmpty && made.isEmpty, "\(lost.prefix(5)) \(made.prefix(5))")
    }

    @Test("A GICv2's registers go to the vCPUs that they are of")
    func gicV2() throws {
        let sample = Sample(generator: .libkrun, variant: "gicv2")
        _ = try sample.make(in: folder)
        let snapshot = try sample.state(in: folder).snapshot
        #expect(snapshot.vm[.gicModel]?.bits == 5)
        let control = try #require(RegisterID(parsing: "GICC_PMR"))
        #expect(snapshot.vcpus.map { $0.registers[control]?.bits } == [0xf8, nil])
    }

    @Test(
        "What it is not cut at, or changed in, is told with its place", arguments: samples.prefix(2)
    )
    func libkrunDamage(sample: Sample) throws {
        _ = try sample.make(in: folder)
        let bytes = try folder.bytes("sample")
        // Parts behind the vCPUs may be missing as a whole.
        let ends = Set([bytes.count, bytes.count - 4, bytes.count - 22])
        for count in 0..<bytes.count where !ends.contains(count) {
            let error = #expect(throws: VMMFileError.self) {
                try LibkrunCheckpoint.read(Array(bytes.prefix(count)))
            }
            #expect(error?.offset != nil)
        }
        try flips(of: bytes) { _ = try LibkrunCheckpoint.read($0) }
    }

    @Test(
        "The same of text and of CBOR",
        arguments: [samples[5], samples[8], samples[9], samples[10]])
    func damage(sample: Sample) throws {
        _ = try sample.make(in: folder)
        let isCrosvm = sample.generator == .crosvm
        let bytes = try folder.bytes(isCrosvm ? "sample/vcpu/vcpu0" : "sample")
        let read: ([UInt8]) throws -> Void = { bytes in
            _ =
                isCrosvm
                ? try CrosvmSnapshot.read(vcpus: [try .init(named: "vcpu0", bytes)])
                : try CloudHypervisorState.read(bytes)
        }
        for count in stride(from: 0, to: bytes.count, by: 211) {
            let error = #expect(throws: VMMFileError.self) { try read(Array(bytes.prefix(count))) }
            #expect(error?.offset != nil)
        }
        try flips(of: bytes, by: 101, read)
    }

    /// Every bit of some bytes is changed: it is refused, or read as something else.
    private func flips(
        of bytes: [UInt8], by step: Int = 7, _ read: ([UInt8]) throws -> Void
    ) throws {
        for place in stride(from: 0, to: bytes.count, by: step) {
            for bit in 0..<8 {
                var changed = bytes
                changed[place] ^= 1 << UInt8(bit)
                do {
                    try read(changed)
                } catch is VMMFileError {
                    continue
                }
            }
        }
    }
}
