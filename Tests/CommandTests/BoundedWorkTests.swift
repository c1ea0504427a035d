import Foundation
import Registers
import SnapshotFormat
import TestFiles
import Testing
import VCPUModel

/// A small file can stand for a large guest: what commands make of it is written as it is made, and what is
/// the same for many registers or vCPUs is worked out once.
///
/// Nothing here depends on how fast the machine is: memory is limited (RLIMIT_DATA), and processor time only so
/// that work which grows with a product ends at all.
@Suite struct BoundedWorkTests {
    /// A guest of `vcpus` vCPUs with `registers` registers that no host has.
    /// - Parameter value: of a register of a vCPU, by their numbers.
    private func snapshot(
        vcpus: Int, registers: Int, value: (Int, Int) -> UInt64
    ) -> Snapshot {
        let ids = (0..<registers).map { RegisterID(rawValue: 0x6030_0000_0050_0000 + UInt64($0)) }
        return Snapshot(
            provenance: Provenance(),
            vcpus: (0..<vcpus).map { vcpu in
                let pairs = ids.enumerated().map { ($1, RegisterValue(value(vcpu, $0))) }
                return VCPUState(
                    index: UInt32(vcpu), registers: RegisterList(pairs) ?? RegisterList())
            })
    }

    private func write(_ snapshot: Snapshot, _ folder: TemporaryFolder, _ name: String) throws
        -> String
    {
        try folder.make(name, Data(try SnapshotWriter.encode(snapshot)))
    }

    /// Runs the program with so many MiB of data, and 60 s of processor time.
    private func run(_ arguments: [String], mebibytes: Int) throws -> Run {
        let limits = "ulimit -d \(mebibytes * 1024); ulimit -t 60; exec \"$@\""
        return try Program.run(arguments, program: ["/bin/sh", "-c", limits, "sh", Program.path])
    }

    /// Reports of hundreds of bytes for each register are not held in memory.
    @Test(arguments: [
        ["plan", "FILE", "--host", "6.12-max"],
        ["plan", "FILE", "--host", "6.12-max", "--format", "json"],
        ["restore", "FILE", "emulated:6.12-max"],
        ["restore", "FILE", "emulated:6.12-max", "--format", "json"],
        ["show", "FILE"], ["show", "FILE", "--format", "json"],
        ["diff", "FILE", "OTHER"], ["diff", "FILE", "OTHER", "--format", "json"],
        ["matrix", "FILE", "--host", "6.12-max"],
    ])
    func reportsAreWrittenAsTheyAreMade(arguments: [String]) throws {
        let folder = try TemporaryFolder()
        // Every value is another one, so nothing can be shared.
        let file = try write(
            snapshot(vcpus: 64, registers: 128) { UInt64($0 * 1000 + $1) }, folder, "a.vcpusnap")
        let other = try write(
            snapshot(vcpus: 64, registers: 128) { UInt64($0 * 1000 + $1 + 7) }, folder, "b.vcpusnap"
        )
        let words = arguments.map { $0 == "FILE" ? file : $0 == "OTHER" ? other : $0 }
        let run = try run(words, mebibytes: 32)
        #expect(run.errors.isEmpty)
        #expect(run.status == (arguments[0] == "show" ? 0 : 1))
        if words.contains("json") { #expect(try !run.json().isEmpty) }
    }

    /// Text says once what holds for all vCPUs.
    @Test func textGrowsWithRegistersAndNotWithVCPUs() throws {
        let folder = try TemporaryFolder()
        let one = try write(snapshot(vcpus: 1, registers: 40) { UInt64($1) }, folder, "1.vcpusnap")
        let many = try write(
            snapshot(vcpus: 64, registers: 40) { UInt64($0 + $1) }, folder, "64.vcpusnap")
        for command in [
            ["plan", "FILE", "--host", "6.12-max"], ["restore", "FILE", "emulated:6.12-max"],
        ] {
            let lines = try [one, many].map { file in
                try Program.run(command.map { $0 == "FILE" ? file : $0 }).text.split(
                    separator: "\n")
            }
            #expect(lines[1].count <= lines[0].count + 3, "\(command)")
            #expect(lines[1].contains { $0.hasPrefix("vCPUs 0-63: ") }, "\(command)")
        }
    }

    /// Headers of sections, each with its own number and none with a footer: each footer could be anywhere
    /// behind.
    @Test func footersAreLookedForOnceInAStream() throws {
        let folder = try TemporaryFolder()
        var stream = Data("QEVM".utf8) + [0, 0, 0, 3, 1, 2, 3, 4]
        for number in 0..<(UInt32(3) << 20) / 17 {
            withUnsafeBytes(of: number.bigEndian) { stream += [4] + Array($0) }
            stream += [3] + Array("cpu".utf8) + [1, 1, 1, 1, 0, 0, 0, 22]
        }
        let file = try folder.make("a.mig", stream)
        let run = try run(["show", file, "--undescribed"], mebibytes: 512)
        #expect(run.status == 2)
        #expect(run.errors.contains("cut off"))
    }

    /// Beginnings of descriptions of 3 MiB each, which end before the stream does.
    @Test func formerDescriptionsAreReadAsFarAsOneMayBeLong() throws {
        let folder = try TemporaryFolder()
        var stream = Data("QEVM".utf8) + [0, 0, 0, 3, 1, 2, 3, 4]
        for _ in 0..<(6 << 20) / 7 { stream += [0, 6, 0, 0x30, 0, 0, UInt8(ascii: "{")] }
        let run = try run(["show", folder.make("a.mig", stream)], mebibytes: 512)
        #expect(run.status == 2)
        #expect(run.errors.contains("cut off"))
    }

    /// 1,024 rules that test a value, each of which is asked about each loss of each vCPU.
    @Test(arguments: ["drop * if 0x7%", "drop * if 0x7%/0xffffff", "accept-masked * 0x7%"])
    func rulesThatTestAValueAreNoWalk(rule: String) throws {
        let folder = try TemporaryFolder()
        let file = try write(
            snapshot(vcpus: 512, registers: 1024) { UInt64($0 * 1000 + $1) }, folder, "a.vcpusnap")
        let lines = (0..<1024).map { number in
            rule.replacingOccurrences(of: "%", with: String(0x1000 + number, radix: 16))
        }
        let policy = try folder.make(
            "a.vpolicy", "vpolicy 1\n\(lines.joined(separator: "\n"))\n")
        let run = try run(
            ["plan", file, "--host", "6.1-max", "--policy", policy], mebibytes: 1024)
        #expect(run.status == 1, "\(run.errors)")
    }

    /// A stream of as many whole vCPUs, with devices and nothing else.
    private func stream(vcpus: Int) throws -> Data {
        let fixture = try StreamFixture.kvmDevices.bytes
        let name = [3] + Array("cpu".utf8) + [0]
        let start = try #require(fixture.indices.first { fixture[$0...].starts(with: name) })
        // Its list has 258 registers; without subsections 65 bytes follow that.
        let section = fixture[start + 12..<start + 12 + 572 + 16 * 258 + 65]
        var stream = Data("QEVM".utf8) + [0, 0, 0, 3]
        for number in 0..<UInt32(vcpus) {
            let id = withUnsafeBytes(of: (number + 1).bigEndian, Array.init)
            let instance = withUnsafeBytes(of: number.bigEndian, Array.init)
            stream += [4] + id + [3] + Array("cpu".utf8) + instance + [0, 0, 0, 22] + section
            stream += [0x7e] + id
        }
        return stream + [0]
    }

    /// What QEMU does with each register of each vCPU is not held as JSON.
    @Test func loadsAreWrittenAsTheyAreMade() throws {
        let folder = try TemporaryFolder()
        let file = try folder.make("a.mig", try stream(vcpus: 200))
        let run = try run(
            ["plan", file, "--host", "6.1-neoverse-n1", "--qemu", "10.0", "--format", "json"],
            mebibytes: 96)
        #expect(run.status == 1, "\(run.errors)")
        #expect(try !run.json().isEmpty)
    }

    /// A hole takes no room on the disk, whatever its size.
    @Test func anUndoFileThatIsTooLargeIsNotRead() throws {
        let folder = try TemporaryFolder()
        let file = try folder.make("a.mig", Data())
        let undo = try FileHandle(
            forWritingTo: URL(fileURLWithPath: try folder.make("a.mig.undo", "")))
        try undo.truncate(atOffset: 1 << 30)
        let run = try run(["unmend", file], mebibytes: 64)
        #expect(run.status == 2)
        #expect(run.errors.contains("EFBIG"), "\(run.errors)")
    }

    /// 1,020 rules with wildcards, each asked about each register of each vCPU.
    @Test func rulesAreMatchedOnceForEachRegister() throws {
        let folder = try TemporaryFolder()
        let file = try write(
            snapshot(vcpus: 64, registers: 64) { UInt64($0 + $1) }, folder, "a.vcpusnap")
        let rules = (0..<1020).map { "drop *Q\($0)*Z?" }.joined(separator: "\n")
        let policy = try folder.make("p.vpolicy", "vpolicy 1\nbase safe\n\(rules)\ndrop 0x*\n")
        let run = try run(
            ["plan", file, "--host", "6.1-max", "--policy", policy, "--format", "json"],
            mebibytes: 64)
        #expect(run.errors.isEmpty)
        let vcpus = try #require(
            (try run.json()["hosts"] as? [[String: Any]])?[0]["vcpus"] as? [Any])
        #expect(vcpus.count == 64)
    }
}
